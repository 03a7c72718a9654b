# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# what: a case that cannot run here
# selftest: yes
# timeout: 30

skip "there is no moon"
