# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# what: the server is killed under I/O, twenty times; no process sees it
# proves: c6
# needs: pvh stage
# timeout: 420
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
guest one '(xk-vfs keep /mnt/w/log /tmp/stop >/tmp/kept 2>&1; echo "ended $?" \
    >>/tmp/kept) & true'
wait_for 10 '[ -s /var/srv/work/log ]'

for _ in $(seq 20); do
    old=$(server_pid)
    kill -9 "$old"
    wait_for 20 "[ -n \"\$(server_pid)\" ] && [ \"\$(server_pid)\" != $old ]"
    sleep 0.5
done
wait_for 20 '[ "$(files_state one)" = 4 ]'
guest one 'touch /tmp/stop'
wait_for 60 'guest one "grep -q ended /tmp/steady && grep -q ended /tmp/kept"' ||
    stuck one
said=$(guest one 'cat /tmp/steady /tmp/kept' | xargs)
note "$said"
[[ $said == *"ended 0"*"ended 0" ]] || fail "$said"
# No line is lost, none is there twice.
kept=${said##*kept } kept=${kept%% *}
seq 0 $((kept - 1)) | cmp - /var/srv/work/log || fail "appended lines"
guest one 'umount /mnt/w'
