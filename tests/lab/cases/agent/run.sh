# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# what: the agent of a guest answers again after save and restore
# tier: full
# proves:
# needs: pvh
# timeout: 120

create_guest one memory=256 vcpus=1
old=$(domid one)
guest one 'echo kept >/tmp/mark'
timeout 60 xl save one /tmp/one.save
timeout 60 xl restore /tmp/one.save
new=$(domid one)
[ "$new" != "$old" ]
[ "$(guest one 'cat /tmp/mark')" = kept ]
