# SPDX-License-Identifier: GPL-2.0-only
#
# The pages that are written by hand; xenkeep-xenstore(7) is made from the
# schema, in its own folder. Expects dist_man_MANS.

dist_man_MANS += \
	dom0/man/xl-sweep.1 \
	dom0/man/xl-memory.1 \
	dom0/man/xl-crash.1 \
	dom0/man/xenkeep-dump.1 \
	dom0/man/xenkeep-dump.5 \
	dom0/man/xenkeep-crashd.conf.5 \
	dom0/man/xenkeep-crashd.8 \
	dom0/man/xenkeep-memoryd.conf.5 \
	dom0/man/mount.xkfs.8 \
	dom0/man/xenkeep-balloon-protocol.7 \
	dom0/man/xenkeep-memoryd.8
