# SPDX-License-Identifier: GPL-2.0-only
#
# The commands. They know the control protocol and nothing of Xen. Expects
# sbin_PROGRAMS, EXTRA_DIST and CLEANFILES to be defined by the top Makefile.

sbin_PROGRAMS += xl-sweep xl-memory xl-files xl-crash

xl_command_sources = \
	dom0/xl/client.c dom0/xl/client.h \
	dom0/xl/command.c dom0/xl/command.h \
	dom0/xl/fields.c dom0/xl/fields.h \
	dom0/xl/progress.c dom0/xl/progress.h \
	dom0/xl/table.c dom0/xl/table.h \
	dom0/xl/units.c dom0/xl/units.h \
	dom0/xl/verbs.c dom0/xl/verbs.h

xl_sweep_SOURCES = dom0/xl/sweep.c $(xl_command_sources)
xl_sweep_LDADD = common/libxkcommon.a $(JSON_C_LIBS)

xl_memory_SOURCES = \
	dom0/xl/memory.c dom0/xl/memory.h \
	dom0/xl/memory_drain.c \
	dom0/xl/memory_recoalesce.c \
	dom0/xl/memory_resume.c \
	dom0/xl/cells.c dom0/xl/cells.h \
	dom0/xl/cells_svg.c \
	dom0/xl/live.c dom0/xl/live.h \
	dom0/xl/memory_map.c \
	dom0/xl/memory_plan.c \
	dom0/xl/memory_policy.c \
	dom0/xl/memory_show.c \
	dom0/xl/memory_top.c \
	dom0/xl/picture.c dom0/xl/picture.h \
	dom0/xl/rates.c dom0/xl/rates.h \
	$(xl_command_sources)
xl_memory_LDADD = common/libxkcommon.a $(JSON_C_LIBS)

xl_files_SOURCES = \
	dom0/xl/files.c dom0/xl/files.h \
	dom0/xl/files_add.c \
	dom0/xl/files_audit.c \
	dom0/xl/files_list.c \
	dom0/xl/files_set.c \
	dom0/xl/files_settings.c \
	dom0/xl/files_stats.c \
	$(xl_command_sources)
xl_files_LDADD = common/libxkcommon.a $(JSON_C_LIBS)

xl_crash_SOURCES = \
	dom0/xl/crash.c dom0/xl/crash.h \
	dom0/xl/crash_dump.c \
	dom0/xl/crash_file.c \
	dom0/xl/crash_keys.c \
	dom0/xl/crash_list.c \
	dom0/xl/crash_show.c \
	$(xl_command_sources)
xl_crash_LDADD = common/libxkcommon.a $(JSON_C_LIBS)

# The shim lies in a directory of its own, never beside the distribution's xl:
# an administrator who wants it links it to /usr/local/sbin/xl.
XL_REAL = /usr/sbin/xl

EXTRA_DIST += dom0/xl/xl-shim.sh.in

if XL_SHIM
xlshimdir = $(pkglibexecdir)/shim
xlshim_SCRIPTS = dom0/xl/xl
CLEANFILES += dom0/xl/xl

dom0/xl/xl: $(top_srcdir)/dom0/xl/xl-shim.sh.in Makefile
	$(AM_V_GEN)$(MKDIR_P) dom0/xl && \
	sed -e 's|@xl[@]|$(XL_REAL)|g' -e 's|@sbindir[@]|$(sbindir)|g' \
	    $(top_srcdir)/dom0/xl/xl-shim.sh.in > $@.tmp && \
	chmod 755 $@.tmp && mv $@.tmp $@
endif
