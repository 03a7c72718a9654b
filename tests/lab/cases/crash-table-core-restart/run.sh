# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# what: on_crash = coredump-restart: held at the FIFO, or by the module
# proves: d3
# needs: pvh stage
# timeout: 240
# tier: full
# allow: sysrq: Trigger a crash|Kernel panic - not syncing|BUG: kernel NULL pointer -- it is what the case is for
. /lab/dom0/crash.sh

make_keys owner owner
start_crashd

held_at_fifo coredump-restart
