# SPDX-License-Identifier: GPL-2.0-only
# Guests: their memory, their deaths, what is kept of them, who may see it.
dom0_crashd_libxkcrashd_a_SOURCES += \
	dom0/crashd/actor.c dom0/crashd/actor.h \
	dom0/crashd/corpse.c dom0/crashd/corpse.h \
	dom0/crashd/crash_control.c dom0/crashd/crash_control.h \
	dom0/crashd/crash_guest.c dom0/crashd/crash_guest.h \
	dom0/crashd/crashd.c dom0/crashd/crashd.h \
	dom0/crashd/diskless.c dom0/crashd/diskless.h \
	dom0/crashd/dumping.c dom0/crashd/dumping.h \
	dom0/crashd/errand.c dom0/crashd/errand.h \
	dom0/crashd/fifo.c dom0/crashd/fifo.h \
	dom0/crashd/history.c dom0/crashd/history.h \
	dom0/crashd/hold.c dom0/crashd/hold.h \
	dom0/crashd/image_domain.c dom0/crashd/image_domain.h \
	dom0/crashd/inquest.c dom0/crashd/inquest.h \
	dom0/crashd/job.c dom0/crashd/job.h \
	dom0/crashd/policy.c dom0/crashd/policy.h \
	dom0/crashd/recipients.c dom0/crashd/recipients.h \
	dom0/crashd/record.c dom0/crashd/record.h \
	dom0/crashd/repeat.c dom0/crashd/repeat.h \
	dom0/crashd/retention.c dom0/crashd/retention.h \
	dom0/crashd/rule_parse.c \
	dom0/crashd/store.c dom0/crashd/store.h \
	dom0/crashd/testament.c dom0/crashd/testament.h \
	dom0/crashd/view.c dom0/crashd/view.h
dom0_crashd_libxkcrashd_a_CFLAGS += $(EVENT_CFLAGS) $(XLUTIL_CFLAGS)

sbin_PROGRAMS += xenkeep-crashd
xenkeep_crashd_SOURCES = dom0/crashd/main.c
xenkeep_crashd_CFLAGS = $(AM_CFLAGS) $(EVENT_CFLAGS) $(JSON_C_CFLAGS)
xenkeep_crashd_LDADD = dom0/crashd/libxkcrashd.a $(XK_DAEMON_LIBS) \
	$(XEN_LIBS) $(XK_DAEMON_LDADD) $(XK_CRASHD_LDADD)

# What can be done with a dump on any machine.
bin_PROGRAMS += xenkeep-dump
xenkeep_dump_SOURCES = dom0/crashd/tool.c dom0/crashd/tool.h \
	dom0/crashd/tool_export.c dom0/crashd/tool_mount.c \
	dom0/crashd/tool_rewrap.c dom0/crashd/tool_view.c
xenkeep_dump_CFLAGS = $(AM_CFLAGS) $(JSON_C_CFLAGS) $(FUSE_CFLAGS)
xenkeep_dump_LDADD = dom0/crashd/libxkcrashd.a dom0/lib/libxkdom0.a \
	common/libxkcommon.a $(XK_CRASHD_LDADD) $(FUSE_LIBS)
