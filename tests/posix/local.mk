# SPDX-License-Identifier: GPL-2.0-only
# xk-posix: static, for guests that have nothing else. In `make check` it is
# tried on the file system of the build; the lab compares a share with dom0's.
EXTRA_DIST += tests/posix/README.md tests/posix/test-posix
check_PROGRAMS += tests/posix/xk-posix
TESTS += tests/posix/test-posix

tests_posix_xk_posix_SOURCES = \
	tests/posix/acl.c tests/posix/chmod.c tests/posix/chown.c \
	tests/posix/data.c tests/posix/groups.c tests/posix/groups.h \
	tests/posix/link.c tests/posix/locks.c tests/posix/main.c \
	tests/posix/mkdir.c tests/posix/mknod.c tests/posix/mmap.c \
	tests/posix/names.c tests/posix/nodes.c tests/posix/open.c \
	tests/posix/paths.c tests/posix/perms.c tests/posix/px.h \
	tests/posix/readdir.c tests/posix/rename.c tests/posix/report.c \
	tests/posix/report.h tests/posix/space.c tests/posix/stamps.c \
	tests/posix/statx.c tests/posix/symlink.c tests/posix/truncate.c \
	tests/posix/unlink.c tests/posix/user.c tests/posix/utimens.c \
	tests/posix/xattr.c
# What prepares a case may fail: then its assertions do.
tests_posix_xk_posix_CFLAGS = -std=gnu17 -D_GNU_SOURCE -O1 -Wall -Wextra \
	-Wno-unused-result
tests_posix_xk_posix_CPPFLAGS =
tests_posix_xk_posix_LDFLAGS = -static
