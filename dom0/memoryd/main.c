/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * xenkeep-memoryd: looks after the memory of a host's guests. This file has
 * the command line and the order of the phases: parse, open, drop privileges,
 * ready, loop.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xenkeep/control.h>
#include <xenkeep/log.h>
#include <xenkeep/util.h>

#include "config.h"

#include "depriv.h"
#include "memoryd.h"
#include "notify.h"

#define EXIT_USAGE 2
#define DEFAULT_CONFIG XK_SYSCONFDIR "/xen/xenkeep-memoryd.conf"

struct options {
    bool foreground;
    bool check_config;
    const char *config;
    bool config_named;
    const char *run_dir;
    const char *user;
};

static const char usage[] =
    "usage: xenkeep-memoryd [--foreground] [--config FILE] [--check-config]\n"
    "                       [--run-dir DIR] [--user NAME]\n"
    "  --foreground     log to standard error\n"
    "  --config FILE    default: " DEFAULT_CONFIG "\n"
    "  --check-config   read the configuration and leave\n"
    "  --run-dir DIR    lock, journal and socket; default: " XK_CONTROL_DIR
    "\n"
    "  --user NAME      run as NAME; \"root\" keeps the user\n"
    "  --version, --help\n";

static const struct option long_options[] = {
    { "foreground", no_argument, NULL, 'f' },
    { "config", required_argument, NULL, 'c' },
    { "check-config", no_argument, NULL, 'n' },
    { "run-dir", required_argument, NULL, 'r' },
    { "user", required_argument, NULL, 'u' },
    { "version", no_argument, NULL, 'V' },
    { "help", no_argument, NULL, 'h' },
    { NULL, 0, NULL, 0 },
};

/* 0: go on. Otherwise leave with *status_r. */
static int parse(int argc, char **argv, struct options *o, int *status_r)
{
    int c;

    while ((c = getopt_long(argc, argv, "fc:nr:u:Vh", long_options,
                            NULL)) != -1) {
        switch (c) {
        case 'f': o->foreground = true; break;
        case 'c': o->config = optarg; o->config_named = true; break;
        case 'n': o->check_config = true; break;
        case 'r': o->run_dir = optarg; break;
        case 'u': o->user = optarg; break;
        case 'V': puts("xenkeep-memoryd " PACKAGE_VERSION); goto leave;
        case 'h': fputs(usage, stdout); goto leave;
        default: goto misused;
        }
    }
    if (optind == argc)
        return 0;
    fprintf(stderr, "xenkeep-memoryd: unexpected argument \"%s\"\n",
            argv[optind]);
misused:
    fputs(usage, stderr);
    *status_r = EXIT_USAGE;
    return 1;
leave:
    *status_r = EXIT_SUCCESS;
    return 1;
}

static int configure(struct memoryd *md, const struct options *o)
{
    int rc = settings_read(&md->settings, o->config);

    if (rc == -ENOENT && !o->config_named)
        rc = 0;     /* the defaults are a configuration */
    else if (rc && rc != -EINVAL)
        xk_err("%s: %s", o->config, strerror(-rc));
    if (!rc && o->user) {
        if (strlen(o->user) >= sizeof(md->settings.user)) {
            xk_err("--user: the name is too long");
            return -EINVAL;
        }
        strcpy(md->settings.user, o->user);
    }
    return rc;
}

static int drop_privileges(const struct memoryd *md)
{
    int rc = xk_depriv(md->settings.user);

    if (rc == -ENOENT)
        xk_err("there is no user \"%s\": create it, or set user in the "
               "configuration", md->settings.user);
    else if (rc)
        xk_err("privileges cannot be dropped: %s", strerror(-rc));
    return rc;
}

static int serve(struct memoryd *md, const struct options *o)
{
    int rc;

    rc = memoryd_open(md, o->run_dir);
    if (rc)
        return rc;
    xk_notify("READY=1");
    rc = drop_privileges(md);
    if (rc)
        return rc;
    /* Nothing that a guest wrote has been read before this line. */
    rc = memoryd_start(md);
    if (rc)
        return rc;
    xk_info("ready: %d domains", (int)md->totals.domains);
    return xk_loop_run(&md->loop);
}

int main(int argc, char **argv)
{
    struct options o = { .config = DEFAULT_CONFIG, .run_dir = XK_CONTROL_DIR };
    struct memoryd md;
    int rc, status;

    if (parse(argc, argv, &o, &status))
        return status;
    xk_log_init("xenkeep-memoryd", XK_LOG_INFO,
                o.foreground || o.check_config);
    memoryd_init(&md);
    rc = configure(&md, &o);
    if (rc)
        return EXIT_USAGE;
    if (o.check_config)
        return EXIT_SUCCESS;
    xk_log_init("xenkeep-memoryd", md.settings.log_level, o.foreground);
    rc = serve(&md, &o);
    memoryd_dispose(&md);
    return rc ? EXIT_FAILURE : EXIT_SUCCESS;
}
