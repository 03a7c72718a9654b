# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# what: on_crash = preserve: dumped, and crashd does what it is told
# proves: d3 d7
# needs: pvh stage
# timeout: 240
# tier: full
# allow: sysrq: Trigger a crash|Kernel panic - not syncing|BUG: kernel NULL pointer -- it is what the case is for
. /lab/dom0/crash.sh

make_keys owner owner
start_crashd 'guests = [ "name=killed,action=destroy",' \
    '"name=again,action=restart,config=/out/again.cfg",' \
    '"name=none,stateless=yes" ]'

note "crashd destroys it"
dies killed
stored killed
wait_for 30 '! domid killed'

note "crashd starts it again"
dies again
first=$(domid again)
note "it was domain $first"
stored again
wait_for 60 'domid again && [ "$(domid again)" != "$first" ]'
destroy_guest again

note "stateless: a record says why there is no dump"
dies none
wait_for 30 'recorded none'
[ "$(record none outcome)" = skipped ]
crashed none
destroy_guest none
