# SPDX-License-Identifier: GPL-2.0-only
# Tests that `make check` runs. The lab and the fuzzers have runs of their own.
TEST_EXTENSIONS = .py
PY_LOG_COMPILER = python3
AM_TESTS_ENVIRONMENT = XK_BUILDDIR='$(abs_top_builddir)'; \
	XK_SRCDIR='$(abs_top_srcdir)'; export XK_BUILDDIR XK_SRCDIR;

# The rest of the tests is no part of an installation, but of what is shipped.
EXTRA_DIST += check demo build-aux/lint build-aux/setup build-aux/stage \
	tests/bench tests/lab/README.md tests/lab/cases tests/lab/dom0 \
	tests/lab/guest tests/lab/images tests/lab/lablib \
	tests/lab/programs tests/lab/run tests/lab/selftest

include tests/unit/local.mk
include tests/crash/local.mk
include tests/fuzz/local.mk
include tests/fake/local.mk
include tests/component/local.mk
include tests/posix/local.mk
include tests/bench/local.mk
