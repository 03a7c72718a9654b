/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * xenkeep-crashd: keeps the evidence when a guest dies. This file has the
 * command line and the order of the phases: parse, open, drop privileges,
 * ready, loop.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <xenkeep/control.h>
#include <xenkeep/log.h>
#include <xenkeep/util.h>

#include "config.h"

#include "crashd.h"
#include "depriv.h"
#include "notify.h"

#define EXIT_USAGE 2
#define DEFAULT_CONFIG XK_SYSCONFDIR "/xen/xenkeep-crashd.conf"

struct options {
    bool foreground;
    bool check_config;
    const char *config;
    bool config_named;
    const char *user;
    struct xk_crashd_places places;
};

static const char usage[] =
    "usage: xenkeep-crashd [--foreground] [--config FILE] [--check-config]\n"
    "                      [--run-dir DIR] [--user NAME]\n"
    "  --foreground     log to standard error\n"
    "  --config FILE    default: " DEFAULT_CONFIG "\n"
    "  --check-config   read the configuration and leave\n"
    "  --run-dir DIR    lock and socket; default: " XK_CONTROL_DIR "\n"
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
        case 'r': o->places.run_dir = optarg; break;
        case 'u': o->user = optarg; break;
        case 'V': puts("xenkeep-crashd " PACKAGE_VERSION); goto leave;
        case 'h': fputs(usage, stdout); goto leave;
        default: goto misused;
        }
    }
    if (optind == argc)
        return 0;
    fprintf(stderr, "xenkeep-crashd: unexpected argument \"%s\"\n",
            argv[optind]);
misused:
    fputs(usage, stderr);
    *status_r = EXIT_USAGE;
    return 1;
leave:
    *status_r = EXIT_SUCCESS;
    return 1;
}

static int configure(struct xk_crashd *cd, const struct options *o)
{
    int rc = xk_policy_read(&cd->policy, o->config);

    if (rc == -ENOENT && !o->config_named)
        rc = 0;     /* the defaults are a configuration */
    else if (rc && rc != -EINVAL)
        xk_err("%s: %s", o->config, strerror(-rc));
    if (!rc && o->user) {
        if (strlen(o->user) >= sizeof(cd->policy.user)) {
            xk_err("--user: the name is too long");
            return -EINVAL;
        }
        strcpy(cd->policy.user, o->user);
    }
    return rc;
}

/* A core of this process would have pages of guests, and keys, in clear. */
static void leave_no_core(void)
{
    const struct rlimit none = { 0, 0 };

    (void)setrlimit(RLIMIT_CORE, &none);
    (void)prctl(PR_SET_DUMPABLE, 0);
}

static int drop_privileges(const struct xk_crashd *cd)
{
    int rc = xk_depriv_with_files(cd->policy.user);

    if (rc == -ENOENT)
        xk_err("there is no user \"%s\": create it, or set user in the "
               "configuration", cd->policy.user);
    else if (rc)
        xk_err("privileges cannot be dropped: %s", strerror(-rc));
    return rc;
}

/* Found out now, and not when the first guest has died. */
static int reach_store(const struct xk_crashd *cd)
{
    int rc = access(cd->policy.store, R_OK | W_OK | X_OK) ? -errno : 0;

    if (rc)
        xk_err("the store %s cannot be used by the user \"%s\": %s: look at "
               "the modes of the directories above it", cd->policy.store,
               cd->policy.user, strerror(-rc));
    return rc;
}

static int serve(struct xk_crashd *cd, const struct options *o)
{
    int rc;

    rc = xk_crashd_open(cd, &o->places);
    if (rc)
        return rc;
    xk_notify("READY=1");
    rc = drop_privileges(cd);
    if (!rc)
        rc = reach_store(cd);
    if (rc)
        return rc;
    leave_no_core();
    /* Nothing that a guest wrote has been read before this line. */
    rc = xk_crashd_start(cd);
    if (rc)
        return rc;
    xk_info("ready: %d guests", (int)cd->totals.guests);
    return xk_loop_run(&cd->loop);
}

int main(int argc, char **argv)
{
    struct options o = {
        .config = DEFAULT_CONFIG,
        .places = { XK_CONTROL_DIR, XK_XEN_DUMP_DIR, "xl",
                    XK_SYSCONFDIR "/xenkeep/crash.d" },
    };
    static struct xk_crashd cd;
    int rc, status;

    if (parse(argc, argv, &o, &status))
        return status;
    xk_log_init("xenkeep-crashd", XK_LOG_INFO,
                o.foreground || o.check_config);
    xk_crashd_init(&cd);
    rc = configure(&cd, &o);
    if (rc)
        return EXIT_USAGE;
    if (o.check_config)
        return EXIT_SUCCESS;
    xk_log_init("xenkeep-crashd", cd.policy.log_level, o.foreground);
    rc = serve(&cd, &o);
    xk_crashd_dispose(&cd);
    return rc ? EXIT_FAILURE : EXIT_SUCCESS;
}
