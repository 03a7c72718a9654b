# SPDX-License-Identifier: GPL-2.0-only
# The real daemon against the stand-in of Xen (tests/fake), and the real
# commands against a daemon that is none.
EXTRA_DIST += tests/component/test_dump_tool.py tests/component/test_xl.py \
	tests/component/traces
TESTS += tests/component/test_dump_tool.py tests/component/test_xl.py

# In this order: tests/fake has a domain.h of its own.
COMPONENT_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests/component \
	-I$(top_srcdir)/dom0/memoryd -I$(top_srcdir)/tests/fake
COMPONENT_CFLAGS = $(AM_CFLAGS) $(EVENT_CFLAGS) $(JSON_C_CFLAGS) \
	$(XLUTIL_CFLAGS) $(CHECK_CFLAGS)
# The stand-in takes the place of $(XEN_LIBS).
COMPONENT_LIBS = dom0/memoryd/libxkmemoryd.a $(XK_DAEMON_LIBS) \
	tests/fake/libxkfake.a $(XK_DAEMON_LDADD) $(CHECK_LIBS)

if HAVE_CHECK
check_LIBRARIES += tests/component/libxkplay.a
tests_component_libxkplay_a_CPPFLAGS = $(COMPONENT_CPPFLAGS)
tests_component_libxkplay_a_CFLAGS = $(COMPONENT_CFLAGS)
tests_component_libxkplay_a_SOURCES = \
	tests/component/guest.c tests/component/guest.h \
	tests/component/harness.c tests/component/harness.h \
	tests/component/play.c tests/component/play.h

crash_programs = tests/component/test_crashd \
	tests/component/test_crash_keep tests/component/test_crash_kill \
	tests/component/test_crash_next
component_programs = tests/component/test_memoryd \
	tests/component/test_guard \
	tests/component/test_balancer \
	tests/component/test_hostile tests/component/test_kill \
	tests/component/test_drain \
	tests/component/test_map tests/component/test_overcommit \
	tests/component/test_trace tests/component/test_pressure \
	tests/component/test_recovery tests/component/test_reporting \
	tests/component/test_random $(crash_programs)
check_PROGRAMS += $(component_programs)
TESTS += $(component_programs)

tests_component_test_memoryd_SOURCES = tests/component/test_memoryd.c
tests_component_test_memoryd_CPPFLAGS = $(COMPONENT_CPPFLAGS)
tests_component_test_memoryd_CFLAGS = $(COMPONENT_CFLAGS)
tests_component_test_memoryd_LDADD = tests/component/libxkplay.a \
	$(COMPONENT_LIBS)

tests_component_test_guard_SOURCES = tests/component/test_guard.c
tests_component_test_guard_CPPFLAGS = $(COMPONENT_CPPFLAGS)
tests_component_test_guard_CFLAGS = $(COMPONENT_CFLAGS)
tests_component_test_guard_LDADD = tests/component/libxkplay.a \
	$(COMPONENT_LIBS)

tests_component_test_balancer_SOURCES = tests/component/test_balancer.c
tests_component_test_balancer_CPPFLAGS = $(COMPONENT_CPPFLAGS)
tests_component_test_balancer_CFLAGS = $(COMPONENT_CFLAGS)
tests_component_test_balancer_LDADD = tests/component/libxkplay.a \
	$(COMPONENT_LIBS)

tests_component_test_drain_SOURCES = tests/component/test_drain.c
tests_component_test_drain_CPPFLAGS = $(COMPONENT_CPPFLAGS)
tests_component_test_drain_CFLAGS = $(COMPONENT_CFLAGS)
tests_component_test_drain_LDADD = tests/component/libxkplay.a \
	$(COMPONENT_LIBS)

tests_component_test_hostile_SOURCES = tests/component/test_hostile.c
tests_component_test_hostile_CPPFLAGS = $(COMPONENT_CPPFLAGS)
tests_component_test_hostile_CFLAGS = $(COMPONENT_CFLAGS)
tests_component_test_hostile_LDADD = tests/component/libxkplay.a \
	$(COMPONENT_LIBS)

tests_component_test_map_SOURCES = tests/component/test_map.c
tests_component_test_map_CPPFLAGS = $(COMPONENT_CPPFLAGS)
tests_component_test_map_CFLAGS = $(COMPONENT_CFLAGS)
tests_component_test_map_LDADD = tests/component/libxkplay.a \
	$(COMPONENT_LIBS)

tests_component_test_overcommit_SOURCES = tests/component/test_overcommit.c
tests_component_test_overcommit_CPPFLAGS = $(COMPONENT_CPPFLAGS)
tests_component_test_overcommit_CFLAGS = $(COMPONENT_CFLAGS)
tests_component_test_overcommit_LDADD = tests/component/libxkplay.a \
	$(COMPONENT_LIBS)

tests_component_test_pressure_SOURCES = tests/component/test_pressure.c
tests_component_test_pressure_CPPFLAGS = $(COMPONENT_CPPFLAGS)
tests_component_test_pressure_CFLAGS = $(COMPONENT_CFLAGS)
tests_component_test_pressure_LDADD = tests/component/libxkplay.a \
	$(COMPONENT_LIBS)

tests_component_test_random_SOURCES = tests/component/test_random.c
tests_component_test_random_CPPFLAGS = $(COMPONENT_CPPFLAGS)
tests_component_test_random_CFLAGS = $(COMPONENT_CFLAGS)
tests_component_test_random_LDADD = tests/component/libxkplay.a \
	$(COMPONENT_LIBS)

tests_component_test_recovery_SOURCES = tests/component/test_recovery.c
tests_component_test_recovery_CPPFLAGS = $(COMPONENT_CPPFLAGS)
tests_component_test_recovery_CFLAGS = $(COMPONENT_CFLAGS)
tests_component_test_recovery_LDADD = tests/component/libxkplay.a \
	$(COMPONENT_LIBS)

tests_component_test_reporting_SOURCES = tests/component/test_reporting.c
tests_component_test_reporting_CPPFLAGS = $(COMPONENT_CPPFLAGS)
tests_component_test_reporting_CFLAGS = $(COMPONENT_CFLAGS)
tests_component_test_reporting_LDADD = tests/component/libxkplay.a \
	$(COMPONENT_LIBS)

tests_component_test_trace_SOURCES = tests/component/test_trace.c
tests_component_test_trace_CPPFLAGS = $(AM_CPPFLAGS) \
	-I$(top_srcdir)/tests/fake \
	-DXK_TRACES='"$(top_srcdir)/tests/component/traces"'
tests_component_test_trace_LDADD = tests/fake/libxkfake.a

CRASH_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/dom0/crashd \
	-I$(top_srcdir)/tests/fake
CRASH_LIBS = tests/component/libxkcrashplay.a dom0/crashd/libxkcrashd.a \
	$(XK_DAEMON_LIBS) tests/fake/libxkfake.a $(XK_DAEMON_LDADD) \
	$(XK_CRASHD_LDADD) $(OPENSSL_LIBS) $(CHECK_LIBS)

check_LIBRARIES += tests/component/libxkcrashplay.a
tests_component_libxkcrashplay_a_CPPFLAGS = $(CRASH_CPPFLAGS)
tests_component_libxkcrashplay_a_CFLAGS = $(COMPONENT_CFLAGS)
tests_component_libxkcrashplay_a_SOURCES = \
	tests/component/crash_play.c tests/component/crash_play.h

tests_component_test_crashd_SOURCES = tests/component/test_crashd.c
tests_component_test_crashd_CPPFLAGS = $(CRASH_CPPFLAGS)
tests_component_test_crashd_CFLAGS = $(COMPONENT_CFLAGS)
tests_component_test_crashd_LDADD = $(CRASH_LIBS)

tests_component_test_crash_keep_SOURCES = tests/component/test_crash_keep.c
tests_component_test_crash_keep_CPPFLAGS = $(CRASH_CPPFLAGS)
tests_component_test_crash_keep_CFLAGS = $(COMPONENT_CFLAGS)
tests_component_test_crash_keep_LDADD = $(CRASH_LIBS)

tests_component_test_crash_kill_SOURCES = tests/component/test_crash_kill.c
tests_component_test_crash_kill_CPPFLAGS = $(CRASH_CPPFLAGS)
tests_component_test_crash_kill_CFLAGS = $(COMPONENT_CFLAGS)
# It kills at a byte of what crashd writes.
tests_component_test_crash_kill_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=write
tests_component_test_crash_kill_LDADD = $(CRASH_LIBS)

tests_component_test_crash_next_SOURCES = tests/component/test_crash_next.c
tests_component_test_crash_next_CPPFLAGS = $(CRASH_CPPFLAGS)
tests_component_test_crash_next_CFLAGS = $(COMPONENT_CFLAGS)
tests_component_test_crash_next_LDADD = $(CRASH_LIBS)

tests_component_test_kill_SOURCES = tests/component/test_kill.c
tests_component_test_kill_CPPFLAGS = $(COMPONENT_CPPFLAGS)
tests_component_test_kill_CFLAGS = $(COMPONENT_CFLAGS)
tests_component_test_kill_LDADD = tests/component/libxkplay.a \
	$(COMPONENT_LIBS)
endif

# filed's own; it runs as root only, for the sandboxes of its servers.
FILES_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests/component \
	-I$(top_srcdir)/dom0/filed -I$(top_srcdir)/tests/fake
FILES_LIBS = dom0/filed/libxkfiled.a $(XK_DAEMON_LIBS) \
	tests/fake/libxkfake.a $(XK_DAEMON_LDADD) $(OPENSSL_LIBS) $(CHECK_LIBS)

if HAVE_CHECK
check_LIBRARIES += tests/component/libxkfilesplay.a
tests_component_libxkfilesplay_a_CPPFLAGS = $(FILES_CPPFLAGS)
tests_component_libxkfilesplay_a_CFLAGS = $(COMPONENT_CFLAGS)
tests_component_libxkfilesplay_a_SOURCES = \
	tests/component/files_play.c tests/component/files_play.h \
	tests/component/outside.c tests/component/outside.h \
	tests/component/p9_client.c tests/component/p9_client.h \
	tests/component/p9_play.c tests/component/p9_play.h

files_programs = tests/component/test_filed \
	tests/component/test_filed_kill tests/component/test_filed_escape \
	tests/component/test_filed_paths tests/component/test_filed_forgery \
	tests/component/test_filed_excess \
	tests/component/test_p9 tests/component/test_p9_device \
	tests/component/test_p9_paths
check_PROGRAMS += $(files_programs)
TESTS += $(files_programs)

tests_component_test_filed_SOURCES = tests/component/test_filed.c
tests_component_test_filed_CPPFLAGS = $(FILES_CPPFLAGS)
tests_component_test_filed_CFLAGS = $(COMPONENT_CFLAGS)
tests_component_test_filed_LDADD = tests/component/libxkfilesplay.a \
	$(FILES_LIBS)

tests_component_test_p9_SOURCES = tests/component/test_p9.c
tests_component_test_p9_CPPFLAGS = $(FILES_CPPFLAGS)
tests_component_test_p9_CFLAGS = $(COMPONENT_CFLAGS)
tests_component_test_p9_LDADD = tests/component/libxkfilesplay.a \
	$(FILES_LIBS)

tests_component_test_p9_paths_SOURCES = tests/component/test_p9_paths.c
tests_component_test_p9_paths_CPPFLAGS = $(FILES_CPPFLAGS)
tests_component_test_p9_paths_CFLAGS = $(COMPONENT_CFLAGS)
tests_component_test_p9_paths_LDADD = tests/component/libxkfilesplay.a \
	$(FILES_LIBS)

tests_component_test_p9_device_SOURCES = tests/component/test_p9_device.c
tests_component_test_p9_device_CPPFLAGS = $(FILES_CPPFLAGS)
tests_component_test_p9_device_CFLAGS = $(COMPONENT_CFLAGS)
tests_component_test_p9_device_LDADD = tests/component/libxkfilesplay.a \
	$(FILES_LIBS)

tests_component_test_filed_kill_SOURCES = tests/component/test_filed_kill.c
tests_component_test_filed_kill_CPPFLAGS = $(FILES_CPPFLAGS)
tests_component_test_filed_kill_CFLAGS = $(COMPONENT_CFLAGS)
tests_component_test_filed_kill_LDADD = tests/component/libxkfilesplay.a \
	$(FILES_LIBS)

tests_component_test_filed_paths_SOURCES = tests/component/test_filed_paths.c
tests_component_test_filed_paths_CPPFLAGS = $(FILES_CPPFLAGS)
tests_component_test_filed_paths_CFLAGS = $(COMPONENT_CFLAGS)
tests_component_test_filed_paths_LDADD = tests/component/libxkfilesplay.a \
	$(FILES_LIBS)

tests_component_test_filed_forgery_SOURCES = \
	tests/component/test_filed_forgery.c
tests_component_test_filed_forgery_CPPFLAGS = $(FILES_CPPFLAGS)
tests_component_test_filed_forgery_CFLAGS = $(COMPONENT_CFLAGS)
tests_component_test_filed_forgery_LDADD = \
	tests/component/libxkfilesplay.a $(FILES_LIBS)

tests_component_test_filed_excess_SOURCES = \
	tests/component/test_filed_excess.c
tests_component_test_filed_excess_CPPFLAGS = $(FILES_CPPFLAGS)
tests_component_test_filed_excess_CFLAGS = $(COMPONENT_CFLAGS)
tests_component_test_filed_excess_LDADD = \
	tests/component/libxkfilesplay.a $(FILES_LIBS)

tests_component_test_filed_escape_SOURCES = \
	tests/component/test_filed_escape.c
tests_component_test_filed_escape_CPPFLAGS = $(FILES_CPPFLAGS)
tests_component_test_filed_escape_CFLAGS = $(COMPONENT_CFLAGS)
tests_component_test_filed_escape_LDADD = \
	tests/component/libxkfilesplay.a $(FILES_LIBS)
endif
