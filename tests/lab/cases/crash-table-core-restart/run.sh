# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# what: on_crash = coredump-restart: held at the FIFO, or by the module
# proves: d3
# needs: pvh stage
# timeout: 240
# tier: full
# allow: sysrq: Trigger a crash|Kernel panic - not syncing|BUG: kernel NULL pointer -- it is what the case is for
. /lab/dom0/crash.sh

make_keys owner owner
start_crashd

# begins NAME: with a FIFO where xl's core would be
begins()
{
    create_guest "$1" memory=128 vcpus=1 on_crash=coredump-restart
    wait_for 20 "[ -p /var/lib/xen/dump/$1 ]"
}

# goes_on NAME: xl was let go, and its corpse is of no more use
goes_on()
{
    wait_for 60 "grep -q '$1: let go: xl goes on' $OUT/crashd.log"
    [ "$(grep -l "\"guest\": *\"$1\"" "$STORE"/*/record.json | wc -l)" = 1 ]
    destroy_guest "$1"
    wait_for 30 "[ ! -e /var/lib/xen/dump/$1 ]"
}

note "without the module"
begins held
crash_guest held
stored held
verified held
goes_on held

note "with it"
begins waiting
load_xk_crash waiting
crash_guest waiting
waited waiting
verified waiting
goes_on waiting
