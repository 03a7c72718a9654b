# SPDX-License-Identifier: GPL-2.0-only
#
# The pages that are written by hand; xenkeep-xenstore(7) is made from the
# schema, in its own folder. Expects dist_man_MANS.

dist_man_MANS += \
	dom0/man/xl-sweep.1 \
	dom0/man/xl-memory.1 \
	dom0/man/xl-crash.1 \
	dom0/man/xl-files.1 \
	dom0/man/xenkeep-filed.conf.5 \
	dom0/man/xenkeep-filed.8 \
	dom0/man/xenkeep-dump.1 \
	dom0/man/xenkeep-dump.5 \
	dom0/man/xenkeep-crashd.conf.5 \
	dom0/man/xenkeep-crashd.8 \
	dom0/man/xenkeep-memoryd.conf.5 \
	dom0/man/mount.xkfs.8 \
	dom0/man/xenkeep-balloon-protocol.7 \
	dom0/man/xenkeep-memoryd.8

# Made from the header that is the specification.
nodist_man_MANS = dom0/man/xkfs-protocol.7 dom0/man/xenkeep-crash-protocol.7
EXTRA_DIST += dom0/man/protocol-page.awk
CLEANFILES += $(nodist_man_MANS)

xk_crash_header = $(top_srcdir)/common/include/xenkeep/proto/crash.h
xk_xkfs_header = $(top_srcdir)/common/include/xenkeep/proto/xkfs.h
xk_protocol_page = $(top_srcdir)/dom0/man/protocol-page.awk

dom0/man/xkfs-protocol.7: $(xk_xkfs_header) $(xk_protocol_page)
	$(AM_V_GEN)$(MKDIR_P) dom0/man && \
	$(AWK) -v page=xkfs-protocol -v what="how a guest's xkfs and dom0 talk" \
	    -v header=xenkeep/proto/xkfs.h -f $(xk_protocol_page) \
	    $(xk_xkfs_header) > $@.tmp && mv $@.tmp $@

dom0/man/xenkeep-crash-protocol.7: $(xk_crash_header) $(xk_protocol_page)
	$(AM_V_GEN)$(MKDIR_P) dom0/man && \
	$(AWK) -v page=xenkeep-crash-protocol \
	    -v what="how a guest's xk_crash and crashd talk" \
	    -v header=xenkeep/proto/crash.h -f $(xk_protocol_page) \
	    $(xk_crash_header) > $@.tmp && mv $@.tmp $@
