# SPDX-License-Identifier: GPL-2.0-only
# Unit tests: one program of libcheck, and the tests of the tree's checkers.
EXTRA_DIST += build-aux/check-includes tests/unit/test-checkers \
	tests/unit/certs
TESTS += build-aux/check-includes tests/unit/test-checkers

if HAVE_CHECK
check_PROGRAMS += tests/unit/run-unit
TESTS += tests/unit/run-unit
endif

tests_unit_run_unit_SOURCES = \
	tests/unit/runner.c \
	tests/unit/corpse.c tests/unit/corpse.h \
	tests/unit/test_balloon_msg.c \
	tests/unit/test_budget.c \
	tests/unit/test_marks.c \
	tests/unit/test_crypto.c \
	tests/unit/test_ctl_request.c \
	tests/unit/test_diagnosis.c \
	tests/unit/test_dump.c \
	tests/unit/test_image.c \
	tests/unit/test_journal.c \
	tests/unit/test_kernel.c \
	tests/unit/test_klog.c \
	tests/unit/test_lens.c \
	tests/unit/test_listing.c \
	tests/unit/test_log.c \
	tests/unit/test_map.c \
	tests/unit/test_metrics.c \
	tests/unit/test_overcommit.c \
	tests/unit/test_parse.c \
	tests/unit/test_picture.c \
	tests/unit/test_policy.c \
	tests/unit/test_ranges.c \
	tests/unit/test_rates.c \
	tests/unit/test_repeat.c \
	tests/unit/test_ring.c \
	tests/unit/test_rule.c \
	tests/unit/test_schema.c \
	tests/unit/test_seal.c \
	tests/unit/test_secrets.c \
	tests/unit/test_settings.c \
	tests/unit/test_util.c \
	tests/unit/test_zero.c \
	tests/unit/unit.h \
	dom0/xl/cells.c dom0/xl/cells_svg.c dom0/xl/fields.c \
	dom0/xl/picture.c dom0/xl/rates.c dom0/xl/units.c
tests_unit_run_unit_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/dom0/memoryd \
	-I$(top_srcdir)/dom0/xl -I$(top_srcdir)/dom0/crashd
tests_unit_run_unit_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(EVENT_CFLAGS) \
	$(JSON_C_CFLAGS)
# The stand-in (tests/fake) takes the place of the Xen libraries, of which
# only libxlutil's parser is needed.
tests_unit_run_unit_LDADD = dom0/crashd/libxkcrashd.a \
	dom0/memoryd/libxkmemoryd.a $(XK_DAEMON_LIBS) \
	tests/fake/libxkfake.a $(XK_DAEMON_LDADD) $(XK_CRASHD_LDADD) \
	$(CHECK_LIBS)
