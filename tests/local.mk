# SPDX-License-Identifier: GPL-2.0-only
# Tests that `make check` runs. The lab and the fuzzers have runs of their own.
include tests/unit/local.mk
include tests/fuzz/local.mk
include tests/fake/local.mk
include tests/component/local.mk
