// SPDX-License-Identifier: GPL-2.0-only
/* dom0's side: hands a command to a guest's agent, waits for its answer. */
#include "lab.h"

#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include <xenstore.h>

static char base[64];       /* the guest's XK_LAB_DIR */
static char token[32];

static const char *node(const char *name)
{
    static char path[128];

    snprintf(path, sizeof(path), "%s/%s", base, name);
    return path;
}

/*
 * The domain is there and may still answer: one that has crashed stays
 * introduced when it is preserved, but it never will.
 */
static bool alive(struct xs_handle *xs, unsigned domid)
{
    return xs_is_domain_introduced(xs, domid) && !hv_crashed(domid);
}

/* Copies one stream; false if a chunk is missing or of another command. */
static bool copy(struct xs_handle *xs, const char *name, int chunks, FILE *to)
{
    size_t head = strlen(token) + 1;

    for (int i = 0; i < chunks; i++) {
        char part[32];
        unsigned len;
        char *data;

        snprintf(part, sizeof(part), "%s/%d", name, i);
        data = xs_read(xs, XBT_NULL, node(part), &len);
        if (!data || len < head || strncmp(data, token, head - 1)) {
            fprintf(stderr, "labctl: chunk %s is missing\n", part);
            free(data);
            return false;
        }
        fwrite(data + head, 1, len - head, to);
        free(data);
    }
    return !fflush(to);
}

static bool answer(struct xs_handle *xs, int *status)
{
    int chunks, echunks, truncated;
    char got[32];
    unsigned len;
    char *done = xs_read(xs, XBT_NULL, node("done"), &len);
    bool ours;

    ours = done && sscanf(done, "%31s %d %d %d %d", got, status, &chunks,
                          &echunks, &truncated) == 5 && !strcmp(got, token);
    free(done);
    if (!ours)
        return false;
    if (!copy(xs, "out", chunks, stdout) || !copy(xs, "err", echunks, stderr))
        *status = 126;
    else if (truncated)
        fprintf(stderr, "labctl: output cut at %d bytes\n",
                XK_LAB_MAX_OUTPUT);
    return true;
}

static int ask(struct xs_handle *xs, unsigned domid, int seconds,
               const char *command)
{
    /* The agent holds the bound; dom0 only gives up on a silent agent. */
    time_t end = time(NULL) + seconds + 5;
    char value[XK_LAB_MAX_COMMAND + 64];
    int status, len;

    if (!xs_watch(xs, node("done"), "done"))
        return XK_LAB_NO_GUEST;
    len = snprintf(value, sizeof(value), "%s %d\n%s", token, seconds,
                   command);
    if (!xs_write(xs, XBT_NULL, node("cmd"), value, (unsigned)len))
        return XK_LAB_NO_GUEST;
    while (!answer(xs, &status)) {
        struct pollfd fd = { xs_fileno(xs), POLLIN, 0 };

        if (!alive(xs, domid))
            return XK_LAB_NO_GUEST;
        if (time(NULL) >= end)
            return XK_LAB_TIMED_OUT;
        if (poll(&fd, 1, 1000) > 0)
            free(xs_check_watch(xs));
    }
    return status;
}

/* The domain of a name, or of a number; xl needs 0.4 s to say the same. */
static bool lookup(struct xs_handle *xs, const char *name, unsigned *domid)
{
    char **ids, path[64], *end;
    unsigned n, len;
    bool found = false;

    *domid = (unsigned)strtoul(name, &end, 10);
    if (end != name && !*end)
        return true;
    ids = xs_directory(xs, XBT_NULL, "/local/domain", &n);
    for (unsigned i = 0; ids && i < n && !found; i++) {
        char *value;

        snprintf(path, sizeof(path), "/local/domain/%s/name", ids[i]);
        value = xs_read(xs, XBT_NULL, path, &len);
        found = value && !strcmp(value, name);
        if (found)
            *domid = (unsigned)atoi(ids[i]);
        free(value);
    }
    free(ids);
    return found;
}

int domid_main(const char *name)
{
    struct xs_handle *xs = xs_open(0);
    unsigned domid;

    if (!xs || !lookup(xs, name, &domid) ||
        !xs_is_domain_introduced(xs, domid)) {
        fprintf(stderr, "lab: no guest %s\n", name);
        return XK_LAB_NO_GUEST;
    }
    printf("%u\n", domid);
    return 0;
}

int client_main(int argc, char **argv)
{
    struct xs_handle *xs = xs_open(0);
    unsigned domid;
    char lock[64];
    int fd, status;

    (void)argc;
    if (!xs || !lookup(xs, argv[2], &domid) || !alive(xs, domid)) {
        fprintf(stderr, "lab: no guest %s\n", argv[2]);
        return XK_LAB_NO_GUEST;
    }
    if (strlen(argv[4]) > XK_LAB_MAX_COMMAND) {
        fputs("labctl: command too long\n", stderr);
        return 2;
    }
    snprintf(base, sizeof(base), "/local/domain/%u/" XK_LAB_DIR, domid);
    snprintf(token, sizeof(token), "%lx.%x", (unsigned long)time(NULL),
             (unsigned)getpid());

    /* One command at a time per guest. */
    snprintf(lock, sizeof(lock), "/run/xk-lab-%u.lock", domid);
    fd = open(lock, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0 || flock(fd, LOCK_EX)) {
        perror(lock);
        return 126;
    }
    status = ask(xs, domid, atoi(argv[3]), argv[4]);
    if (xs_is_domain_introduced(xs, domid))
        xs_rm(xs, XBT_NULL, base);
    xs_close(xs);
    return status;
}
