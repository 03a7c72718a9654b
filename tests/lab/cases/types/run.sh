# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# what: PVH, PV and HVM guests run side by side, and answer
# tier: full
# proves:
# needs: pvh pv hvm
# timeout: 240

create_guest pv type=pv memory=256
guest pv 'dmesg' | grep 'Booting kernel on Xen$'
create_guest hvm type=hvm memory=384
guest hvm 'dmesg' | grep 'Hypervisor detected: Xen HVM'
create_guest pvh memory=256
guest pvh 'dmesg' | grep 'Booting kernel on Xen PVH'

for name in pv hvm pvh; do
    [ "$(guest $name 'expr 6 \* 7')" = 42 ]
done
xl list
shutdown_guest hvm
