/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The keys of a configuration, see cfgkeys.h. The one value that goes over
 * several lines is a list.
 */
#include "cfgkeys.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <xenkeep/log.h>

/* The next byte that is neither blank nor the end of a statement. */
static int skip_blanks(FILE *f, int *line)
{
    int c;

    do {
        c = getc(f);
        *line += c == '\n';
    } while (c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == ';');
    return c;
}

/* Where in a statement we are. */
struct place {
    int until;                  /* the end of a quote or comment; 0: in none */
    int depth;                  /* brackets */
};

static void step_on(struct place *p, int c)
{
    if (c == '\n')
        p->until = 0;           /* neither goes over a line's end */
    else if (c == p->until)
        p->until = 0;
    else if (p->until)
        return;
    else if (c == '"' || c == '\'')
        p->until = c;
    else if (c == '#')
        p->until = '\n';
    else if (c == '[')
        p->depth++;
    else if (c == ']' && p->depth)
        p->depth--;
}

/*
 * To the end of a statement that `c` is part of: a line's end or a semicolon
 * outside of quotes and comments; in brackets a line's end is a blank.
 */
static void skip_statement(FILE *f, int c, int *line)
{
    struct place p = { 0, 0 };

    for (; c != EOF; c = getc(f)) {
        if (c == '\n' && !p.depth)
            break;
        if (c == ';' && !p.until)
            return;
        *line += c == '\n';
        step_on(&p, c);
    }
    if (c == '\n')
        (void)ungetc(c, f);
}

int xk_cfg_check_keys(const char *path,
                      bool (*known)(const char *key, const void *arg),
                      const void *arg)
{
    FILE *f = fopen(path, "re");
    int c, line = 1, rc = 0;
    char key[64];
    size_t len;

    if (!f)
        return -errno;
    while ((c = skip_blanks(f, &line)) != EOF) {
        for (len = 0; c != EOF && len < sizeof(key) - 1 &&
                      !strchr(" \t\r\n=+#;", c); len++) {
            key[len] = (char)c;
            c = getc(f);
        }
        key[len] = '\0';
        if (len && !known(key, arg)) {
            xk_err("%s:%d: unknown key \"%s\"", path, line, key);
            rc = -EINVAL;
        }
        skip_statement(f, c, &line);
    }
    fclose(f);
    return rc;
}
