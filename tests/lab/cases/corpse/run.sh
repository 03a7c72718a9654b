# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# what: saves the memory of a guest that panicked, with secrets planted in it
# proves: d1
# needs: pvh stage
# timeout: 90
# tier: asked
# allow: sysrq: Trigger a crash|Kernel panic - not syncing: sysrq triggered crash|BUG: kernel NULL pointer -- it is what the case is for

create_guest dead memory=256 vcpus=2 on_crash=preserve
guest dead 'xk-plant 5eed /planted && echo planted'
guest dead 'dmesg | tail -n 3; cat /proc/meminfo | head -5'
# The answer of this one never comes.
guest dead 'sleep 1; echo c >/proc/sysrq-trigger' || true
wait_for 30 'crashed dead' || fail "no crash was reported"
"$STAGE/dom0/xk-save-dom0" "$(domid dead)" "$OUT/image"
wc -l "$OUT/image.about"
du -k "$OUT/image"
cat /var/log/xen/console/guest-dead.log >"$OUT/console.txt" || true
destroy_guest dead
