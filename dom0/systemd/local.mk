# SPDX-License-Identifier: GPL-2.0-only
#
# The units, the daemons' user and the default configurations. An edited
# configuration file is never overwritten, and never removed.

xk_daemons = memoryd filed crashd
xk_units = $(xk_daemons:%=dom0/systemd/xenkeep-%.service)

systemdsystemunit_DATA = $(xk_units)
dist_sysusers_DATA = dom0/systemd/sysusers.d/xenkeep.conf

EXTRA_DIST += dom0/systemd/xenkeep-memoryd.service.in \
	dom0/systemd/xenkeep-memoryd.conf \
	dom0/systemd/xenkeep-filed.service.in \
	dom0/systemd/xenkeep-filed.conf \
	dom0/systemd/xenkeep-crashd.service.in \
	dom0/systemd/xenkeep-crashd.conf
CLEANFILES += $(xk_units)

xk_unit_of = $(top_srcdir)/$@.in
xk_conf_dir = $(DESTDIR)$(sysconfdir)/xen

$(xk_units): Makefile \
		$(top_srcdir)/dom0/systemd/xenkeep-memoryd.service.in \
		$(top_srcdir)/dom0/systemd/xenkeep-filed.service.in \
		$(top_srcdir)/dom0/systemd/xenkeep-crashd.service.in
	$(AM_V_GEN)$(MKDIR_P) dom0/systemd && \
	sed -e 's|@sbindir[@]|$(sbindir)|g' $(xk_unit_of) > $@.tmp && \
	mv $@.tmp $@

install-data-local:
	$(MKDIR_P) "$(xk_conf_dir)"
	for d in $(xk_daemons); do \
	    test -e "$(xk_conf_dir)/xenkeep-$$d.conf" || \
	    $(INSTALL_DATA) $(top_srcdir)/dom0/systemd/xenkeep-$$d.conf \
	        "$(xk_conf_dir)/xenkeep-$$d.conf" || exit 1; \
	done

uninstall-local:
	for d in $(xk_daemons); do \
	    if cmp -s $(top_srcdir)/dom0/systemd/xenkeep-$$d.conf \
	        "$(xk_conf_dir)/xenkeep-$$d.conf"; then \
	        rm -f "$(xk_conf_dir)/xenkeep-$$d.conf"; fi; \
	done
