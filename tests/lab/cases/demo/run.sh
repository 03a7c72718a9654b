# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# what: the first job, shown: sweep a real guest, inflate it, beside xl mem-set
# proves: a1
# needs: pvh stage
# timeout: 240
# tier: asked
. /lab/dom0/memory.sh

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
