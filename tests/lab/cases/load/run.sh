# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# what: two minutes of sweeps under a guest that writes memory, disk and console
# tier: full
# proves: a4
# needs: pvh blk stage
# timeout: 300
. /lab/dom0/memory.sh

# Free pages that become entries by themselves would leave nothing to sweep.
echo 'free_page_reporting = 0' >/tmp/default.conf
start_memoryd --config /tmp/default.conf
disk=$(make_disk disk 64)
create_guest one memory=512 "disk=['phy:$disk,xvda,w']"
guest one 'modprobe xen-blkfront'
wait_for 10 "guest one '[ -b /dev/xvda ]'"
load_balloon one
guest one 'mkdir -p /tmp/a /tmp/b'
guest one 'xk-fill start /tmp/a 64 11 zero-every 2'
guest one 'xk-fill churn /tmp/b 160 12 130'
guest one 'yes "a line for the console" | head -n 100000 |
    while read -r line; do echo "$line"; sleep 0.1; done >/dev/hvc0 2>&1 &'
guest one 'while :; do dd if=/dev/urandom of=/dev/xvda bs=64k count=64 \
    oflag=direct; dd if=/dev/xvda of=/dev/null bs=64k count=64 iflag=direct
    done >/dev/null 2>&1 &'

end=$((SECONDS + 120)) passes=0 skips=0 committed=0 pauses=0
while [ $SECONDS -lt $end ]; do
    sweep one >/dev/null
    passes=$((passes + 1))
    skips=$((skips + $(swept '[.skipped[]] | add')))
    committed=$((committed + $(swept .committed_super)))
    pauses=$((pauses + $(swept .pauses.count)))
    covered one || fail "entries without pages after pass $passes"
done
note "$passes passes: $committed committed, $skips skipped, $pauses pauses"
[ "$passes" -ge 2 ] && [ "$skips" -gt 0 ] && [ "$committed" -gt 0 ]

GUEST_TIMEOUT=120 guest one 'xk-fill result /tmp/b 100'
GUEST_TIMEOUT=60 guest one 'xk-fill check /tmp/a'
guest one 'dd if=/dev/xvda of=/dev/null bs=64k count=8 iflag=direct'
destroy_guest one
losetup -d "$disk"
