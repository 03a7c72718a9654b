/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where dumps are kept: a folder of the store for each, named by its id.
 *
 *     ID.part/            it is being written; a folder left behind by a
 *                         crashd that was killed
 *     ID/record.json      what is known, in clear: never a guest's memory
 *     ID/dump             sealed (seal_format.h); not there when skipped
 *
 * An id is "YYYYMMDD-HHMMSS-xxxx": the time (UTC) and four random digits, so
 * that the order of names is that of the deaths.
 */
#ifndef XK_CRASHD_STORE_H
#define XK_CRASHD_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <json-c/json.h>

#define XK_STORE_ID_SIZE 24
#define XK_STORE_PATH 256
#define XK_STORE_DUMP "dump"
#define XK_STORE_RECORD "record.json"

/* The largest record that is read back, bytes. */
#define XK_RECORD_MAX 16384

void xk_store_id(time_t now, char id[XK_STORE_ID_SIZE]);

/* Is it the form of an id? Pure. */
bool xk_store_is_id(const char *s);

/* The path of a file of a dump; `part`: while it is being written. */
void xk_store_path(const char *store, const char *id, bool part,
                   const char *file, char path[XK_STORE_PATH]);

/* A folder for a new dump, ID.part. */
int xk_store_begin(const char *store, const char *id);

/* Writes the record of a dump that is being written, or anew that of one that
 * is there. Synced before it takes the old one's place. */
int xk_store_write_record(const char *store, const char *id, bool part,
                          struct json_object *record);

/* From now on it is there: ID.part becomes ID. */
int xk_store_commit(const char *store, const char *id);

/* Removes a dump, or what is left of one. */
int xk_store_remove(const char *store, const char *id, bool part);

/* The record; the caller puts it. -ENOENT, -EINVAL (damaged). */
int xk_store_read_record(const char *store, const char *id,
                         struct json_object **record_r);

/* All ids, the oldest first; `parts`: those of unfinished ones instead. The
 * caller frees *ids_r (one block). */
int xk_store_list(const char *store, bool parts,
                  char (**ids_r)[XK_STORE_ID_SIZE], size_t *count_r);

/*
 * The one id that `word` means: an id, or the beginning or the last four
 * digits of just one. -ENOENT: none. -EEXIST: several.
 */
int xk_store_find(const char *store, const char *word,
                  char id[XK_STORE_ID_SIZE]);

/* Bytes free in the store's file system. */
int xk_store_free_bytes(const char *store, uint64_t *bytes_r);

#endif /* XK_CRASHD_STORE_H */
