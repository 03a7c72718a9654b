# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# what: each on_crash of xl: is there a dump, and what becomes of the guest
# proves: d3 d7
# needs: pvh stage
# timeout: 600
# tier: full
# allow: sysrq: Trigger a crash|Kernel panic - not syncing|BUG: kernel NULL pointer -- it is what the case is for
. /lab/dom0/crash.sh

# dies NAME [key=value...]: a small guest, started and crashed
dies()
{
    create_guest "$@" memory=128 vcpus=1
    note "$1 is domain $(domid "$1")"
    crash_guest "$1"
}

# stored NAME: its dump is there
stored()
{
    wait_for 90 "recorded '$1'" || fail "$1: no record"
    [ "$(record "$1" outcome)" = stored ] ||
        fail "$1: $(record "$1" outcome): $(record "$1" why)"
}

make_keys owner owner
start_crashd 'guests = [ "name=killed,action=destroy",' \
    '"name=again,action=restart,config=/out/again.cfg",' \
    '"name=none,stateless=yes" ]'

note "preserve, and crashd destroys it"
dies killed
stored killed
wait_for 30 '! domid killed'

note "preserve, and crashd starts it again"
dies again
first=$(domid again)
note "it was domain $first"
stored again
wait_for 60 'domid again && [ "$(domid again)" != "$first" ]'
destroy_guest again

note "preserve, stateless: a record says why there is no dump"
dies none
wait_for 30 'recorded none'
[ "$(record none outcome)" = skipped ]
crashed none
destroy_guest none

note "rename-restart: dumped while the next one runs"
dies renamed on_crash=rename-restart
stored renamed
xl list
wait_for 60 'domid renamed'
destroy_guest renamed
xl list | awk '/^renamed-/ { print $1 }' | while read -r name; do
    destroy_guest "$name"
done

note "coredump-destroy: held at the FIFO, then xl goes on"
create_guest held memory=128 vcpus=1 on_crash=coredump-destroy
wait_for 20 '[ -p /var/lib/xen/dump/held ]'
crash_guest held
stored held
wait_for 300 '! domid held'
wait_for 20 '[ ! -e /var/lib/xen/dump/held ]'

note "destroy: xl is faster, or not"
dies lost on_crash=destroy
wait_for 60 '! domid lost'
wait_for 10 'recorded lost' && note "$(record lost outcome)" ||
    note "no record"
