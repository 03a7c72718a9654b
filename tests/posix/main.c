/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * xk-posix: what POSIX and Linux say of files, asserted below a directory.
 * Each group is run in a child, so that one that hangs or dies is one failed
 * assertion and the others are run.
 */
#include "px.h"
#include "report.h"

#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/wait.h>

#define GROUP_SECONDS 120

static const char usage[] =
    "usage: xk-posix [--quiet] [--list] DIR [GROUP...]\n"
    "  runs as root, below DIR; --quiet: says what failed only;\n"
    "  exit status: 0 all hold, 1 some do not, 2 usage, 3 it cannot run\n";

static const struct px_group *find(const char *name)
{
    for (size_t i = 0; i < px_nr_groups; i++)
        if (!strcmp(px_groups[i].name, name))
            return &px_groups[i];
    return NULL;
}

static void child(const struct px_group *group, const char *work)
{
    px_begin_group(group->name);
    signal(SIGXFSZ, SIG_IGN);
    alarm(GROUP_SECONDS);
    umask(0);
    if (mkdir(work, 0755) || chdir(work)) {
        perror(work);
        _exit(3);
    }
    group->run();
    _exit(0);
}

static void run(const struct px_group *group)
{
    char work[64];
    int status = -1;
    pid_t pid;

    snprintf(work, sizeof(work), "xk-posix.%d.%s", (int)getpid(),
             group->name);
    pid = fork();
    if (!pid)
        child(group, work);
    if (pid > 0)
        waitpid(pid, &status, 0);
    px_begin_group(group->name);
    px_case("end");
    px_eq("status", status, 0);
    px_clear(work);
}

int main(int argc, char **argv)
{
    int at = 1;

    if (at < argc && !strcmp(argv[at], "--quiet")) {
        px_quiet = true;
        at++;
    }
    if (at < argc && !strcmp(argv[at], "--list")) {
        for (size_t i = 0; i < px_nr_groups; i++)
            puts(px_groups[i].name);
        return 0;
    }
    if (at >= argc || argv[at][0] == '-') {
        fputs(usage, stderr);
        return 2;
    }
    for (int i = at + 1; i < argc; i++)
        if (!find(argv[i])) {
            fprintf(stderr, "xk-posix: no group %s; --list shows them\n",
                    argv[i]);
            return 2;
        }
    if (geteuid()) {
        fputs("xk-posix: it must be run by root\n", stderr);
        return 3;
    }
    if (chdir(argv[at])) {
        perror(argv[at]);
        return 3;
    }
    /* For the file system that some cases mount below. */
    if (unshare(CLONE_NEWNS) ||
        mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
        perror("xk-posix: mounts");
    px_report_init();
    if (at + 1 < argc)
        for (int i = at + 1; i < argc; i++)
            run(find(argv[i]));
    else
        for (size_t i = 0; i < px_nr_groups; i++)
            run(&px_groups[i]);
    printf("# %lu assertions, %lu failed\n",
           px_counts->passed + px_counts->failed, px_counts->failed);
    return px_counts->failed != 0;
}
