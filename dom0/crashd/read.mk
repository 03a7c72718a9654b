# SPDX-License-Identifier: GPL-2.0-only
# What reads a dead guest.
dom0_crashd_libxkcrashd_a_SOURCES += \
	dom0/crashd/btf.c dom0/crashd/btf.h \
	dom0/crashd/class.c dom0/crashd/class.h \
	dom0/crashd/classify.c dom0/crashd/classify.h \
	dom0/crashd/compress.c dom0/crashd/compress.h \
	dom0/crashd/dump.c dom0/crashd/dump.h \
	dom0/crashd/image.c dom0/crashd/image.h \
	dom0/crashd/image_file.c \
	dom0/crashd/image_kdump.c dom0/crashd/image_kdump.h \
	dom0/crashd/index.c dom0/crashd/index.h \
	dom0/crashd/kdump.h \
	dom0/crashd/kernel.c dom0/crashd/kernel.h \
	dom0/crashd/klog.c dom0/crashd/klog.h \
	dom0/crashd/mem.c dom0/crashd/mem.h \
	dom0/crashd/notes.c dom0/crashd/notes.h \
	dom0/crashd/pages.c dom0/crashd/pages.h \
	dom0/crashd/sink.h \
	dom0/crashd/symbols.c dom0/crashd/symbols.h \
	dom0/crashd/tables.c dom0/crashd/tables.h \
	dom0/crashd/vmcoreinfo.c dom0/crashd/vmcoreinfo.h
