# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# what: on_crash = coredump-destroy: xl goes on to its end
# proves: d3
# needs: pvh stage
# timeout: 600
# tier: full
# allow: sysrq: Trigger a crash|Kernel panic - not syncing|BUG: kernel NULL pointer -- it is what the case is for
. /lab/dom0/crash.sh

make_keys owner owner
start_crashd
create_guest held memory=128 vcpus=1 on_crash=coredump-destroy
wait_for 20 '[ -p /var/lib/xen/dump/held ]'
crash_guest held
stored held
wait_for 400 '! domid held'
wait_for 20 '[ ! -e /var/lib/xen/dump/held ]'
