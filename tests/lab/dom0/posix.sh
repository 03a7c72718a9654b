# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# xk-posix in a guest, against what dom0's own file system does. Sourced by
# cases, after lib.sh.

# posix_reference FILE: what the disk of dom0 does
posix_reference()
{
    local dir status=0
    dir=$(mktemp -d /var/tmp/posix.XXXXXX)
    chmod 755 "$dir"
    timeout $((120 * LAB_SLOW)) "$STAGE/guest/bin/xk-posix" "$dir" >"$1" ||
        status=$?
    [ $status -le 1 ] || fail "xk-posix on dom0's disk: status $status"
    rm -rf "$dir"
    note "dom0's disk: $(tail -n 1 "$1")"
}

# posix_ids FILE [PREFIX]: the ids of the lines that begin so
posix_ids()
{
    sed -n "s/^${2:-\(not \)\?ok} //; T; s/:.*//; p" "$1" | sort -u
}

# posix_compare REFERENCE RUN [EXCUSED]: fails when the run lacks an id of the
# reference, or has a failure that the reference has not. EXCUSED has lines of
# an extended regular expression for ids, blanks, and a reason.
posix_compare()
{
    local new lost excused=/dev/null
    if [ $# -gt 2 ]; then
        excused=/tmp/posix.excused
        sed -n 's/^\([^# ]\+\) .*/^\1$/p' "$3" >$excused
    fi
    lost=$(comm -23 <(posix_ids "$1") <(posix_ids "$2") |
        grep -vEf $excused) || true
    new=$(comm -13 <(posix_ids "$1" 'not ok') <(posix_ids "$2" 'not ok') |
        grep -vEf $excused) || true
    grep -Ff <(echo "$new" | sed 's/^/not ok /; s/$/:/') "$2" |
        tee "$OUT/posix.new" || true
    note "$(tail -n 1 "$2"), $(wc -w <<<"$new") new, $(wc -w <<<"$lost") lost"
    [ -z "$lost" ] || fail "not asserted: $(head -n 3 <<<"$lost" | xargs)"
    [ -z "$new" ] || fail "fails, but not on dom0's disk: $(
        head -n 3 <<<"$new" | xargs), ..."
}
