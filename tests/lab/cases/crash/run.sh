# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# what: a guest panics: dumped, sealed, opened by those it is for
# proves: d1 d2
# needs: pvh stage
# timeout: 180
# allow: sysrq: Trigger a crash|Kernel panic - not syncing|BUG: kernel NULL pointer -- it is what the case is for
. /lab/dom0/crash.sh

make_keys owner owner
make_keys triage triage
start_crashd

create_guest dead memory=160 vcpus=1
guest dead 'xk-plant 5eed /planted'
crash_guest dead
wait_for 60 'recorded dead' || fail "$(tail -n 3 "$OUT/crashd.log")"
cp "$STORE/$(record dead id)/record.json" "$OUT/"
[ "$(record dead outcome)" = stored ] || fail "$(record dead why)"
[ "$(record dead reason)" = crash ]
crashed dead || fail "the guest was not left as it was"
note "$(record dead stop): $(record dead title)"
cp "$STORE/$(record dead id)"/report.* "$OUT/"
dump=$(dump_of dead)
note "$(stat -c %s "$dump") bytes in $(record dead duration_us) us"

note "nothing in clear"
for kind in user cache key free; do
    ! grep -rqaF "$kind-secret-5eed" "$STORE" || fail "$kind: in the store"
done

note "checked by anybody and by each key, refused for others"
host=$STORE/host.pub
xenkeep-dump verify --host "$host" "$dump"
xenkeep-dump verify --host "$host" --key /root/owner.key "$dump"
xenkeep-dump verify --host "$host" --key /root/triage.key "$dump"
openssl ecparam -name prime256v1 -genkey -noout -out /root/other.key
! xenkeep-dump verify --key /root/other.key "$dump" 2>/tmp/why
grep -q 'not sealed for this key' /tmp/why

note "what each key opens, seen by drgn"
# looks KEY: "read N hidden N user-secret N ...", of the guest's 160 MiB
looks()
{
    xenkeep-dump open --key "/root/$1.key" --program python3 "$dump" -- \
        /lab/cases/crash/look.py 0 0xa000 | tee "$OUT/look-$1.txt"
}
# seen WHAT KEY: on how many pages
seen()
{
    grep -o "$1 [0-9]*" "$OUT/look-$2.txt" | cut -d' ' -f2
}
looks owner
[ "$(seen user-secret owner)" -ge 256 ]
[ "$(seen cache-secret owner)" -ge 256 ]
[ "$(seen key-secret owner)" -ge 1 ]
[ "$(seen not-syncing:-sysrq-triggered-crash owner)" -ge 1 ]
looks triage
[ "$(seen read triage)" -gt 1000 ]
[ "$(seen hidden triage)" -gt "$(seen hidden owner)" ]
! grep -q -e secret -e sysrq "$OUT/look-triage.txt" ||
    fail "the triage key opens what it must not"

note "another owner"
mkdir -p /root/next/owner
openssl req -x509 -nodes -newkey rsa:2048 -days 2 -subj /CN=next \
    -keyout /root/next.key -out /root/next/owner/next.pem 2>/dev/null
! xenkeep-dump rewrap --key /root/triage.key --keys /root/next "$dump"
xenkeep-dump rewrap --key /root/owner.key --keys /root/next "$dump"
! xenkeep-dump verify --key /root/owner.key "$dump"
xenkeep-dump verify --host "$host" --key /root/next.key "$dump"

note "changed, cut, of another host"
cp "$dump" /tmp/changed
printf x | dd of=/tmp/changed bs=1 seek=100000 conv=notrunc status=none
! xenkeep-dump verify --key /root/next.key /tmp/changed 2>/tmp/why
grep -q 'at byte' /tmp/why || grep -q 'was changed' /tmp/why
head -c 500000 "$dump" >/tmp/cut
! xenkeep-dump verify --key /root/next.key /tmp/cut 2>/tmp/why
grep -q 'it is torn: whole up to byte' /tmp/why
sed 's/^../00/' "$host" >/tmp/foreign.pub
! xenkeep-dump verify --host /tmp/foreign.pub "$dump" 2>/tmp/why
grep -q 'of another host' /tmp/why

stop_daemon crashd
destroy_guest dead
