# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# What the cases of crashd share. Sourced by them.

STORE=/var/lib/xenkeep/crash
KEYS=/etc/xenkeep/crash
export XENKEEP_RUN_DIR=/run/xenkeep

# make_keys NAME AUDIENCE: a key pair, /root/NAME.key, and its certificate
# where crashd looks for it
make_keys()
{
    mkdir -p "$KEYS/$2"
    openssl req -x509 -nodes -newkey ec -pkeyopt ec_paramgen_curve:P-256 \
        -days 30 -subj "/CN=$1" -keyout "/root/$1.key" \
        -out "$KEYS/$2/$1.pem" 2>/dev/null
}

# start_crashd [line of the configuration...]
start_crashd()
{
    printf '%s\n' 'log_level = "debug"' 'workers = 1' "$@" >/tmp/crashd.conf
    grep -q ^xenkeep: /etc/passwd ||
        echo 'xenkeep:x:990:990::/:/usr/sbin/nologin' >>/etc/passwd
    grep -q ^xenkeep: /etc/group || echo 'xenkeep:x:990:' >>/etc/group
    mkdir -p /var/lib/xen/dump /etc/xenkeep
    cp -r "$STAGE/etc/xenkeep/crash.d" /etc/xenkeep/
    start_daemon crashd --config /tmp/crashd.conf
}

# crash_guest NAME: by sysrq; returns when crashd has settled it
crash_guest()
{
    guest "$1" '(sleep 0.3; echo c >/proc/sysrq-trigger) >/dev/null 2>&1 &'
}

# record GUEST FIELD: of the newest record of a guest
record()
{
    local file
    file=$(grep -l "\"guest\": *\"$1\"" "$STORE"/*/record.json | tail -n 1)
    jq -r ".$2" "$file"
}

# recorded GUEST [COUNT]: there are so many records of it (1)
recorded()
{
    [ "$(grep -l "\"guest\": *\"$1\"" "$STORE"/*/record.json 2>/dev/null |
        wc -l)" -ge "${2:-1}" ]
}

# dump_of GUEST: the path of its newest dump
dump_of()
{
    echo "$STORE/$(record "$1" id)/dump"
}

# dies NAME [key=value...]: a small guest, started and crashed
dies()
{
    create_guest "$@" memory=128 vcpus=1
    note "$1 is domain $(domid "$1")"
    crash_guest "$1"
}

# dies_held NAME [key=value...]: likewise, but its module has it wait
dies_held()
{
    create_guest "$@" memory=128 vcpus=1
    load_xk_crash "$1"
    crash_guest "$1"
}

# load_xk_crash NAME: the module, and crashd serves it
load_xk_crash()
{
    guest "$1" 'insmod /xk/xk_crash.ko'
    wait_for 20 "[ \"\$(guest $1 'cat /sys/hypervisor/xk_crash/served')\" = 1 ]"
}

# stored NAME [COUNT]: its dump is there, as the last of so many (1)
stored()
{
    wait_for 90 "recorded '$1' ${2:-1}" || fail "$1: no record"
    [ "$(record "$1" outcome)" = stored ] ||
        fail "$1: $(record "$1" outcome): $(record "$1" why)"
}

# waited NAME: its module had it wait for the dump that is there
waited()
{
    stored "$1"
    [ "$(record "$1" reason)" = panic ] ||
        fail "$1: $(record "$1" reason), where it should have waited"
    note "$1: waited $(record "$1" duration_us) us and more"
}

# verified NAME: its dump is whole, and its owner can open it
verified()
{
    xenkeep-dump verify --host "$STORE/host.pub" --key /root/owner.key \
        "$(dump_of "$1")"
}

# begins NAME ON_CRASH: with a FIFO where xl's core would be
begins()
{
    create_guest "$1" memory=128 vcpus=1 on_crash="$2"
    wait_for 20 "[ -p /var/lib/xen/dump/$1 ]"
}

# goes_on NAME: xl was let go, and its corpse is of no more use
goes_on()
{
    wait_for 60 "grep -q '$1: let go: xl goes on' $OUT/crashd.log"
    [ "$(grep -l "\"guest\": *\"$1\"" "$STORE"/*/record.json | wc -l)" = 1 ]
    destroy_guest "$1"
    wait_for 30 "[ ! -e /var/lib/xen/dump/$1 ]"
}

# held_at_fifo ON_CRASH: one guest that xl's core holds, one that its module
# holds; a dump of each
held_at_fifo()
{
    note "without the module"
    begins held "$1"
    crash_guest held
    stored held
    verified held
    goes_on held

    note "with it"
    begins waiting "$1"
    load_xk_crash waiting
    crash_guest waiting
    waited waiting
    verified waiting
    goes_on waiting
}
