# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# what: a guest is inflated to a target and deflated again; its data stays
# proves: a3
# needs: pvh stage
# timeout: 150
. /lab/dom0/memory.sh

# near A B SLACK: all KiB
near()
{
    local d=$(($1 - $2))
    [ ${d#-} -le "$3" ] || fail "$1 is not within $3 of $2"
}

start_memoryd
create_guest one memory=512
load_balloon one
guest one "mkdir -p /tmp/f && xk-fill start /tmp/f 96 7"

host0=$(host_free_kib)
size0=$(($(domain_value one pages) * 4))
max0=$(domain_value one max_pages)
total0=$(guest_total one)
entries0=$(domain_value one pod_entries)

sweep one --target 256
note "inflated: $(swept .returned_kib) KiB in $(swept .balloon.duration_us) us"
moved=$(swept .balloon.moved_kib)
near "$moved" 262144 1024
# The host's memory, the domain's size and the guest's own count agree.
near $(($(host_free_kib) - host0)) "$moved" 2048
near $((size0 - $(domain_value one pages) * 4)) "$moved" 0
near $((total0 - $(guest_total one))) "$moved" 0
xl list one | grep -qE ' 25[5-7] ' || fail "xl list: $(xl list one)"
[ "$(xenstore-read "/local/domain/$(domid one)/memory/target")" -le 263168 ]
# It cannot take back what it gave.
[ "$(domain_value one max_pages)" -le $((max0 - moved / 4 + 256)) ]
# Nearly all of it went in 2 MiB pieces, and no debt stays behind.
[ "$(swept .balloon.super_kib)" -ge $((moved * 9 / 10)) ]
covered one
guest one "xk-fill check /tmp/f"

sweep one --target 512
near $(($(domain_value one pages) * 4)) "$size0" 0
near "$(guest_total one)" "$total0" 0
near "$(host_free_kib)" "$host0" 2048
[ "$(domain_value one max_pages)" -ge "$max0" ]
guest one "xk-fill check /tmp/f"

# An odd target leaves a rest below 2 MiB, which goes page by page.
sweep one --target 411401k
near $((size0 - $(domain_value one pages) * 4)) $((524288 - 411401)) 8
sweep one --target 512
near $(($(domain_value one pages) * 4)) "$size0" 4

# What cannot be done is refused, says why, and changes nothing.
refused()
{
    local status=0 want=$1
    shift
    "$XL_SWEEP" "$@" >/dev/null 2>/tmp/refused || status=$?
    [ $status = "$want" ] && [ "$(wc -l </tmp/refused)" = 1 ] ||
        fail "xl-sweep $*: status $status: $(cat /tmp/refused)"
    note "$(cat /tmp/refused)"
}
refused 2 nobody
refused 2 0
refused 2 one --target 4096
refused 2 one --target 8
refused 2 one --target 12Q
near $(($(domain_value one pages) * 4)) "$size0" 4

# Unloading leaves what the host holds back (the limit follows the target) to
# the stock driver, which brings it back when asked; the module can come again.
sweep one --target 400
guest one 'cd /sys/bus/xen/drivers/xk-balloon && echo xk-balloon-0 >unbind &&
    rmmod xk_balloon'
xl mem-set one 512
wait_for 60 '[ "$(guest_total one)" -ge $((total0 - 4)) ]'
near "$(guest_total one)" "$total0" 4
load_balloon one
guest one "xk-fill check /tmp/f"
"$XL_MEMORY"
entries1=$(domain_value one pod_entries)
note "entries $entries0 -> $entries1"
covered one
