# SPDX-License-Identifier: GPL-2.0-only
# What every daemon needs; hv.c is the only file that knows libxenctrl.
noinst_LIBRARIES += dom0/lib/libxkdom0.a
dom0_lib_libxkdom0_a_SOURCES = \
	dom0/lib/cfg.c dom0/lib/cfg.h \
	dom0/lib/cfgkeys.c dom0/lib/cfgkeys.h \
	dom0/lib/chan.c dom0/lib/chan.h dom0/lib/ctl.c dom0/lib/ctl.h \
	dom0/lib/ctl_reply.c dom0/lib/ctl_request.c \
	dom0/lib/crypto.c dom0/lib/crypto.h \
	dom0/lib/depriv.c dom0/lib/depriv.h \
	dom0/lib/fault.c dom0/lib/fault.h dom0/lib/hv.c dom0/lib/hv.h \
	dom0/lib/lock.c dom0/lib/lock.h dom0/lib/loop.c dom0/lib/loop.h \
	dom0/lib/metrics.c dom0/lib/metrics.h dom0/lib/notify.c \
	dom0/lib/notify.h dom0/lib/xenbus.c dom0/lib/xenbus.h \
	dom0/lib/xs.c dom0/lib/xs.h
dom0_lib_libxkdom0_a_CFLAGS = $(AM_CFLAGS) $(XEN_CFLAGS) $(XLUTIL_CFLAGS) \
	$(EVENT_CFLAGS) $(JSON_C_CFLAGS) $(OPENSSL_CFLAGS)
