# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# What a case may call; ../README.md lists it. Sourced in dom0, by the case
# and by the shell of --keep.

STAGE=/stage
OUT=/out
BOOT=/boot
. /out/job.env
export PATH=$STAGE/usr/sbin:$STAGE/usr/bin:$STAGE/usr/local/sbin:$PATH

# --- the verdict -----------------------------------------------------------

# The first verdict stands, also one of a subshell.
lab_verdict()
{
    [ -z "$LAB_INTERACTIVE" ] || { echo "$*"; return 1; }
    (set -C; echo "$*" >$OUT/case.verdict) 2>/dev/null
    echo "lab: $*"
    trap - ERR
    exit 1
}

fail()
{
    lab_verdict FAIL "$*"
}

skip()
{
    lab_verdict SKIP "$*"
}

note()
{
    echo "[$(cut -d' ' -f1 /proc/uptime)] $*"
}

lab_error()
{
    local text=${2//$'\n'/ }
    lab_verdict FAIL "status $1 of '${text:0:160}' ($3:$4)"
}

# --- waiting and measuring -------------------------------------------------

# wait_for SECONDS 'condition': 1 when it did not become true in time. Like
# all bounds it is stretched by the runner ($LAB_SLOW) on a busy machine.
wait_for()
{
    local end=$((SECONDS + $1 * ${LAB_SLOW:-1}))
    until eval "$2" >/dev/null 2>&1; do
        if [ $SECONDS -ge $end ]; then
            echo "lab: after $1 s still not: $2" >&2
            return 1
        fi
        sleep 0.1
    done
}

lab_ms()
{
    local up
    read -r up _ </proc/uptime
    echo "${up/./}0"
}

# measure LABEL command...: runs it, writes "LABEL ms" to $OUT/measures.txt
# and returns its status. Emulated time: only ratios of one run mean much.
measure()
{
    local label=$1 start status=0
    shift
    start=$(lab_ms)
    "$@" || status=$?
    echo "$label $(($(lab_ms) - start))" >>$OUT/measures.txt
    return $status
}

# measured LABEL: the last time of it, in ms
measured()
{
    awk -v l="$1" '$1 == l { v = $2 } END { print v }' $OUT/measures.txt
}

# --- guests ----------------------------------------------------------------

domid()
{
    $BOOT/labctl domid "$1"
}

# lab_config NAME [key=value...]: the configuration in xl's syntax. Without
# tsc_mode=native each rdtsc of a guest is an exit here (the emulated CPU has no
# invariant TSC): slow, and the exit after which emulated guests now and then
# ended in a triple fault.
lab_config()
{
    local name=$1 pair key value
    local -A set=([type]=pvh [memory]=512 [vcpus]=2 [on_crash]=preserve
        [on_reboot]=destroy [tsc_mode]=native
        [extra]="console=hvc0 loglevel=5 $LAB_KERNEL_OPTIONS")
    shift
    for pair; do
        [ "${pair%%=*}" = agent ] || set[${pair%%=*}]=${pair#*=}
    done
    : "${set[ramdisk]=$BOOT/guest.cpio}"
    if [ "${set[type]}" = hvm ]; then
        : "${set[kernel]=$BOOT/vmlinuz}" "${set[vga]=none}" "${set[vnc]=0}"
    else
        : "${set[kernel]=$BOOT/vmlinux}"
    fi
    [ "${set[ramdisk]}" != none ] || unset 'set[ramdisk]'
    echo "name = \"$name\""
    for key in "${!set[@]}"; do
        value=${set[$key]}
        # Numbers, lists and what is quoted already are passed as they are.
        [[ $value =~ ^([0-9]+$|\[|\"|\') ]] || value="\"$value\""
        echo "$key = $value"
    done
}

# create_guest NAME [key=value...]: returns when its agent answers, or, with
# agent=no, when xl has started it
create_guest()
{
    local name=$1 config=$OUT/$1.cfg bound=60
    lab_config "$@" >"$config"
    timeout -k 5 $((90 * LAB_SLOW)) xl create -q "$config" || return
    [[ " $* " == *" agent=no "* ]] && return 0
    # HVM: SeaBIOS, then a kernel that unpacks itself.
    [[ " $* " == *" type=hvm "* ]] && bound=120
    GUEST_TIMEOUT=$bound guest "$name" true || {
        echo "lab: the agent of $name does not answer" >&2
        return 1
    }
}

# guest NAME 'shell command': its stdout, stderr and status. 124: it took
# longer than $GUEST_TIMEOUT (30 s); 125: no such guest, or it has crashed.
guest()
{
    $BOOT/labctl run "$1" $((${GUEST_TIMEOUT:-30} * LAB_SLOW)) "$2"
}

# destroy_guest NAME: at once, without its consent
destroy_guest()
{
    timeout -k 5 $((30 * LAB_SLOW)) xl destroy "$1"
}

# shutdown_guest NAME: as its administrator would
shutdown_guest()
{
    GUEST_TIMEOUT=5 guest "$1" '(sleep 0.2; poweroff -f) >/dev/null 2>&1 &'
    wait_for 30 "! domid '$1'"
}

# crashed NAME: it has crashed, and is preserved
crashed()
{
    $BOOT/labctl domain "$(domid "$1")" | grep -q 'crashed=1'
}

# domain_value NAME KEY: pages, max_pages, pod_cache, pod_entries, ...
domain_value()
{
    $BOOT/labctl domain "$(domid "$1")" | tr ' ' '\n' | sed -n "s/^$2=//p"
}

host_free_kib()
{
    $BOOT/labctl free
}

# --- disks -----------------------------------------------------------------

# make_disk NAME MIB: prints a block device of dom0 for disk=[...]
make_disk()
{
    truncate -s "$2M" "/tmp/$1.img"
    losetup -f --show "/tmp/$1.img"
}

# --- daemons of the project ------------------------------------------------

# start_daemon NAME [option...]: xenkeep-NAME of the stage, in the
# foreground; its output is $OUT/NAME.log
start_daemon()
{
    local name=$1
    shift
    setsid "$STAGE/usr/sbin/xenkeep-$name" --foreground "$@" \
        >>"$OUT/$name.log" 2>&1 </dev/null &
    echo "$! $name" >>/run/lab-daemons
    wait_for 15 "[ -S /run/xenkeep/$name.sock ] || ! kill -0 $!"
    kill -0 $! || fail "xenkeep-$name ended at its start: $(
        tail -n 3 "$OUT/$name.log")"
}

daemon_pid()
{
    awk -v n="$1" '$2 == n { pid = $1 } END { print pid }' /run/lab-daemons
}

# stop_daemon NAME [SIGNAL]
stop_daemon()
{
    local pid
    pid=$(daemon_pid "$1")
    kill "-${2:-TERM}" "$pid"
    wait_for 20 "! kill -0 $pid"
    sed -i "/^$pid /d" /run/lab-daemons
}
