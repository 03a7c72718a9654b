# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# what: a case with a failing command
# selftest: yes
# timeout: 30

note "the next line fails"
grep -q no-such-word /etc/hostname
note "never reached"
