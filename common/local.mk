# SPDX-License-Identifier: GPL-2.0-only
# Plain C for every part of user space; the headers of proto/ are also the
# kernel modules'.
noinst_LIBRARIES += common/libxkcommon.a
common_libxkcommon_a_SOURCES = \
	common/include/xenkeep/balloon_msg.h \
	common/include/xenkeep/control.h \
	common/include/xenkeep/log.h \
	common/include/xenkeep/parse.h \
	common/include/xenkeep/proto/balloon.h \
	common/include/xenkeep/proto/crash.h \
	common/include/xenkeep/proto/xkfs.h \
	common/include/xenkeep/ring.h \
	common/include/xenkeep/util.h \
	common/include/xenkeep/zero.h \
	common/balloon_msg.c \
	common/log.c \
	common/parse.c \
	common/ring.c \
	common/zero.c
