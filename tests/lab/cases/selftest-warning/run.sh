# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# what: a guest whose log has a WARNING that no command notices
# selftest: yes
# timeout: 90

create_guest one memory=256
guest one 'echo "WARNING: CPU: 0 PID: 1 at lab/selftest.c:1" >/dev/kmsg'
