/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How a case in dom0 runs a command inside a guest: over xenstore, because
 * it works for every type of guest, needs no network, and keeps working
 * across save and restore (the agent uses paths relative to its domain).
 *
 * All nodes are below XK_LAB_DIR, which the guest may write:
 *   cmd     dom0 -> guest   "TOKEN SECONDS\nshell command"
 *   out/N   guest -> dom0   "TOKEN " and bytes of stdout
 *   err/N   guest -> dom0   the same of stderr
 *   done    guest -> dom0   "TOKEN STATUS OUT-CHUNKS ERR-CHUNKS TRUNCATED"
 *
 * One command at a time; a TOKEN is never used twice. dom0 removes the
 * nodes again, so that nothing of the lab stays in xenstore.
 */
#ifndef XK_LAB_H
#define XK_LAB_H

#include <stdbool.h>

#define XK_LAB_DIR "data/xk-lab"
#define XK_LAB_CHUNK 1800           /* xenstored's limit for a guest: 2048 */
#define XK_LAB_MAX_OUTPUT (192 * 1024)
#define XK_LAB_MAX_COMMAND 3800     /* one message: 4096 with its path */

/* What `labctl run` returns besides the command's own status. */
#define XK_LAB_TIMED_OUT 124
#define XK_LAB_NO_GUEST 125

int client_main(int argc, char **argv);
int domid_main(const char *name);
int hv_main(int argc, char **argv);
bool hv_crashed(unsigned domid);

#endif
