# SPDX-License-Identifier: GPL-2.0-only
# filed: a library of its parts, so that tests link what the daemon is.
noinst_LIBRARIES += dom0/filed/libxkfiled.a
dom0_filed_libxkfiled_a_SOURCES = \
	dom0/filed/again.c dom0/filed/area.c dom0/filed/area.h \
	dom0/filed/attr.c dom0/filed/audit.c dom0/filed/audit.h \
	dom0/filed/call.c dom0/filed/call.h dom0/filed/call_lock.c \
	dom0/filed/call_notify.c dom0/filed/call_ops.c \
	dom0/filed/call_wait.c \
	dom0/filed/child.c dom0/filed/child.h \
	dom0/filed/codec.c dom0/filed/codec.h \
	dom0/filed/control.c dom0/filed/control.h \
	dom0/filed/device.c dom0/filed/device.h \
	dom0/filed/dir.c dom0/filed/file.c \
	dom0/filed/filed.c dom0/filed/filed.h \
	dom0/filed/guest.c dom0/filed/guest.h \
	dom0/filed/handle.c dom0/filed/handle.h \
	dom0/filed/key.c dom0/filed/key.h \
	dom0/filed/link.c dom0/filed/link.h dom0/filed/lock.c \
	dom0/filed/make.c dom0/filed/mapping.c dom0/filed/mapping.h \
	dom0/filed/node.c dom0/filed/node.h \
	dom0/filed/ops.c dom0/filed/ops.h \
	dom0/filed/owner.c dom0/filed/owner.h dom0/filed/plan.h \
	dom0/filed/p9.c dom0/filed/p9.h dom0/filed/p9_attr.c \
	dom0/filed/p9_call.c dom0/filed/p9_call.h dom0/filed/p9_data.c \
	dom0/filed/p9_device.c dom0/filed/p9_device.h \
	dom0/filed/p9_fid.c dom0/filed/p9_fid.h dom0/filed/p9_make.c \
	dom0/filed/p9_msg.c dom0/filed/p9_msg.h \
	dom0/filed/p9_ring.c dom0/filed/p9_ring.h \
	dom0/filed/p9_server.c dom0/filed/p9_server.h \
	dom0/filed/p9_walk.c \
	dom0/filed/queue.c dom0/filed/queue.h \
	dom0/filed/quota.c dom0/filed/quota.h \
	dom0/filed/remember.c dom0/filed/remember.h dom0/filed/restore.c \
	dom0/filed/sandbox.c dom0/filed/sandbox.h \
	dom0/filed/server.c dom0/filed/server.h \
	dom0/filed/settings.c dom0/filed/settings.h \
	dom0/filed/share.c dom0/filed/share.h \
	dom0/filed/share_path.c dom0/filed/share_path.h \
	dom0/filed/shut_in.c dom0/filed/shut_in.h dom0/filed/slot.c \
	dom0/filed/state.h dom0/filed/stats.c dom0/filed/stats.h \
	dom0/filed/store.c dom0/filed/store.h \
	dom0/filed/table.c dom0/filed/table.h \
	dom0/filed/tally.c dom0/filed/tally.h dom0/filed/wire_ring.h \
	dom0/filed/workers.c dom0/filed/workers.h dom0/filed/xattr.c
dom0_filed_libxkfiled_a_CFLAGS = $(AM_CFLAGS) $(EVENT_CFLAGS) \
	$(JSON_C_CFLAGS) $(XLUTIL_CFLAGS)

sbin_PROGRAMS += xenkeep-filed
xenkeep_filed_SOURCES = dom0/filed/main.c
xenkeep_filed_CFLAGS = $(AM_CFLAGS) $(EVENT_CFLAGS) $(JSON_C_CFLAGS)
xenkeep_filed_LDADD = dom0/filed/libxkfiled.a $(XK_DAEMON_LIBS) \
	$(XEN_LIBS) $(XK_DAEMON_LDADD) $(OPENSSL_LIBS)
