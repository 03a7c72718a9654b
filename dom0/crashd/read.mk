# SPDX-License-Identifier: GPL-2.0-only
# What reads a dead guest.
dom0_crashd_libxkcrashd_a_SOURCES += \
	dom0/crashd/btf.c dom0/crashd/btf.h \
	dom0/crashd/causes.c dom0/crashd/causes.h \
	dom0/crashd/class.c dom0/crashd/class.h \
	dom0/crashd/classify.c dom0/crashd/classify.h \
	dom0/crashd/compress.c dom0/crashd/compress.h \
	dom0/crashd/core_elf.c dom0/crashd/core_elf.h \
	dom0/crashd/diagnosis.c dom0/crashd/diagnosis.h \
	dom0/crashd/dump.c dom0/crashd/dump.h \
	dom0/crashd/findings.c dom0/crashd/findings.h \
	dom0/crashd/image.c dom0/crashd/image.h \
	dom0/crashd/image_file.c \
	dom0/crashd/image_kdump.c dom0/crashd/image_kdump.h \
	dom0/crashd/index.c dom0/crashd/index.h \
	dom0/crashd/kdump.h \
	dom0/crashd/kernel.c dom0/crashd/kernel.h \
	dom0/crashd/klog.c dom0/crashd/klog.h \
	dom0/crashd/lens.c dom0/crashd/lens.h \
	dom0/crashd/mem.c dom0/crashd/mem.h \
	dom0/crashd/notes.c dom0/crashd/notes.h \
	dom0/crashd/oops.c dom0/crashd/oops.h \
	dom0/crashd/pages.c dom0/crashd/pages.h \
	dom0/crashd/recode.c dom0/crashd/recode.h \
	dom0/crashd/secrets.c dom0/crashd/secrets.h \
	dom0/crashd/sink.h \
	dom0/crashd/stack.c dom0/crashd/stack.h \
	dom0/crashd/symbols.c dom0/crashd/symbols.h \
	dom0/crashd/tables.c dom0/crashd/tables.h \
	dom0/crashd/tree.c dom0/crashd/tree.h \
	dom0/crashd/vmcoreinfo.c dom0/crashd/vmcoreinfo.h

# The rules by which causes are told; an edited file is never overwritten.
xk_crash_d = $(srcdir)/dom0/crashd/crash.d
EXTRA_DIST += dom0/crashd/crash.d/10-hypervisor.conf \
	dom0/crashd/crash.d/20-linux.conf

install-data-local: install-crash-d
.PHONY: install-crash-d
install-crash-d:
	$(MKDIR_P) "$(DESTDIR)$(sysconfdir)/xenkeep/crash.d"
	for f in 10-hypervisor.conf 20-linux.conf; do \
		test -e "$(DESTDIR)$(sysconfdir)/xenkeep/crash.d/$$f" || \
		$(INSTALL_DATA) $(xk_crash_d)/$$f \
			"$(DESTDIR)$(sysconfdir)/xenkeep/crash.d/$$f" || exit 1; \
	done

uninstall-local: uninstall-crash-d
.PHONY: uninstall-crash-d
uninstall-crash-d:
	for f in 10-hypervisor.conf 20-linux.conf; do \
		if cmp -s $(xk_crash_d)/$$f \
			"$(DESTDIR)$(sysconfdir)/xenkeep/crash.d/$$f"; then \
			rm -f "$(DESTDIR)$(sysconfdir)/xenkeep/crash.d/$$f"; \
		fi; \
	done
