// SPDX-License-Identifier: GPL-2.0-only
/*
 * xk-schema-check: is a running xenstore as nodes.schema says? Reads the
 * output of `xenstore-ls -f -p` on standard input and prints one line for
 * each violation. It opens nothing and changes nothing, so it can run with
 * no rights at all.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "listing.h"
#include "schema.h"

enum { EXIT_CLEAN, EXIT_VIOLATIONS, EXIT_UNREADABLE };

/* Ours are the nodes with a component that starts with one of these. */
static bool is_ours(const char *path)
{
    return strstr(path, "/xk-") || strstr(path, "/xenkeep");
}

static const char *type_name(enum xk_schema_type type)
{
    static const char *const names[] = {
        [XK_SCHEMA_DIR] = "directory without a value",
        [XK_SCHEMA_STRING] = "string",
        [XK_SCHEMA_U32] = "u32",
        [XK_SCHEMA_U64] = "u64",
        [XK_SCHEMA_ENUM] = "word of the enum",
        [XK_SCHEMA_PATH] = "path",
    };

    return names[type];
}

/* The listing's own escapes again: a value may hold anything. */
static void print_value(const struct xk_listing *node)
{
    size_t i;

    for (i = 0; i < node->value_len; i++) {
        if (node->value[i] >= ' ' && node->value[i] <= '~')
            putchar(node->value[i]);
        else
            printf("\\x%02x", (unsigned int)(unsigned char)node->value[i]);
    }
}

/* 1 when the value is a violation. */
static int check_value(const struct xk_listing *node,
                       const struct xk_schema_node *record)
{
    int rc = -EINVAL;

    /* A zero byte is in no value of ours. */
    if (!memchr(node->value, '\0', node->value_len))
        rc = xk_schema_value(record, node->value);
    if (!rc)
        return 0;
    printf("%s: \"", node->path);
    print_value(node);
    if (rc == -ERANGE)
        printf("\" is out of range (%s %llu %llu)\n",
               type_name(record->type), (unsigned long long)record->min,
               (unsigned long long)record->max);
    else
        printf("\" is no %s\n", type_name(record->type));
    return 1;
}

/* 1 when the permissions are a violation. */
static int check_perms(const struct xk_listing *node)
{
    char expected[XK_SCHEMA_PERMS_MAX];

    if (!xk_schema_perms(node->path, node->perms))
        return 0;
    if (xk_schema_expected_perms(node->path, expected, sizeof(expected)))
        expected[0] = '\0';
    printf("%s: permissions are (%s), not (%s)\n", node->path, node->perms,
           expected);
    return 1;
}

/* How many violations the node is. */
static int check_node(const struct xk_listing *node)
{
    const struct xk_schema_node *record = xk_schema_find(node->path);

    if (record)
        return check_value(node, record) + check_perms(node);
    if (!is_ours(node->path))
        return 0;
    printf("%s: not in the schema\n", node->path);
    return 1;
}

static int check_stream(FILE *in)
{
    struct xk_listing node;
    unsigned long number = 0;
    int rc = EXIT_CLEAN, r;
    char *line = NULL;
    size_t size = 0;

    while (getline(&line, &size, in) >= 0) {
        number++;
        r = xk_listing_parse(line, &node);
        if (r < 0) {
            fprintf(stderr, "xk-schema-check: line %lu is no line of "
                    "xenstore-ls -f -p\n", number);
            rc = EXIT_UNREADABLE;
            goto out;
        }
        if (r && check_node(&node))
            rc = EXIT_VIOLATIONS;
    }
    if (ferror(in) || !number) {
        fprintf(stderr, "xk-schema-check: nothing to read\n");
        rc = EXIT_UNREADABLE;
    }
out:
    free(line);
    return rc;
}

int main(int argc, char **argv)
{
    static const char usage[] =
        "usage: xenstore-ls -f -p | xk-schema-check\n";
    int rc;

    if (argc == 2 && (!strcmp(argv[1], "-h") || !strcmp(argv[1], "--help"))) {
        fputs(usage, stdout);
        return EXIT_CLEAN;
    }
    if (argc != 1) {
        fputs(usage, stderr);
        return EXIT_UNREADABLE;
    }
    rc = check_stream(stdin);
    if (fflush(stdout) || ferror(stdout))
        rc = EXIT_UNREADABLE;
    return rc;
}
