# SPDX-License-Identifier: GPL-2.0-only
# `make fuzz` builds and runs every target of tests/fuzz/targets with clang.
EXTRA_DIST += \
	tests/fuzz/corpus \
	tests/fuzz/fuzz.h \
	tests/fuzz/fuzz_btf.c \
	tests/fuzz/fuzz_causes.c \
	tests/fuzz/fuzz_control.c \
	tests/fuzz/fuzz_files_front.c \
	tests/fuzz/fuzz_front.c \
	tests/fuzz/fuzz_hold.c \
	tests/fuzz/fuzz_journal.c \
	tests/fuzz/fuzz_kdump.c \
	tests/fuzz/fuzz_klog.c \
	tests/fuzz/fuzz_listing.c \
	tests/fuzz/fuzz_p9.c \
	tests/fuzz/fuzz_p9_ring.c \
	tests/fuzz/fuzz_parse.c \
	tests/fuzz/fuzz_picture.c \
	tests/fuzz/fuzz_ring.c \
	tests/fuzz/fuzz_ring_race.c \
	tests/fuzz/fuzz_rule.c \
	tests/fuzz/fuzz_schema.c \
	tests/fuzz/fuzz_symbols.c \
	tests/fuzz/fuzz_tables.c \
	tests/fuzz/fuzz_vmcoreinfo.c \
	tests/fuzz/fuzz_xkfs.c \
	tests/fuzz/fuzz_xkfs_race.c \
	tests/fuzz/patch.c \
	tests/fuzz/patch.h \
	tests/fuzz/fuzz_unseal.c \
	tests/fuzz/ring_play.c \
	tests/fuzz/ring_play.h \
	tests/fuzz/run \
	tests/fuzz/share_stage.c \
	tests/fuzz/share_stage.h \
	tests/fuzz/stage.c \
	tests/fuzz/stage.h \
	tests/fuzz/targets \
	tests/fuzz/xkfs_play.c \
	tests/fuzz/xkfs_play.h

FUZZ_RUNS = 20000
.PHONY: fuzz
fuzz:
	AWK='$(AWK)' $(top_srcdir)/tests/fuzz/run --runs $(FUZZ_RUNS) \
		--build fuzz-build
