# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# what: what xenkeep does, shown on real guests: memory, files, evidence
# proves: a1 c1 d6
# needs: pvh stage
# timeout: 240
# allow: sysrq: Trigger a crash|Kernel panic - not syncing -- the guest of the third part
# tier: asked
. /lab/dom0/memory.sh
. /lab/dom0/files.sh
. /lab/dom0/crash.sh

say()
{
    printf '\n\033[1m%s\033[0m\n' "$*"
}

# shown COMMAND...: as an administrator would type it
shown()
{
    printf '\033[36mdom0# %s\033[0m\n' "$*"
    "$@"
}

# in_guest NAME COMMAND: the same, typed in the guest
in_guest()
{
    printf '\033[32m%s# %s\033[0m\n' "$1" "$2"
    guest "$1" "$2"
}

until_free()
{
    "$STAGE/dom0/xk-until-free-dom0" $((255 * 1024)) "$@" | cut -d' ' -f1
}

say "This is dom0 of a real Xen $(xl info xen_version). Two guests of 512 MiB" \
    "start: web has the xk_balloon module, old has the stock driver only."
start_memoryd
create_guest web memory=512
create_guest old memory=512
load_balloon web
guest web 'mkdir -p /tmp/f && xk-fill start /tmp/f 64 1'
shown xl-memory

say "web's free memory is mostly zero. Xen checks it, 2 MiB at a time, and" \
    "keeps it as cached superpages; web runs on meanwhile:"
shown xl-sweep web

say "Now 256 MiB of each guest shall go back to the host. The stock driver:"
printf '\033[36mdom0# xl mem-set old 256\033[0m\n'
stock=$(until_free xl mem-set old 256)
echo "until the host has the memory: $((stock / 1000)) ms"

say "The same by xenkeep:"
printf '\033[36mdom0# xl-sweep web --target 256\033[0m\n'
ours=$(until_free xl-sweep web --target 256)
echo "until the host has the memory: $((ours / 1000)) ms"
shown xl list
shown xl-memory

say "web's 64 MiB of known words, read back:"
guest web 'xk-fill check /tmp/f'
echo "all as they were"
echo
echo "stock $((stock / 1000)) ms, xenkeep $((ours / 1000)) ms:" \
    "$((stock * 10 / ours / 10)).$((stock * 10 / ours % 10)) times faster"

say "Files: web shall read a folder of dom0, and write another."
start_filed
mkdir -p /var/srv/media /var/srv/inbox
seq 1 100000 >/var/srv/media/numbers
shown xl-files add web /var/srv/media --read-only
shown xl-files add web /var/srv/inbox
load_xkfs web
in_guest web 'mkdir /srv && mount -t xkfs none /srv && ls /srv'
in_guest web 'md5sum /srv/media/numbers && ! touch /srv/media/x'
shown md5sum /var/srv/media/numbers
in_guest web 'echo "from web" >/srv/inbox/note'
shown cat /var/srv/inbox/note
shown xl-files list
shown xl-files revoke web media
in_guest web 'ls /srv; ! cat /srv/media/numbers'

say "Evidence: db holds a secret and panics. crashd writes and seals the dump."
destroy_guest old
make_keys owner owner
start_crashd
create_guest db memory=128 vcpus=1
guest db 'for i in $(seq 2000); do echo "password-of-the-demo $i"; done \
    >/tmp/secret'
in_guest db '(sleep 1; echo c >/proc/sysrq-trigger) >/dev/null 2>&1 &'
wait_for 60 'recorded db'
shown xl-crash list
shown xl-crash show "$(record db id)"
printf '\033[36mdom0# grep -r password-of-the-demo %s\033[0m\n' "$STORE"
! grep -r password-of-the-demo "$STORE" || fail "the secret is in the store"
echo "nothing: what is private is sealed for the owner's certificate"
shown xenkeep-dump verify --host "$STORE/host.pub" --key /root/owner.key \
    "$(dump_of db)"
