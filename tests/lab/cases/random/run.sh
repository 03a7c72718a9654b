# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# what: 200 random operations on a guest, with all that must hold after each
# proves: b5
# needs: pvh stage
# timeout: 3600
# tier: full
. /lab/dom0/memory.sh

FULL=384        # MiB, the guest's maximum
LEAST=240       # what it gets along with

# dice SIDES: $roll is one of 0 to SIDES - 1. Bash's own RANDOM begins anew in
# each subshell.
dice()
{
    state=$(((state * 1103515245 + 12345) & 0x7fffffff))
    roll=$((state / 4096 % $1))
}

# between LOW HIGH: $roll
between()
{
    dice $(($2 - $1 + 1))
    roll=$((roll + $1))
}

size()
{
    echo $(($(domain_value one pages) / 256))
}

# has MIB: it has, but for one
has()
{
    local off=$(($(size) - $1))
    [ ${off#-} -le 1 ]
}

# --- the guest and its memoryd ----------------------------------------------

# Free pages are reported to one memoryd, and not to another.
begin_memoryd()
{
    dice 2
    sed -i "s/free_page_reporting = ./free_page_reporting = $roll/" \
        /tmp/memoryd.conf
    start_memoryd
    # It answers when its repairs are done; the socket may be the dead one's.
    wait_for 30 '[ "$(frontend one)" = connected ]'
}

begin_guest()
{
    create_guest one memory=$FULL
    load_balloon one
    guest one 'mkdir -p /tmp/f && xk-fill start /tmp/f 48 3 zero-every 3 &&
        echo none >/tmp/w && md5sum /tmp/w >/tmp/sum'
    beside=$(missing)
}

# missing: pages that Xen has for the guest and the kernel does not count, below
# 0 with holes. Entries count by their page in the cache.
missing()
{
    local current
    [[ $("$BOOT/labctl" domain "$(domid one)") =~ \
       ^pages=([0-9]+).*\ pod_cache=([0-9]+)\ pod_entries=([0-9]+) ]]
    current=$(guest one \
        'cat /sys/devices/system/xen_memory/xen_memory0/info/current_kb')
    echo $((BASH_REMATCH[1] - BASH_REMATCH[2] + BASH_REMATCH[3] - current / 4))
}

# --- operations -------------------------------------------------------------

# resize TARGET: a command that ends well has done what it was told
resize()
{
    local status=0
    note "  to $1"
    sweep one --target "$1" >/dev/null || status=$?
    [ $status -le 1 ] || fail "status $status"
    [ $status = 1 ] || has "$1" || fail "$(size) MiB instead of $1"
    [ $status = 1 ] || sane_target
}

op_inflate()
{
    between $LEAST $((FULL - 8))
    resize $roll
}

op_deflate()
{
    resize $FULL
}

op_sweep()
{
    sweep one >/dev/null
}

op_look()
{
    sweep one --dry-run >/dev/null
    "$XL_MEMORY" map --json one | json '.totals.hole_kib == 0' >/dev/null
}

op_mem_set()
{
    between $LEAST $FULL
    note "  to $roll"
    xl mem-set one "$roll"
    wait_for 60 "has $roll" || fail "mem-set: $(size) of $roll MiB"
    sane_target
}

op_recover()
{
    "$XL_MEMORY" recoalesce --json one | json .refused >/dev/null
}

op_restore()
{
    local old
    old=$(domid one)
    timeout -k 5 $((100 * LAB_SLOW)) xl save one /tmp/one.save
    wait_for 10 "! xenstore-exists /local/domain/0/backend/xk-balloon/$old"
    timeout -k 5 $((100 * LAB_SLOW)) xl restore /tmp/one.save
    rm /tmp/one.save
    GUEST_TIMEOUT=60 guest one true
    wait_for 60 '[ "$(frontend one)" = connected ]'
}

op_kill()
{
    stop_daemon memoryd KILL
    begin_memoryd
}

# It dies in the middle of something.
op_kill_busy()
{
    local hows how
    between $LEAST $((FULL - 8))
    hows=("--target $roll" "--target $FULL" "")
    dice 3
    how=${hows[roll]}
    note "  in xl-sweep $how"
    # shellcheck disable=SC2086 # words, or none
    "$XL_SWEEP" --json one $how >/dev/null 2>&1 &
    local command=$!
    between 1 9
    sleep "0.$roll"
    stop_daemon memoryd KILL
    wait $command || true
    begin_memoryd
}

op_write()
{
    between 4 16
    GUEST_TIMEOUT=60 guest one "dd if=/dev/urandom of=/tmp/w bs=1M \
        count=$roll 2>/dev/null && md5sum /tmp/w >/tmp/sum"
}

# Much memory is used, and free again.
op_use()
{
    between 8 32
    GUEST_TIMEOUT=60 guest one "dd if=/dev/zero of=/dev/null count=1 \
        bs=${roll}M 2>/dev/null"
}

op_pause()
{
    local said status=0
    xl pause one
    said=$("$XL_SWEEP" one 2>&1) || status=$?
    xl unpause one
    [ $status = 1 ] && [[ $said == *'it is paused'* ]] ||
        fail "a paused guest: $status, $said"
}

# Each as often as it is here.
operations=(inflate inflate inflate inflate deflate deflate sweep sweep look
    mem_set mem_set recover restore kill kill_busy kill_busy write write use
    use pause)

# --- what must hold ---------------------------------------------------------

# memory/target says what the guest has
sane_target()
{
    local target
    target=$(xenstore-read "/local/domain/$(domid one)/memory/target")
    target=$((target / 1024 - $(size)))
    [ ${target#-} -le 1 ] || fail "memory/target is $target MiB off"
}

# Whatever was done, or broken off.
check()
{
    local target
    GUEST_TIMEOUT=60 guest one true || fail "no answer"
    [ "$(domain_value one paused)" = 0 ] || fail "paused"
    covered one || fail "entries without pages"
    wait_for 15 '[ "$(missing)" = "$beside" ]' ||
        fail "$(missing) pages beside the kernel's, not $beside"
    [ "$(size)" -le $((FULL + 1)) ] || fail "it has $(size) MiB"
    target=$(xenstore-read "/local/domain/$(domid one)/memory/target")
    [ "$target" -gt 0 ] && [ "$target" -le $((FULL * 1024)) ] ||
        fail "memory/target is $target"
    GUEST_TIMEOUT=60 guest one 'xk-fill check /tmp/f && md5sum -c -s /tmp/sum' ||
        fail "its data"
}

# emulators_fault: the guest is gone by a triple fault with registers of Xen
# itself in the dump: what only the emulated processor does
emulators_fault()
{
    xl dmesg | grep -A 12 "Triple fault" | grep -q 'RIP: .*\[<ffff82d'
}

# In a round a guest that the emulator has killed ends the round, not the case.
eval "$(declare -f lab_verdict | sed '1s/.*/case_verdict()/')"
lab_verdict()
{
    trap - ERR
    if [ -e /tmp/round ] && emulators_fault; then
        rm /tmp/round
        exit 1
    fi
    case_verdict "$@"
}

# round FIRST LAST: the operations with these numbers. What is rolled for each
# of them hangs on SEED and its number alone.
round()
{
    local nr op
    "$XL_MEMORY" --json >/dev/null 2>&1 || start_memoryd
    begin_guest
    check
    for nr in $(seq "$1" "$2"); do
        echo "$nr" >/tmp/done
        state=$((SEED * 7919 + nr * 104729))
        dice 1
        dice ${#operations[@]}
        op=${operations[roll]}
        note "$nr $op, $(size) MiB"
        "op_$op"
        check
    done
}

random_operations()
{
    local count=$1 faults=0 start=$SECONDS
    SEED=${SEED:-1}
    note "SEED=$SEED OPERATIONS=$count"
    # Only operations change its size.
    echo 'host_reserve_mib = 1048576' >>/tmp/memoryd.conf
    echo 0 >/tmp/done
    while touch /tmp/round; do
        round $(($(cat /tmp/done) + 1)) "$count" &
        wait $! && break
        [ ! -e /tmp/round ] || exit 1       # it has said why
        faults=$((faults + 1))
        note "the emulator's fault number $faults"
        [ $faults -le $((1 + $(cat /tmp/done) / 10)) ] ||
            case_verdict FAIL "more than the emulator's usual faults"
        destroy_guest one || true
        xl dmesg -c >>"$OUT/xl-dmesg-before.txt"
    done
    note "$count operations in $((SECONDS - start)) s, SEED=$SEED," \
        "$faults faults of the emulator"
}

random_operations "${OPERATIONS:-200}"
