/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * xenkeep-filed: lends files of dom0 to guests. This file has the command
 * line and the order of the phases: parse, open, ready, loop. The parent keeps
 * its privileges; what looks at guests' data is the servers, and those are
 * shut in.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <xenkeep/control.h>
#include <xenkeep/log.h>
#include <xenkeep/util.h>

#include "config.h"

#include "filed.h"
#include "notify.h"

#define EXIT_USAGE 2
#define DEFAULT_CONFIG XK_SYSCONFDIR "/xen/xenkeep-filed.conf"

struct options {
    bool foreground;
    bool check_config;
    const char *config;
    bool config_named;
    const char *run_dir, *share_dir, *state_dir;
};

static const char usage[] =
    "usage: xenkeep-filed [--foreground] [--config FILE] [--check-config]\n"
    "                     [--run-dir DIR] [--share-dir DIR] [--state-dir DIR]\n"
    "  --foreground     log to standard error\n"
    "  --config FILE    default: " DEFAULT_CONFIG "\n"
    "  --check-config   read the configuration and leave\n"
    "  --run-dir DIR    lock and socket; default: " XK_CONTROL_DIR "\n"
    "  --share-dir DIR  what is lent to whom; default: " FILED_SHARE_DIR "\n"
    "  --state-dir DIR  keys of guests; default: " FILED_STATE_DIR "\n"
    "  --version, --help\n";

static const struct option long_options[] = {
    { "foreground", no_argument, NULL, 'f' },
    { "config", required_argument, NULL, 'c' },
    { "check-config", no_argument, NULL, 'n' },
    { "run-dir", required_argument, NULL, 'r' },
    { "share-dir", required_argument, NULL, 's' },
    { "state-dir", required_argument, NULL, 't' },
    { "version", no_argument, NULL, 'V' },
    { "help", no_argument, NULL, 'h' },
    { NULL, 0, NULL, 0 },
};

/* 0: go on. Otherwise leave with *status_r. */
static int parse(int argc, char **argv, struct options *o, int *status_r)
{
    int c;

    while ((c = getopt_long(argc, argv, "fc:nr:s:t:Vh", long_options,
                            NULL)) != -1) {
        switch (c) {
        case 'f': o->foreground = true; break;
        case 'c': o->config = optarg; o->config_named = true; break;
        case 'n': o->check_config = true; break;
        case 'r': o->run_dir = optarg; break;
        case 's': o->share_dir = optarg; break;
        case 't': o->state_dir = optarg; break;
        case 'V': puts("xenkeep-filed " PACKAGE_VERSION); goto leave;
        case 'h': fputs(usage, stdout); goto leave;
        default: goto misused;
        }
    }
    if (optind == argc)
        return 0;
    fprintf(stderr, "xenkeep-filed: unexpected argument \"%s\"\n",
            argv[optind]);
misused:
    fputs(usage, stderr);
    *status_r = EXIT_USAGE;
    return 1;
leave:
    *status_r = EXIT_SUCCESS;
    return 1;
}

static int configure(struct filed *fd, const struct options *o)
{
    int rc = settings_read(&fd->settings, o->config);

    if (rc == -ENOENT && !o->config_named)
        rc = 0;     /* the defaults are a configuration */
    else if (rc && rc != -EINVAL)
        xk_err("%s: %s", o->config, strerror(-rc));
    return rc;
}

static int use_dir(char *dir, size_t size, const char *option,
                   const char *given)
{
    if (!given)
        return 0;
    if (given[0] == '/' && strlen(given) < size) {
        strcpy(dir, given);
        return 0;
    }
    xk_err("%s: expected an absolute path of less than %zu bytes", option,
           size);
    return -EINVAL;
}

static int use_dirs(struct filed *fd, const struct options *o)
{
    int rc = use_dir(fd->run_dir, sizeof(fd->run_dir), "--run-dir",
                     o->run_dir);

    if (!rc)
        rc = use_dir(fd->share_dir, sizeof(fd->share_dir), "--share-dir",
                     o->share_dir);
    if (!rc)
        rc = use_dir(fd->state_dir, sizeof(fd->state_dir), "--state-dir",
                     o->state_dir);
    return rc;
}

static int serve(struct filed *fd)
{
    int rc;

    rc = filed_open(fd);
    if (rc)
        return rc;
    xk_notify("READY=1");
    rc = filed_start(fd);
    if (rc)
        return rc;
    xk_info("ready");
    return xk_loop_run(&fd->loop);
}

int main(int argc, char **argv)
{
    struct options o = { .config = DEFAULT_CONFIG };
    struct filed fd;
    int rc, status;

    if (parse(argc, argv, &o, &status))
        return status;
    xk_log_init("xenkeep-filed", XK_LOG_INFO, o.foreground || o.check_config);
    filed_init(&fd);
    if (configure(&fd, &o) || use_dirs(&fd, &o))
        return EXIT_USAGE;
    if (o.check_config)
        return EXIT_SUCCESS;
    xk_log_init("xenkeep-filed", fd.settings.log_level, o.foreground);
    /* What it was started with but for these is nobody's. */
    closefrom(STDERR_FILENO + 1);
    rc = serve(&fd);
    filed_dispose(&fd);
    return rc ? EXIT_FAILURE : EXIT_SUCCESS;
}
