# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# what: a database on a share, through kill -9 of the server mid-transaction
# proves: c3
# needs: pvh stage
# timeout: 400
# tier: full
. /lab/dom0/files.sh

KILLS=${KILLS:-6}

mkdir -p /var/srv/db
cp "$STAGE/dom0/xk-db" /var/srv/db/
start_filed
create_guest one memory=192
lend one /var/srv/db --name db
load_xkfs one
guest one 'mkdir /mnt/d && mount -t xkfs db /mnt/d'

# survive MODE: SQLite's kind of journal
survive()
{
    local old said count
    guest one "rm -f /tmp/stop; (/mnt/d/xk-db /mnt/d/$1 $1 /tmp/stop \
        >/tmp/$1 2>&1; echo \"ended \$?\" >>/tmp/$1) & true"
    wait_for 20 "[ -s /var/srv/db/$1 ]"
    for _ in $(seq "$KILLS"); do
        sleep 1
        old=$(server_pid)
        kill -9 "$old"
        wait_for 20 "[ -n \"\$(server_pid)\" ] &&
            [ \"\$(server_pid)\" != $old ]"
    done
    sleep 2
    guest one 'touch /tmp/stop'
    wait_for 30 "guest one 'grep -q ended /tmp/$1'" || stuck one
    said=$(guest one "cat /tmp/$1" | xargs)
    [[ $said == "done "*" ended 0" ]] || fail "$1: $said"
    count=${said#done } count=${count%% *}
    [ "$count" -gt 0 ] || fail "$1: no transfer"
    guest one "/mnt/d/xk-db /mnt/d/$1 check $count" ||
        fail "$1: not what the guest has written"
    note "$1: $count transactions, $KILLS kills"
    echo "$count" >"/tmp/$1.count"
}

survive delete
survive wal
guest one 'umount /mnt/d'
for mode in delete wal; do
    "$STAGE/dom0/xk-db" /var/srv/db/$mode check "$(cat /tmp/$mode.count)" ||
        fail "$mode: dom0 sees something else"
done
