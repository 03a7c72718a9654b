/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * xl-memory map: a picture of how Xen maps a guest's memory, as
 * xenkeep-memoryd knows it. It changes nothing.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cells.h"
#include "command.h"
#include "live.h"
#include "memory.h"

struct map {
    struct xk_common common;
    const char *svg;            /* a file's name; NULL: none */
    bool watch;
};

static bool set_svg(const struct xk_command *cmd, void *own, const char *value)
{
    struct map *m = own;

    if (!*value) {
        xk_complain(cmd, "svg \"\": expected the name of a file");
        return false;
    }
    m->svg = value;
    return true;
}

static bool set_watch(const struct xk_command *cmd, void *own,
                      const char *value)
{
    (void)cmd, (void)value;
    ((struct map *)own)->watch = true;
    return true;
}

static const struct xk_option options[] = {
    { "svg", "FILE", "write the picture to FILE as an SVG report", set_svg },
    { "watch", NULL, "draw it anew each second, until Ctrl-C", set_watch },
    { .name = NULL },
};

static const struct xk_command command = {
    .name = "xl-memory map",
    .page = "xl-memory",
    .synopsis = "DOMAIN [--svg FILE | --watch | --json]",
    .about = "Draw how Xen maps the memory of the guest DOMAIN (a name or an "
             "id).",
    .daemon = "memoryd",
    .needs_domain = true,
    .options = options,
};

static struct json_object *map_params(const struct map *m)
{
    struct json_object *params = json_object_new_object();

    json_object_object_add(params, "domain",
                           json_object_new_string(m->common.domain));
    return params;
}

static int draw(FILE *out, const struct xk_window *window, char *why,
                size_t size, void *arg)
{
    struct json_object *result = NULL;
    const struct xk_cells_style style = {
        .columns = window->columns, .rows = window->rows,
        .colour = window->colour,
    };
    struct xk_picture p = { .runs = NULL };
    const char *bad;
    int rc;

    rc = xk_command_try(&command, "map", map_params(arg), why, size, &result);
    if (rc)
        return rc;
    bad = xk_picture_read(result, &p);
    if (bad) {
        snprintf(why, size, "the answer of xenkeep-memoryd has no sound "
                 "\"%s\"; is it of this version?", bad);
        rc = -EPROTO;
        goto out;
    }
    rc = xk_cells_draw(&p, &style, out);
    if (rc)
        snprintf(why, size, "out of memory");

out:
    xk_picture_dispose(&p);
    json_object_put(result);
    return rc;
}

static int print_picture(const struct xk_picture *p)
{
    struct xk_cells_style style;
    struct xk_window window;

    (void)xk_window_get(&window);
    style = (struct xk_cells_style){ .columns = window.columns,
                                     .rows = window.rows,
                                     .colour = window.colour };
    if (!xk_cells_draw(p, &style, stdout))
        return XK_EXIT_DONE;
    xk_complain(&command, "out of memory");
    return XK_EXIT_FAILED;
}

static int write_svg(const struct xk_picture *p, const char *path)
{
    FILE *out = fopen(path, "we");
    int rc;

    if (!out) {
        xk_complain(&command, "cannot write the SVG file: %s",
                    strerror(errno));
        return XK_EXIT_FAILED;
    }
    errno = 0;
    rc = xk_cells_svg(p, time(NULL), out);
    if (!rc && ferror(out))
        rc = errno ? -errno : -EIO;
    if (fclose(out) && !rc)
        rc = -errno;
    if (rc)
        xk_complain(&command, "cannot write the SVG file: %s", strerror(-rc));
    return rc ? XK_EXIT_FAILED : XK_EXIT_DONE;
}

static int show(const struct map *m)
{
    struct json_object *result = NULL;
    struct xk_picture p = { .runs = NULL };
    const char *bad;
    int exit_code;

    exit_code = xk_command_call(&command, "map", map_params(m), &result);
    if (exit_code)
        return exit_code;
    if (m->common.json) {
        xk_command_json(result);
    } else {
        bad = xk_picture_read(result, &p);
        exit_code = bad      ? xk_command_lacks(&command, bad)
                    : m->svg ? write_svg(&p, m->svg)
                             : print_picture(&p);
        xk_picture_dispose(&p);
    }
    json_object_put(result);
    return exit_code;
}

/* XK_GO_ON, or the code to leave with. */
static int check(const struct map *m)
{
    struct xk_window window;

    if ((m->svg != NULL) + m->watch + m->common.json > 1) {
        xk_complain(&command, "--svg, --watch and --json exclude each other");
        return XK_EXIT_USAGE;
    }
    if (m->watch && !xk_window_get(&window)) {
        xk_complain(&command, "--watch draws on a terminal, and standard "
                    "output is none");
        return XK_EXIT_USAGE;
    }
    return XK_GO_ON;
}

int memory_map(int argc, char **argv)
{
    struct map m = { .svg = NULL };
    int exit_code;

    exit_code = xk_command_parse(&command, argc, argv, &m.common, &m);
    if (exit_code == XK_GO_ON)
        exit_code = check(&m);
    if (exit_code == XK_GO_ON)
        exit_code = m.watch ? xk_live(&command, draw, &m) : show(&m);
    return xk_command_finish(&command, exit_code);
}
