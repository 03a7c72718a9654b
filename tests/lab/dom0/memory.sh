# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# What the memory cases share. Sourced by them, after lib.sh.

# On a host the programs are on its own disk: so they are here, not on 9p.
cp "$STAGE"/usr/sbin/x* /usr/local/sbin/
PATH=/usr/local/sbin:$PATH
XL_SWEEP=/usr/local/sbin/xl-sweep
XL_MEMORY=/usr/local/sbin/xl-memory

# Emulated, a pause is several times as long as on a host, and the waits that
# keep its share small with it: a case that is not about the share uses this.
# Nor do free pages become entries by themselves where a case counts them.
printf '%s\n' 'pause_share_permille = 300' 'scan_share_percent = 100' \
    'free_page_reporting = 0' >/tmp/memoryd.conf

# start_memoryd [option...]: as its own user, like the unit does, with
# /tmp/memoryd.conf unless an option says otherwise
start_memoryd()
{
    [[ " $* " == *" --config "* ]] || set -- --config /tmp/memoryd.conf "$@"
    grep -q ^xenkeep: /etc/passwd ||
        echo 'xenkeep:x:990:990::/:/usr/sbin/nologin' >>/etc/passwd
    grep -q ^xenkeep: /etc/group || echo 'xenkeep:x:990:' >>/etc/group
    start_daemon memoryd "$@"
}

# load_balloon NAME: the module, and the front-end connected
load_balloon()
{
    guest "$1" 'insmod /xk/xk_balloon.ko'
    wait_for 20 "[ \"\$(frontend $1)\" = connected ]"
}

frontend()
{
    "$XL_MEMORY" --json "$1" | json ".domains[0].frontend"
}

# json FILTER: a value of the object on stdin, such as .pauses.count
json()
{
    jq -er "$1"
}

# sweep NAME [option...]: xl-sweep --json; the object is $OUT/sweep.json
sweep()
{
    "$XL_SWEEP" --json "$@" >"$OUT/sweep.json" || return
    cat "$OUT/sweep.json"
}

# swept FILTER: a value of the last sweep
swept()
{
    json "$1" <"$OUT/sweep.json"
}

# covered NAME: every entry of the guest has a page that waits for it. In the
# middle of an operation the guest is in debt by the scratch, where it has no
# memory: a report of free pages may be that at any moment. Then this looks
# again.
covered()
{
    wait_for 5 "covered_now '$1'"
}

# One look at both numbers: they change together.
covered_now()
{
    [[ $("$BOOT/labctl" domain "$(domid "$1")") =~ \
       pod_cache=([0-9]+)\ pod_entries=([0-9]+) ]] &&
        [ "${BASH_REMATCH[1]}" -ge "${BASH_REMATCH[2]}" ]
}

# guest_total NAME: MemTotal, KiB
guest_total()
{
    guest "$1" "awk '/^MemTotal/ { print \$2 }' /proc/meminfo"
}
