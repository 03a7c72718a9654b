# SPDX-License-Identifier: GPL-2.0-only
# crashd: a library of its parts, so that tests link what the daemon is.
noinst_LIBRARIES += dom0/crashd/libxkcrashd.a
dom0_crashd_libxkcrashd_a_SOURCES = \
	dom0/crashd/class.c dom0/crashd/class.h \
	dom0/crashd/image.c dom0/crashd/image.h \
	dom0/crashd/image_file.c \
	dom0/crashd/sink.h
dom0_crashd_libxkcrashd_a_CFLAGS = $(AM_CFLAGS) $(JSON_C_CFLAGS)

# The sealed container.
dom0_crashd_libxkcrashd_a_SOURCES += \
	dom0/crashd/seal.c dom0/crashd/seal.h dom0/crashd/seal_format.h \
	dom0/crashd/seal_keys.c dom0/crashd/seal_keys.h \
	dom0/crashd/unseal.c dom0/crashd/unseal.h
