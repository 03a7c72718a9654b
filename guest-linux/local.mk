# SPDX-License-Identifier: GPL-2.0-only
# The guest's modules are built by the kernel's own make, see README.md there;
# here they are only shipped, and installed as a source tree for DKMS.
EXTRA_DIST += guest-linux/Kbuild guest-linux/Makefile guest-linux/README.md \
	guest-linux/dkms.conf.in guest-linux/balloon guest-linux/crash \
	guest-linux/xkfs
