# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# what: records memory calls on real Xen, for the stand-in to be held against
# tier: full
# proves: a6
# needs: pvh stage
# timeout: 90
. /lab/dom0/memory.sh

create_guest one memory=256
sleep 2
xl pause one
"$STAGE/dom0/xk-record-dom0" "$(domid one)" >"$OUT/sweep-inflate.trace"
cat "$OUT/sweep-inflate.trace"
# The stand-in has to answer the same as this Xen did.
XK_TRACES=$OUT "$STAGE/dom0/test_trace"
destroy_guest one
