# SPDX-License-Identifier: GPL-2.0-only
# filed: a library of its parts, so that tests link what the daemon is.
noinst_LIBRARIES += dom0/filed/libxkfiled.a
dom0_filed_libxkfiled_a_SOURCES = \
	dom0/filed/ops.h \
	dom0/filed/owner.c dom0/filed/owner.h \
	dom0/filed/share.c dom0/filed/share.h
dom0_filed_libxkfiled_a_CFLAGS = $(AM_CFLAGS) $(EVENT_CFLAGS) \
	$(JSON_C_CFLAGS) $(XLUTIL_CFLAGS)
