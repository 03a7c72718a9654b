# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# what: on_crash = rename-restart: dumped while the next one runs
# proves: d3 d4
# needs: pvh stage
# timeout: 240
# tier: full
# allow: sysrq: Trigger a crash|Kernel panic - not syncing|BUG: kernel NULL pointer -- it is what the case is for
. /lab/dom0/crash.sh

make_keys owner owner
start_crashd

# told NAME: the guest that runs has how the last one ended
told()
{
    wait_for 90 "xenstore-exists /local/domain/\$(domid $1)/xk-crash/last/time"
    [ "$(xenstore-read "/local/domain/$(domid "$1")/xk-crash/last/dump")" = \
        "$(record "$1" id)" ]
}

# bury NAME: both of it
bury()
{
    destroy_guest "$1"
    xl list | awk -v n="^$1-" '$1 ~ n { print $1 }' | while read -r name; do
        destroy_guest "$name"
    done
}

note "without the module"
dies renamed on_crash=rename-restart
stored renamed
verified renamed
wait_for 60 'domid renamed'
told renamed
bury renamed

note "with it"
dies_held waiting on_crash=rename-restart
waited waiting
verified waiting
wait_for 60 'domid waiting'
told waiting
bury waiting
