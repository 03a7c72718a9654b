// SPDX-License-Identifier: GPL-2.0-only
/* The guest's side: takes commands from xenstore, one at a time. */
#include "lab.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <xenstore.h>

struct stream {
    const char *name;
    int fd;
    size_t len;
    bool truncated;
    char data[XK_LAB_MAX_OUTPUT];
};

static struct stream out = { .name = "out" };
static struct stream err = { .name = "err" };

static double now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* Keeps a guest that is short of memory from losing its agent. */
static void protect(void)
{
    int fd = open("/proc/self/oom_score_adj", O_WRONLY);

    mlockall(MCL_CURRENT | MCL_FUTURE);
    if (fd < 0)
        return;
    if (write(fd, "-1000", 5) != 5)
        perror("oom_score_adj");
    close(fd);
}

/* The command itself is an ordinary process, which may be killed. */
static void unprotect(void)
{
    int fd = open("/proc/self/oom_score_adj", O_WRONLY);

    if (fd < 0)
        return;
    if (write(fd, "0", 1) != 1)
        perror("oom_score_adj");
    close(fd);
}

static void drain(struct stream *s)
{
    char spill[4096];
    ssize_t n;

    while (s->fd >= 0) {
        size_t room = sizeof(s->data) - s->len;

        if (room)
            n = read(s->fd, s->data + s->len, room);
        else
            n = read(s->fd, spill, sizeof(spill));
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (n <= 0) {
            close(s->fd);
            s->fd = -1;
        } else if (room) {
            s->len += (size_t)n;
        } else {
            s->truncated = true;
        }
    }
}

static pid_t start(const char *command)
{
    int o[2], e[2];
    pid_t pid;

    if (pipe(o) || pipe(e))
        return -1;
    pid = fork();
    if (pid == 0) {
        int null = open("/dev/null", O_RDONLY);

        setsid();
        unprotect();
        dup2(null, 0);
        dup2(o[1], 1);
        dup2(e[1], 2);
        for (int fd = 3; fd < 64; fd++)
            close(fd);
        execl("/bin/sh", "sh", "-c", command, (char *)NULL);
        _exit(127);
    }
    close(o[1]);
    close(e[1]);
    out.fd = o[0];
    err.fd = e[0];
    fcntl(o[0], F_SETFL, O_NONBLOCK);
    fcntl(e[0], F_SETFL, O_NONBLOCK);
    return pid;
}

/*
 * Waits for the command itself, not for the end of its output: what it left
 * in the background may keep the pipes open for ever.
 */
static int run(const char *command, double seconds)
{
    double end = now() + seconds;
    bool expired = false;
    int status = 0;
    pid_t pid;

    out.len = err.len = 0;
    out.truncated = err.truncated = false;
    pid = start(command);
    if (pid < 0)
        return 126;
    for (;;) {
        struct pollfd fds[2] = { { out.fd, POLLIN, 0 },
                                 { err.fd, POLLIN, 0 } };

        poll(fds, 2, 20);
        drain(&out);
        drain(&err);
        if (waitpid(pid, &status, WNOHANG) == pid)
            break;
        if (now() > end && !expired) {
            expired = true;
            kill(-pid, SIGKILL);
        }
    }
    drain(&out);
    drain(&err);
    if (out.fd >= 0)
        close(out.fd);
    if (err.fd >= 0)
        close(err.fd);
    if (expired)
        return XK_LAB_TIMED_OUT;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int send_stream(struct xs_handle *xs, const char *token,
                       struct stream *s)
{
    char buf[XK_LAB_CHUNK + 64], path[64];
    int n = 0;

    for (size_t at = 0; at < s->len; n++) {
        size_t take = s->len - at;
        int head = snprintf(buf, 64, "%s ", token);

        if (take > XK_LAB_CHUNK)
            take = XK_LAB_CHUNK;
        memcpy(buf + head, s->data + at, take);
        snprintf(path, sizeof(path), XK_LAB_DIR "/%s/%d", s->name, n);
        if (!xs_write(xs, XBT_NULL, path, buf, (unsigned)head + take))
            break;
        at += take;
    }
    return n;
}

/* Returns false when there is nothing new to do. */
static bool serve(struct xs_handle *xs, char *last)
{
    char token[32], buf[128], *command, *cmd;
    int status, seconds, chunks, echunks;
    unsigned len;

    cmd = xs_read(xs, XBT_NULL, XK_LAB_DIR "/cmd", &len);
    if (!cmd)
        return false;
    command = strchr(cmd, '\n');
    if (!command || sscanf(cmd, "%31s %d", token, &seconds) != 2 ||
        !strcmp(token, last)) {
        free(cmd);
        return false;
    }
    strcpy(last, token);
    status = run(command + 1, seconds);
    free(cmd);

    chunks = send_stream(xs, token, &out);
    echunks = send_stream(xs, token, &err);
    snprintf(buf, sizeof(buf), "%s %d %d %d %d", token, status, chunks,
             echunks, out.truncated || err.truncated);
    if (!xs_write(xs, XBT_NULL, XK_LAB_DIR "/done", buf, strlen(buf)))
        fprintf(stderr, "lab agent: cannot answer: %s\n", strerror(errno));
    return true;
}

int main(void)
{
    struct xs_handle *xs = xs_open(0);
    char last[32] = "";

    if (!xs || !xs_watch(xs, XK_LAB_DIR "/cmd", "cmd")) {
        perror("lab agent: xenstore");
        return 1;
    }
    protect();
    /* A watch fires once when it is set, and again after a restore. */
    for (;;) {
        struct pollfd fd = { xs_fileno(xs), POLLIN, 0 };
        char **event;

        if (poll(&fd, 1, 5000) > 0) {
            event = xs_check_watch(xs);
            free(event);
        }
        serve(xs, last);
        while (waitpid(-1, NULL, WNOHANG) > 0)
            ;
    }
}
