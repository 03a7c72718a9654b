# SPDX-License-Identifier: GPL-2.0-only
#
# The unit, the daemons' user and the default configuration. An edited
# configuration file is never overwritten, and never removed.

systemdsystemunit_DATA = dom0/systemd/xenkeep-memoryd.service
dist_sysusers_DATA = dom0/systemd/sysusers.d/xenkeep.conf

EXTRA_DIST += dom0/systemd/xenkeep-memoryd.service.in \
	dom0/systemd/xenkeep-memoryd.conf
CLEANFILES += dom0/systemd/xenkeep-memoryd.service

xk_unit_in = $(top_srcdir)/dom0/systemd/xenkeep-memoryd.service.in
xk_conf_in = $(top_srcdir)/dom0/systemd/xenkeep-memoryd.conf
xk_conf = $(DESTDIR)$(sysconfdir)/xen/xenkeep-memoryd.conf

dom0/systemd/xenkeep-memoryd.service: $(xk_unit_in) Makefile
	$(AM_V_GEN)$(MKDIR_P) dom0/systemd && \
	sed -e 's|@sbindir[@]|$(sbindir)|g' $(xk_unit_in) > $@.tmp && \
	mv $@.tmp $@

install-data-local:
	$(MKDIR_P) "$(DESTDIR)$(sysconfdir)/xen"
	test -e "$(xk_conf)" || $(INSTALL_DATA) $(xk_conf_in) "$(xk_conf)"

uninstall-local:
	if cmp -s $(xk_conf_in) "$(xk_conf)"; then rm -f "$(xk_conf)"; fi
