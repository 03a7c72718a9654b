# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# what: on_crash = destroy: lost without the module, dumped with it
# proves: d3
# needs: pvh stage
# timeout: 240
# tier: full
# allow: sysrq: Trigger a crash|Kernel panic - not syncing|BUG: kernel NULL pointer -- it is what the case is for
. /lab/dom0/crash.sh

make_keys owner owner
start_crashd

note "without the module: xl is faster, or not"
dies lost on_crash=destroy
wait_for 60 '! domid lost'
wait_for 10 'recorded lost' && note "$(record lost outcome)" ||
    note "no record"

note "with it"
dies_held waiting on_crash=destroy
waited waiting
verified waiting
wait_for 60 '! domid waiting'
