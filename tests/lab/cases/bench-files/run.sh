# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# what: files by xkfs beside QEMU's xen-9p: the same directory, guest and jobs
# proves: c8
# needs: pvh qemu stage
# timeout: 500
# tier: asked
. /lab/dom0/files.sh

jobs='seq-read seq-write rand-read rand-read-direct rand-write-direct meta-find
meta-stat-warm meta-unpack meta-rm'
mkdir -p /var/srv/bench
start_filed
create_guest one memory=512 \
    "p9=['tag=peer,path=/var/srv/bench,security_model=none']"
lend one /var/srv/bench --name bench
load_xkfs one
guest one 'mkdir /mnt/ours /mnt/peer && mount -t xkfs bench /mnt/ours'
guest one 'modprobe 9pnet_xen; mount -t 9p -o \
    trans=xen,version=9p2000.L,msize=524288,cache=none peer /mnt/peer'
GUEST_TIMEOUT=200 guest one 'xk-files-bench /mnt/ours prepare'

# cpu_ms PID: what a process of dom0 has used
cpu_ms()
{
    awk '{ print ($14 + $15) * 10 }' "/proc/$1/stat"
}

# bench WHO: each job once, and what its server used for the two large ones
bench()
{
    local who=$1 pid=$2 before
    for job in $jobs; do
        before=$(cpu_ms "$pid")
        GUEST_TIMEOUT=120 guest one "xk-files-bench /mnt/$who $job" |
            sed "s/^/$who /" >>/out/files.txt
        case $job in
        seq-*) echo "$who cpu-$job $(($(cpu_ms "$pid") - before))" \
            >>/out/files.txt ;;
        esac
    done
}

for _ in $(seq "${RUNS:-2}"); do
    bench peer "$(pgrep -f qemu-system)"
    bench ours "$(server_pid)"
done
cat /out/files.txt
