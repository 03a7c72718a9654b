/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A play of deaths: the real crashd as a process on the stand-in of Xen, one
 * guest at a time that it can read, and an xl that does nothing but write down
 * what it was told. Every function that waits gives up after a while, and all
 * fail the test when something is not as it must be.
 */
#ifndef XK_COMPONENT_CRASH_PLAY_H
#define XK_COMPONENT_CRASH_PLAY_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include <json-c/json.h>

#include "fake.h"
#include "policy.h"
#include "store.h"
#include "xs.h"

#define CRASH_PAGES 2048u       /* of a guest: 8 MiB */
#define CRASH_DATA 700u         /* of these, from the second 2 MiB on */
#define CRASH_SHUTDOWN 3u       /* SHUTDOWN_crash */

extern char crash_dir[64];              /* of this test */
extern struct xk_policy crash_policy;   /* of the crashd that is started next */
extern const char *crash_causes;        /* rules of the diagnosis; NULL */
extern uint16_t crash_dom;              /* the guest that was made last */

/* A checked fixture: the host, an empty store, a certificate for owner/. */
void crash_setup(void);
void crash_teardown(void);

/* crash_dir/NAME, into XK_POLICY_PATH bytes. */
void crash_path(char *path, const char *name);
/* A certificate of tests/unit/certs for an audience. */
void crash_cert(const char *name, const char *audience);

/* Has xl been told `line` (with its end)? */
bool crash_xl_said(const char *line);
bool crash_xl_wait(const char *line, unsigned int ms);
void crash_xl_forget(void);

/* A guest with data of its own; its number comes never again. */
void crash_make(const char *name);
void crash_make_as(const struct fake_config *like);

/* `fault`: where it is to be killed (dom0/lib/fault.h), or NULL. */
pid_t crash_start(const char *fault);
/* An orderly end. */
void crash_stop(pid_t pid);

unsigned int crash_records(void);
/* Waits for so many records. False: crashd was killed before, and reaped. */
bool crash_wait(pid_t pid, unsigned int count);
/* The newest record, and its id; the caller puts it. */
struct json_object *crash_newest(char id[XK_STORE_ID_SIZE]);
/* Fields that must be there. */
const char *crash_text(struct json_object *record, const char *name);
struct json_object *crash_number(struct json_object *record,
                                 const char *name);

/*
 * A dump is whole, opens with the owner's key (or that of `name`), and has
 * the guest's data as the guest has it. `part`: it is not in the store yet.
 */
void crash_check(const char *id, bool part);
void crash_check_by(const char *id, bool part, const char *name);
/* A private key of tests/unit/certs. */
struct xk_private *crash_private(const char *name);

extern char crash_node_path[XK_XS_PATH_MAX];

/* The path of a node of the guest's, by a format of xk-keys.h. */
#define CRASH_AT(format) \
    (snprintf(crash_node_path, sizeof(crash_node_path), format, crash_dom), \
     crash_node_path)

/* Waits for the node, and reads it as the guest. */
void crash_node(const char *path, char *buf, size_t size);

#endif /* XK_COMPONENT_CRASH_PLAY_H */
