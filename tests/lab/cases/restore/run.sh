# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# what: xl mem-set, save and restore of a guest whose balloon is in use
# proves: a8
# needs: pvh stage
# timeout: 240
. /lab/dom0/memory.sh

size()
{
    echo $(($(domain_value one pages) / 256))
}

start_memoryd
create_guest one memory=512
load_balloon one
guest one 'mkdir -p /tmp/f && xk-fill start /tmp/f 64 5'
full=$(size)
sweep one --target 384 >/dev/null
small=$(size)
[ "$small" -le 385 ]

# The toolstack's own command goes down by the stock driver, and up by both.
xl mem-set one 320
wait_for 40 '[ "$(size)" -le 321 ]'
xl mem-set one 512
wait_for 60 '[ "$(size)" -ge "$full" ]'
guest one 'xk-fill check /tmp/f'
total=$(guest_total one)
[ "$total" -ge $((full * 1024 * 8 / 10)) ]
note "mem-set: down to 320 and up to $(size)"

# Saved with memory in the balloon and entries about, restored as another
# domain.
sweep one --target 400 >/dev/null
held=$(size)
[ "$(domain_value one pod_entries)" = "$(domain_value one pod_cache)" ]
old=$(domid one)
measure save timeout -k 5 100 xl save one /tmp/one.save
wait_for 10 "! xenstore-exists /local/domain/0/backend/xk-balloon/$old"
measure restore timeout -k 5 100 xl restore /tmp/one.save
rm /tmp/one.save
GUEST_TIMEOUT=60 guest one true
[ "$(domid one)" != "$old" ]
guest one 'xk-fill check /tmp/f'
[ "$(size)" -le $((held + 1)) ] || fail "restored with $(size) of $held MiB"

wait_for 60 '[ "$(frontend one)" = connected ]'
sweep one --target 512 >/dev/null
[ "$(size)" -ge "$full" ]
guest one 'xk-fill check /tmp/f'
sweep one --target 448 >/dev/null
covered one
guest one 'xk-fill check /tmp/f'
