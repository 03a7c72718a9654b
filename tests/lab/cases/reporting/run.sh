# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# what: free blocks of a guest become entries without a pause, and are used
# tier: full
# proves: b4
# needs: pvh stage
# timeout: 400
. /lab/dom0/memory.sh

sed -i 's/free_page_reporting = 0/free_page_reporting = 1/' /tmp/memoryd.conf
echo 'log_level = "debug"' >>/tmp/memoryd.conf

entries()
{
    echo $(($(domain_value one pod_entries) / 256))
}

# always_covered: while a report is under way the scratch is among the entries,
# 2 MiB that no guest touches; between two reports there is nothing but
always_covered()
{
    local entries cache
    for _ in 1 2 3 4 5; do
        entries=$(domain_value one pod_entries)
        cache=$(domain_value one pod_cache)
        # Two readings: the guest may have used a page in between.
        [ "$entries" -le $((cache + 4 * 512)) ] ||
            fail "$entries entries and $cache pages"
    done
    covered one
}

start_memoryd
create_guest one memory=512
guest one 'mkdir -p /tmp/f /tmp/g && xk-fill start /tmp/f 64 7'
[ "$(entries)" = 0 ]
pages=$(domain_value one pages)
host=$(host_free_kib)
load_balloon one

# The kernel waits two seconds, and then reports a part at a time. Whatever the
# guest does meanwhile, each entry has its page.
wait_for 120 '[ "$(entries)" -ge 150 ]' || fail "$(entries) MiB of entries"
always_covered
note "reported: $(entries) MiB of entries"
[ "$(domain_value one pages)" = "$pages" ]
"$XL_MEMORY" --json one | json '.domains[0].busy == false' >/dev/null
guest one 'xk-fill check /tmp/f'

# Memory is used and freed while reports go on: files, and words that are
# checked all the time.
guest one 'xk-fill churn /tmp/g 96 13 20'
GUEST_TIMEOUT=90 guest one 'mkdir -p /tmp/files && cd /tmp/files &&
    for i in 1 2 3 4 5 6; do
        dd if=/dev/urandom of=a bs=1M count=24 2>/dev/null
        cp a b && sync && echo 3 >/proc/sys/vm/drop_caches
        cmp a b || exit 3
        [ $i = 6 ] || rm a b
    done && md5sum a >sum && sleep 3 && md5sum -c sum'
always_covered
GUEST_TIMEOUT=60 guest one 'xk-fill result /tmp/g 50'
guest one 'xk-fill check /tmp/f'
note "after use: $(entries) MiB of entries"

# Nobody was paused for it, and the host has neither lost nor won.
[ "$(domain_value one pages)" = "$pages" ]
metric()
{
    perl -MIO::Socket::UNIX -e '
        my $s = IO::Socket::UNIX->new("/run/xenkeep/memoryd.sock") or die $!;
        print $s qq({"jsonrpc":"2.0","id":1,"method":"metrics"}\n);
        print scalar <$s>;' |
        jq -r .result.text | awk -v m="$1" '$1 == m { print $2 }'
}
pauses=$(metric xk_memoryd_pauses_total)
note "pauses: $pauses, host $((host - $(host_free_kib))) KiB less," \
    "$(metric xk_memoryd_reported_pages_total) pages reported"
[ "$pauses" = 0 ] || fail "the guest was paused $pauses times"

# Inflation over what was reported, and back.
sweep one --target 320 >/dev/null
always_covered
guest one 'xk-fill check /tmp/f && cd /tmp/files && md5sum -c sum'
sweep one --target 512 >/dev/null
[ "$(domain_value one pages)" = "$pages" ]
guest one 'xk-fill check /tmp/f'

# A memoryd that dies with a report open, and the next one.
stop_daemon memoryd
for point in report-opened report-taken report-marked; do
    XK_FAULT=$point start_memoryd
    pid=$(daemon_pid memoryd)
    wait_for 30 "[ \"\$(frontend one)\" = connected ] || ! kill -0 $pid"
    guest one 'dd if=/dev/zero of=/tmp/z bs=1M count=64 2>/dev/null; rm /tmp/z'
    wait_for 60 "! kill -0 $pid" || fail "$point was not reached"
    sed -i "/^$pid /d" /run/lab-daemons
    start_memoryd
    wait_for 60 '[ "$(frontend one)" = connected ]'
    [ "$(domain_value one paused)" = 0 ] || fail "$point: paused"
    always_covered || fail "$point: entries without pages"
    guest one 'xk-fill check /tmp/f && cd /tmp/files && md5sum -c sum'
    stop_daemon memoryd
    note "$point: repaired"
done
