# SPDX-License-Identifier: GPL-2.0-only
# Stand-ins of the Xen libraries, and the tests of the stand-ins themselves.
# A component test links tests/fake/libxkfake.a in place of the libraries.

check_LIBRARIES += tests/fake/libxkfake.a

tests_fake_libxkfake_a_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests/fake
tests_fake_libxkfake_a_SOURCES = \
	tests/fake/fake.c tests/fake/fake.h tests/fake/state.h \
	tests/fake/arena.c tests/fake/arena.h \
	tests/fake/check.c \
	tests/fake/domain.c tests/fake/domain.h \
	tests/fake/evtchn.c tests/fake/evtchn.h \
	tests/fake/fault.c tests/fake/fault.h \
	tests/fake/fds.c tests/fake/fds.h \
	tests/fake/foreign.c \
	tests/fake/gnttab.c tests/fake/gnttab.h \
	tests/fake/guest.c \
	tests/fake/host.c tests/fake/host.h \
	tests/fake/map.c tests/fake/map.h \
	tests/fake/memop.c tests/fake/memop.h \
	tests/fake/p2m.c tests/fake/p2m.h \
	tests/fake/pod.c tests/fake/pod.h \
	tests/fake/replay.c \
	tests/fake/store.c tests/fake/store.h \
	tests/fake/toolcore.c \
	tests/fake/trace.c tests/fake/trace.h \
	tests/fake/xc.c \
	tests/fake/xs.c

if HAVE_CHECK
check_PROGRAMS += tests/fake/test_model tests/fake/test_handles
TESTS += tests/fake/test_model tests/fake/test_handles

tests_fake_test_model_SOURCES = tests/fake/test_model.c
tests_fake_test_model_CPPFLAGS = $(tests_fake_libxkfake_a_CPPFLAGS)
tests_fake_test_model_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_fake_test_model_LDADD = tests/fake/libxkfake.a $(CHECK_LIBS)

tests_fake_test_handles_SOURCES = tests/fake/test_handles.c
tests_fake_test_handles_CPPFLAGS = $(tests_fake_libxkfake_a_CPPFLAGS)
tests_fake_test_handles_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_fake_test_handles_LDADD = tests/fake/libxkfake.a $(CHECK_LIBS)
endif
