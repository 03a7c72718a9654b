# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# what: the server is killed under I/O, twenty times; no process sees it
# proves: c6
# needs: pvh stage
# timeout: 200
# tier: full
. /lab/dom0/files.sh

mkdir -p /var/srv/work
start_filed
create_guest one
lend one /var/srv/work --name work
load_xkfs one
guest one 'mkdir /mnt/w && mount -t xkfs work /mnt/w && mkdir /mnt/w/s'
guest one '(xk-steady /mnt/w/s /tmp/stop >/tmp/steady 2>&1; echo "ended $?" \
    >>/tmp/steady) & true'
# A file that is open, locked, and written to after each kill.
guest one 'echo held >/mnt/w/log && (exec 9>>/mnt/w/log; flock 9
    while [ ! -e /tmp/stop ]; do echo line >&9; usleep 50000; done
    echo last >&9; echo done >/tmp/locked) & true'

for _ in $(seq 20); do
    old=$(server_pid)
    kill -9 "$old"
    wait_for 5 "[ -n \"\$(server_pid)\" ] && [ \"\$(server_pid)\" != $old ]"
    sleep 0.5
done
wait_for 20 '[ "$(files_state one)" = 4 ]'
guest one 'touch /tmp/stop'
wait_for 30 'guest one "grep -q ended /tmp/steady && cat /tmp/locked"'
steady=$(guest one 'cat /tmp/steady')
note "$steady"
[[ $steady == *"ended 0"* ]] || fail "$steady"
[ "$(tail -n 1 /var/srv/work/log)" = last ]
guest one 'umount /mnt/w'
