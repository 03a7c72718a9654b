# SPDX-License-Identifier: GPL-2.0-only
#
# bash looks for a completion under the name of its command, so the one file
# is installed once for each.

nodist_bashcompletion_DATA = dom0/completion/xl-sweep \
	dom0/completion/xl-memory dom0/completion/xl-crash \
	dom0/completion/xl-files
EXTRA_DIST += dom0/completion/xenkeep.bash
CLEANFILES += $(nodist_bashcompletion_DATA)

$(nodist_bashcompletion_DATA): $(top_srcdir)/dom0/completion/xenkeep.bash
	$(AM_V_GEN)$(MKDIR_P) dom0/completion && \
	cp $(top_srcdir)/dom0/completion/xenkeep.bash $@
