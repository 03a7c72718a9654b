# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# What the cases about files share. Sourced by them, after lib.sh.

# On a host the programs are on its own disk: so they are here, not on 9p.
cp "$STAGE"/usr/sbin/x* /usr/local/sbin/
PATH=/usr/local/sbin:$PATH
XL_FILES=/usr/local/sbin/xl-files

# What is lent lies on dom0's own disk, as it would, not on a tmpfs.
mkdir -p /var/srv

# start_filed [option...]
start_filed()
{
    start_daemon filed "$@"
}

# load_xkfs NAME: the module, and the front-end connected
load_xkfs()
{
    guest "$1" 'insmod /xk/xkfs.ko'
    wait_for 20 "[ \"\$(files_state $1)\" = 4 ]"
}

# files_state NAME: the XenbusState of the guest's device
files_state()
{
    xenstore-read "/local/domain/$(domid "$1")/device/xkfs/0/state"
}

# lend NAME PATH [option...]: xl-files add
lend()
{
    "$XL_FILES" add "$@"
}

# server_pid: of the only guest's server, a child of filed
server_pid()
{
    pgrep -f -P "$(daemon_pid filed)" .
}

# stuck NAME: fails, and says where the guest's processes wait
stuck()
{
    local pid
    xenstore-ls "/local/domain/0/backend/xkfs/$(domid "$1")" || true
    xenstore-ls "/local/domain/$(domid "$1")/device/xkfs" || true
    # Also of cases that serve the guest by another program.
    if [ -e /run/lab-daemons ]; then
        for pid in $(server_pid); do
            head -n 1 "/proc/$pid/wchan" "/proc/$pid/task/"*/wchan
        done
    fi
    guest "$1" 'dmesg | tail -n 20; for p in /proc/[0-9]*; do
        grep -q xkfs $p/stack && cat $p/comm $p/stack; done' || true
    fail "$1 is stuck"
}
