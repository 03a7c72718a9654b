/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The verbs of xl-files.
 */
#ifndef XK_XL_FILES_H
#define XK_XL_FILES_H

#include <json-c/json.h>

#include "command.h"

int files_add(int argc, char **argv);
int files_list(int argc, char **argv);
int files_revoke(int argc, char **argv);
int files_set(int argc, char **argv);
int files_stats(int argc, char **argv);
int files_audit(int argc, char **argv);

/* The list of verbs, for --help. */
void files_verbs_help(void);

/* ---- settings of a share, as options (add and set) ---- */

struct files_settings {
    struct json_object *items;  /* strings "key=value" */
    bool now;                   /* of revoke */
};

bool files_set_name(const struct xk_command *cmd, void *own, const char *v);
bool files_set_type(const struct xk_command *cmd, void *own, const char *v);
bool files_set_ro(const struct xk_command *cmd, void *own, const char *v);
bool files_set_rw(const struct xk_command *cmd, void *own, const char *v);
bool files_set_size(const struct xk_command *cmd, void *own, const char *v);
bool files_set_files(const struct xk_command *cmd, void *own, const char *v);
bool files_set_open(const struct xk_command *cmd, void *own, const char *v);
bool files_set_rate(const struct xk_command *cmd, void *own, const char *v);
bool files_set_owner(const struct xk_command *cmd, void *own, const char *v);
bool files_set_set_id(const struct xk_command *cmd, void *own, const char *v);
bool files_set_devices(const struct xk_command *cmd, void *own,
                       const char *v);
bool files_set_9p(const struct xk_command *cmd, void *own, const char *v);
bool files_set_audit(const struct xk_command *cmd, void *own, const char *v);

/* What both verbs offer; flags take "on" or "off". */
#define FILES_SETTINGS \
    { "size-limit", "SIZE", "bytes it may take in all, such as 10g; 0: any", \
      files_set_size }, \
    { "files-limit", "N", "files it may have in all; 0: any", \
      files_set_files }, \
    { "open-limit", "N", "files open at a time; 0: the guest's limit", \
      files_set_open }, \
    { "rate", "SIZE", "bytes a second, such as 50m; 0: any", \
      files_set_rate }, \
    { "owner", "MAP", "keep, squash=UID:GID or map=GUEST-HOST-COUNT", \
      files_set_owner }, \
    { "set-id", "BOOL", "whether set-id bits count in the guest", \
      files_set_set_id }, \
    { "devices", "BOOL", "whether device nodes can be made and used", \
      files_set_devices }, \
    { "stock-9p", "BOOL", "serve it to guests without the module, too", \
      files_set_9p }, \
    { "audit", "BOOL", "log what is done", files_set_audit }

/* "key=value,key=value": as it is kept. */
char *files_text(const struct files_settings *s, const char *path);

#endif /* XK_XL_FILES_H */
