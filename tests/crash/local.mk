# SPDX-License-Identifier: GPL-2.0-only
# crashd's reading half on images in files. Its corpse.h is that of the tests.
check_PROGRAMS += tests/crash/xk-image
tests_crash_xk_image_SOURCES = tests/crash/xk-image.c \
	tests/unit/corpse.c tests/unit/corpse.h
tests_crash_xk_image_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests/unit \
	-I$(top_srcdir)/dom0/crashd
tests_crash_xk_image_CFLAGS = $(AM_CFLAGS) $(JSON_C_CFLAGS)
tests_crash_xk_image_LDADD = dom0/crashd/libxkcrashd.a $(XK_DAEMON_LIBS) \
	$(XK_CRASHD_LDADD)
