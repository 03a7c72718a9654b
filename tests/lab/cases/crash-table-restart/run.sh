# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# what: on_crash = restart: lost without the module, dumped with it
# proves: d3 d4
# needs: pvh stage
# timeout: 240
# tier: full
# allow: sysrq: Trigger a crash|Kernel panic - not syncing|BUG: kernel NULL pointer -- it is what the case is for
. /lab/dom0/crash.sh

make_keys owner owner
start_crashd

# begins_again NAME DOMID: it runs, as another domain
begins_again()
{
    wait_for 60 "domid $1 && [ \"\$(domid $1)\" != $2 ]"
}

note "without the module: xl is faster, or not"
create_guest lost memory=128 vcpus=1 on_crash=restart
first=$(domid lost)
crash_guest lost
begins_again lost "$first"
wait_for 10 'recorded lost' && note "$(record lost outcome)" ||
    note "no record"
destroy_guest lost

note "with it"
create_guest waiting memory=128 vcpus=1 on_crash=restart
first=$(domid waiting)
load_xk_crash waiting
crash_guest waiting
waited waiting
verified waiting
begins_again waiting "$first"
last=/local/domain/$(domid waiting)/xk-crash/last
wait_for 30 "xenstore-exists $last/time"
[ "$(xenstore-read "$last/reason")" = panic ]
destroy_guest waiting
