# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# what: a case that never ends
# selftest: yes
# timeout: 5

note "and now nothing happens"
sleep 1000
