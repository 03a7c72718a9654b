# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# what: sweep and balloon of an HVM guest while QEMU reads and writes its memory
# proves: b8
# needs: hvm stage
# timeout: 300
# tier: full
. /lab/dom0/memory.sh
. /lab/dom0/hvm.sh

# whole: the guest runs, has no debt, and its memory is what it was
whole()
{
    [ "$(domain_value one paused)" = 0 ] || fail "$1: paused"
    covered one || fail "$1: entries without pages"
    guest one 'xk-fill check /tmp/f' || fail "$1: the guest's data"
}

# refused 'COMMAND' WORDS: it fails, and says so
refused()
{
    local said status=0
    said=$(eval "$1" 2>&1) || status=$?
    [ $status = 1 ] || fail "$1: status $status"
    [[ $said == *"$2"* ]] || fail "$1: said $said"
    note "refused: $said"
}

size()
{
    echo $(($(domain_value one pages) / 256))
}

# Free pages are asked of guests without a device model only.
sed -i 's/free_page_reporting = 0/free_page_reporting = 1/' /tmp/memoryd.conf
start_memoryd
create_hvm memory=384
full=$(size)
refused 'sweep one --target 256' 'xk_balloon'
load_balloon one
grep -q 'one: it is not asked to report free memory: ' "$OUT/memoryd.log"
guest one 'mkdir -p /tmp/f && xk-fill start /tmp/f 64 9 zero-every 3'
start_disk 32

# What QEMU has mapped, Xen refuses; the rest of what is zero becomes entries.
committed=0 by_xen=0
for pass in 1 2; do
    sweep one >/dev/null
    note "sweep $pass: $(jq -c '{zero_super,committed_super,skipped,pauses}' \
        <"$OUT/sweep.json")"
    committed=$((committed + $(swept .committed_super)))
    by_xen=$((by_xen + $(swept '.skipped["refused-by-xen"] // 0')))
    [ "$(swept .committed_regular)" = 0 ] || fail "single pages were swept"
    whole "sweep $pass"
done
[ "$committed" -ge 32 ] || fail "only $committed ranges were swept"
note "swept $committed ranges, Xen refused $by_xen"

# Its own hypercalls give memory and take it back.
measure inflate sweep one --target 256 >/dev/null
note "inflated to $(size) MiB: $(jq -c '{balloon,skipped}' <"$OUT/sweep.json")"
[ "$(size)" -le $((full - 127)) ] || fail "still $(size) of $full MiB"
whole inflated
# Single pages of what is split now are left to the device model.
[ "$(swept .committed_regular)" = 0 ] || fail "single pages were swept"
measure deflate sweep one --target "$full" >/dev/null
[ "$(size)" -ge "$full" ] || fail "only $(size) of $full MiB are back"
whole deflated

# What cannot be done says why, and leaves the guest as it is.
xl pause one
refused 'sweep one' 'it is paused'
xl unpause one
refused '"$XL_MEMORY" resume one' 'not stopped by the guard'
whole refused
[ "$(size)" -ge "$full" ]
stop_disk
end_hvm
