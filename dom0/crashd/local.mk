# SPDX-License-Identifier: GPL-2.0-only
# crashd: a library of its parts, so that tests link what the daemon is.
noinst_LIBRARIES += dom0/crashd/libxkcrashd.a
dom0_crashd_libxkcrashd_a_SOURCES =
dom0_crashd_libxkcrashd_a_CFLAGS = $(AM_CFLAGS) $(JSON_C_CFLAGS) \
	$(ZSTD_CFLAGS) $(ZLIB_CFLAGS) $(LZO_CFLAGS)

# What a program that links it needs besides XK_DAEMON_LIBS.
XK_CRASHD_LDADD = $(JSON_C_LIBS) $(ZSTD_LIBS) $(ZLIB_LIBS) $(LZO_LIBS) \
	$(OPENSSL_LIBS) -lpthread

include dom0/crashd/read.mk

# The sealed container.
dom0_crashd_libxkcrashd_a_SOURCES += \
	dom0/crashd/seal.c dom0/crashd/seal.h dom0/crashd/seal_format.h \
	dom0/crashd/seal_keys.c dom0/crashd/seal_keys.h \
	dom0/crashd/unseal.c dom0/crashd/unseal.h

include dom0/crashd/store.mk
