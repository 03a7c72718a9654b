# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# what: a guest is saved and restored with files open, mapped and locked
# proves: c7
# needs: pvh stage
# timeout: 240
# tier: full
. /lab/dom0/files.sh

mkdir -p /var/srv/work
seq 1 5000 >/var/srv/work/numbers
start_filed
create_guest one memory=256
lend one /var/srv/work --name work
load_xkfs one
guest one 'mkdir /mnt/w && mount -t xkfs work /mnt/w'
guest one 'mkfifo /tmp/in && (xk-vfs hold /mnt/w/numbers </tmp/in \
    >/tmp/held 2>&1 &) ; sleep 100000 >/tmp/in & sleep 1; cat /tmp/held' |
    grep -qx held
guest one 'echo lock >/tmp/in; sleep 1; tail -n 1 /tmp/held' | grep -qx locked
wait_for 10 '! flock -n /var/srv/work/numbers true'

old=$(domid one)
timeout -k 5 100 xl save one /tmp/one.save
timeout -k 5 100 xl restore /tmp/one.save
rm /tmp/one.save
GUEST_TIMEOUT=60 guest one true
[ "$(domid one)" != "$old" ]
wait_for 60 '[ "$(files_state one)" = 4 ]'

guest one 'echo check >/tmp/in; sleep 1; tail -n 1 /tmp/held' | grep -qx same
guest one 'echo "write after" >/tmp/in; sleep 1; tail -n 1 /tmp/held' |
    grep -qx written
head -n 1 /var/srv/work/numbers | grep -qx after
guest one 'echo map >/tmp/in; sleep 1; tail -n 1 /tmp/held' | grep -qx after
# The lock was told again: nobody in dom0 gets it.
! flock -n /var/srv/work/numbers true || fail "the lock was lost"
guest one 'echo new >/mnt/w/new && cat /mnt/w/new' | grep -qx new
