# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# what: a dom0 that dies before the verdict
# selftest: yes
# timeout: 30

note "goodbye"
sync
echo c >/proc/sysrq-trigger
sleep 20
