# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# what: saves the memory of a guest that panicked, with secrets planted in it
# proves: d1
# needs: pvh stage
# timeout: 150
# tier: asked
# allow: sysrq: Trigger a crash|Kernel panic - not syncing: sysrq triggered crash|BUG: kernel NULL pointer -- it is what the case is for

create_guest dead memory=1024 vcpus=2 on_crash=preserve
guest dead 'xk-plant 5eed /planted && echo planted'
guest dead 'xk-fill start /run 96 7 zero-every 5; head -c 48M /dev/urandom >/noise; find / -xdev -type f -exec cat {} + >/dev/null'
# The answer of this one never comes.
guest dead 'sleep 1; echo c >/proc/sysrq-trigger' || true
wait_for 30 'crashed dead' || fail "no crash was reported"
"$STAGE/dom0/xk-save-dom0" "$(domid dead)" "$OUT/image"
wc -l "$OUT/image.about"
du -k "$OUT/image"
cat /var/log/xen/console/guest-dead.log >"$OUT/console.txt" || true
destroy_guest dead
