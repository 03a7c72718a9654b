# SPDX-License-Identifier: GPL-2.0-only
# Built when tests/bench/run wants them: they measure the real daemons' code.
EXTRA_PROGRAMS += tests/bench/crash
tests_bench_crash_SOURCES = tests/bench/crash.c
tests_bench_crash_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/dom0/crashd
tests_bench_crash_LDADD = dom0/crashd/libxkcrashd.a $(XK_DAEMON_LIBS) \
	$(XK_CRASHD_LDADD)

if HAVE_CHECK
EXTRA_PROGRAMS += tests/bench/memoryd
tests_bench_memoryd_SOURCES = tests/bench/memoryd.c
tests_bench_memoryd_CPPFLAGS = $(COMPONENT_CPPFLAGS)
tests_bench_memoryd_CFLAGS = $(COMPONENT_CFLAGS)
tests_bench_memoryd_LDADD = tests/component/libxkplay.a $(COMPONENT_LIBS)
endif
