# SPDX-License-Identifier: GPL-2.0-only
# The contract in xenstore. What gen-schema.awk makes of nodes.schema is built
# here and shipped, and never edited.
xk_generated = \
	xenstore-schema/xk-keys.h \
	xenstore-schema/xk-schema-table.c \
	xenstore-schema/xenkeep-xenstore.7
xk_schema_sources = \
	$(top_srcdir)/xenstore-schema/gen-schema.awk \
	$(top_srcdir)/xenstore-schema/nodes.schema
xk_generate = $(MKDIR_P) xenstore-schema && \
	$(AWK) -f $(xk_schema_sources) > $@.tmp && mv $@.tmp $@

xenstore-schema/xk-keys.h: $(xk_schema_sources)
	$(AM_V_GEN)what=keys; export what; $(xk_generate)
xenstore-schema/xk-schema-table.c: $(xk_schema_sources)
	$(AM_V_GEN)what=table; export what; $(xk_generate)
xenstore-schema/xenkeep-xenstore.7: $(xk_schema_sources)
	$(AM_V_GEN)what=man; export what; $(xk_generate)

BUILT_SOURCES += xenstore-schema/xk-keys.h
MAINTAINERCLEANFILES = $(xk_generated)
EXTRA_DIST += xenstore-schema/gen-schema.awk xenstore-schema/nodes.schema \
	build-aux/check-schema-use
dist_man_MANS += xenstore-schema/xenkeep-xenstore.7

noinst_LIBRARIES += xenstore-schema/libxkschema.a
xenstore_schema_libxkschema_a_SOURCES = \
	xenstore-schema/listing.c \
	xenstore-schema/listing.h \
	xenstore-schema/schema.c \
	xenstore-schema/schema.h \
	xenstore-schema/xk-keys.h \
	xenstore-schema/xk-schema-table.c

pkglibexec_PROGRAMS += xenstore-schema/xk-schema-check
xenstore_schema_xk_schema_check_SOURCES = xenstore-schema/xk-schema-check.c
xenstore_schema_xk_schema_check_LDADD = xenstore-schema/libxkschema.a

TESTS += build-aux/check-schema-use
