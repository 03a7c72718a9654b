# SPDX-License-Identifier: GPL-2.0-only
# Built when tests/bench/run wants it: it measures the real daemon.
if HAVE_CHECK
EXTRA_PROGRAMS += tests/bench/memoryd
tests_bench_memoryd_SOURCES = tests/bench/memoryd.c
tests_bench_memoryd_CPPFLAGS = $(COMPONENT_CPPFLAGS)
tests_bench_memoryd_CFLAGS = $(COMPONENT_CFLAGS)
tests_bench_memoryd_LDADD = tests/component/libxkplay.a $(COMPONENT_LIBS)
endif
