# SPDX-License-Identifier: GPL-2.0-only
# memoryd: a library of its parts, so that tests link what the daemon is.
noinst_LIBRARIES += dom0/memoryd/libxkmemoryd.a
dom0_memoryd_libxkmemoryd_a_SOURCES = \
	dom0/memoryd/background.c dom0/memoryd/background.h \
	dom0/memoryd/balancer.c dom0/memoryd/balancer.h \
	dom0/memoryd/balloon.c dom0/memoryd/balloon.h dom0/memoryd/budget.c \
	dom0/memoryd/budget.h dom0/memoryd/control.c dom0/memoryd/control.h \
	dom0/memoryd/demand.c dom0/memoryd/demand.h \
	dom0/memoryd/device.c dom0/memoryd/device.h dom0/memoryd/domain.c \
	dom0/memoryd/domain.h dom0/memoryd/drain.c dom0/memoryd/drain.h \
	dom0/memoryd/guard.c dom0/memoryd/guard.h \
	dom0/memoryd/journal.c dom0/memoryd/journal.h \
	dom0/memoryd/marks.c dom0/memoryd/marks.h \
	dom0/memoryd/look.c dom0/memoryd/look.h \
	dom0/memoryd/map.c dom0/memoryd/map.h \
	dom0/memoryd/map_json.c dom0/memoryd/map_json.h \
	dom0/memoryd/memoryd.c dom0/memoryd/memoryd.h \
	dom0/memoryd/operation.c dom0/memoryd/operation.h \
	dom0/memoryd/overcommit.c dom0/memoryd/overcommit.h \
	dom0/memoryd/policy.c dom0/memoryd/policy.h \
	dom0/memoryd/ranges.c dom0/memoryd/ranges.h dom0/memoryd/repair.c \
	dom0/memoryd/recovery.c dom0/memoryd/recovery.h \
	dom0/memoryd/repair.h dom0/memoryd/report.c dom0/memoryd/report.h \
	dom0/memoryd/reporting.c dom0/memoryd/reporting.h \
	dom0/memoryd/resize.c dom0/memoryd/resize.h \
	dom0/memoryd/rule.c dom0/memoryd/rule.h \
	dom0/memoryd/scan.c dom0/memoryd/scan.h \
	dom0/memoryd/scene.c dom0/memoryd/scene.h dom0/memoryd/scratch.c \
	dom0/memoryd/scratch.h dom0/memoryd/settings.c \
	dom0/memoryd/settings.h dom0/memoryd/sweep.c dom0/memoryd/sweep.h \
	dom0/memoryd/window.c dom0/memoryd/window.h
dom0_memoryd_libxkmemoryd_a_CFLAGS = $(AM_CFLAGS) $(EVENT_CFLAGS) \
	$(JSON_C_CFLAGS) $(XLUTIL_CFLAGS)

# In this order: a static library serves those before it.
XK_DAEMON_LIBS = dom0/lib/libxkdom0.a xenstore-schema/libxkschema.a \
	common/libxkcommon.a
XK_DAEMON_LDADD = $(XLUTIL_LIBS) $(EVENT_LIBS) $(JSON_C_LIBS) $(CAPNG_LIBS) \
	$(SECCOMP_LIBS)

sbin_PROGRAMS += xenkeep-memoryd
xenkeep_memoryd_SOURCES = dom0/memoryd/main.c
xenkeep_memoryd_LDADD = dom0/memoryd/libxkmemoryd.a $(XK_DAEMON_LIBS) \
	$(XEN_LIBS) $(XK_DAEMON_LDADD)
