# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# what: a PVH guest boots, answers, has a sane size, shuts down cleanly
# tier: full
# proves:
# needs: pvh
# timeout: 90

create_guest one
note "guest one is domain $(domid one)"

[ "$(guest one 'echo "a  b"; echo c')" = $'a  b\nc' ]
status=0
guest one 'exit 7' || status=$?
[ "$status" = 7 ] || fail "the status of a command: $status, not 7"
[ "$(guest one 'uname -r')" = "$(uname -r)" ]

# Tens of KiB come back whole, stderr apart from stdout.
guest one 'seq 10000; echo gone >&2' >/tmp/seq 2>/tmp/seq.err
seq 10000 | cmp - /tmp/seq
[ "$(cat /tmp/seq.err)" = gone ]

# A command that never ends is cut off, and the agent goes on.
status=0
GUEST_TIMEOUT=2 guest one 'sleep 60' || status=$?
[ "$status" = 124 ] || fail "an endless command: status $status, not 124"

pages=$(domain_value one pages)
[ "$pages" -gt $((500 * 256)) ]
[ "$pages" -le $((513 * 256)) ]
xl list one | grep -q ' 51[0-9] '

shutdown_guest one
