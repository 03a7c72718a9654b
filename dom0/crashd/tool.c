/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * xenkeep-dump: its options and verbs, see tool.h.
 */
#include "tool.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <json-c/json.h>

#include <xenkeep/log.h>
#include <xenkeep/util.h>

#include "config.h"

#define NAME "xenkeep-dump"

static const struct {
    const char *name;
    int (*run)(const struct xk_tool *tool);
    int operands;               /* after the file; -1: any number */
    const char *help;
} verbs[] = {
    { "verify", xk_tool_verify, 0,
      "check the signature, and with a key every byte" },
    { "export", xk_tool_export, 1, "write what the key opens, in clear" },
    { "open", xk_tool_open, -1,
      "start a debugger on what the key opens; nothing is written" },
    { "mount", xk_tool_mount, 1,
      "show what the key opens as files, to this user; nothing is written" },
    { "rewrap", xk_tool_rewrap, 0, "seal it for other certificates" },
};

static const struct option long_options[] = {
    { "key", required_argument, NULL, 'k' },
    { "host", required_argument, NULL, 'H' },
    { "keys", required_argument, NULL, 'K' },
    { "format", required_argument, NULL, 'F' },
    { "program", required_argument, NULL, 'p' },
    { "foreground", no_argument, NULL, 'g' },
    { "force", no_argument, NULL, 'f' },
    { "json", no_argument, NULL, 'j' },
    { "version", no_argument, NULL, 'V' },
    { "help", no_argument, NULL, 'h' },
    { NULL, 0, NULL, 0 },
};

static void help(void)
{
    size_t i;

    puts("usage: " NAME " VERB FILE [option…]\n\nVerbs:");
    for (i = 0; i < XK_ARRAY_SIZE(verbs); i++)
        printf("  %-8s %s\n", verbs[i].name, verbs[i].help);
    puts("\nOptions:\n"
         "  --key FILE      private key (PEM) of a recipient\n"
         "  --host FILE     host.pub of the host that must have signed it\n"
         "  --format NAME   export: kdump (default), kdump-zlib, kdump-lzo "
         "or elf\n"
         "  --foreground    mount: stay until it is unmounted\n"
         "  --program NAME  open: crash (default), drgn, or a path\n"
         "  --keys DIR      rewrap: owner/, engineer/, triage/ with *.pem\n"
         "  --force         export: overwrite; open, mount: although there is "
         "swap\n"
         "  --json          verify: one line of JSON\n"
         "  --version, --help\n\n"
         "export FILE OUT; mount FILE DIR; open FILE [-- ARGUMENT…], as in\n"
         "  " NAME " open dump --key me.key -- vmlinux\n"
         "Exit code: 0 done, 1 failed or refused, 2 bad usage.\n"
         "See " NAME "(1).");
}

int xk_tool_complain(const struct xk_tool *tool, const char *fmt, ...)
{
    va_list args;

    fprintf(stderr, NAME "%s%s: ", tool->verb ? " " : "",
            tool->verb ? tool->verb : "");
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fputc('\n', stderr);
    return XK_TOOL_FAILED;
}

static int misused(const struct xk_tool *tool, const char *why,
                   const char *what)
{
    char safe[96];

    (void)xk_tool_complain(tool, "%s%s: see " NAME " --help", why,
                           what ? xk_log_safe(safe, sizeof(safe), what) : "");
    return XK_TOOL_USAGE;
}

/* -1: go on. */
static int parse(int argc, char **argv, struct xk_tool *tool)
{
    int c;

    opterr = 0;
    while ((c = getopt_long(argc, argv, ":h", long_options, NULL)) != -1) {
        switch (c) {
        case 'k': tool->key = optarg; break;
        case 'H': tool->host = optarg; break;
        case 'K': tool->keys = optarg; break;
        case 'F': tool->format = optarg; break;
        case 'p': tool->program = optarg; break;
        case 'g': tool->foreground = true; break;
        case 'f': tool->force = true; break;
        case 'j': tool->json = true; break;
        case 'V': puts(NAME " (xenkeep) " PACKAGE_VERSION); return 0;
        case 'h': help(); return 0;
        case ':': return misused(tool, "a value is missing for ",
                                 argv[optind - 1]);
        default: return misused(tool, "unknown option ", argv[optind - 1]);
        }
    }
    if (argc - optind < 2)
        return misused(tool, "expected a verb and a file", NULL);
    tool->verb = argv[optind];
    tool->file = argv[optind + 1];
    tool->rest = argv + optind + 2;
    return -1;
}

/* ---- opening ------------------------------------------------------------ */

static int read_private(const struct xk_tool *tool, struct xk_private **key_r)
{
    xk_cleanup_fd int fd = open(tool->key, O_RDONLY | O_CLOEXEC);
    int rc;

    rc = fd < 0 ? -errno : xk_private_read(key_r, fd, NULL);
    if (rc)
        return xk_tool_complain(tool, "%s: %s", tool->key, rc == -EINVAL
                                ? "there is no private key in it, or the "
                                  "passphrase is wrong" : strerror(-rc));
    return 0;
}

static int read_host(const struct xk_tool *tool,
                     uint8_t host[XK_PUBLIC_SIZE])
{
    FILE *f = fopen(tool->host, "re");
    unsigned int byte;
    size_t i;

    if (!f)
        return xk_tool_complain(tool, "%s: %s", tool->host, strerror(errno));
    for (i = 0; i < XK_PUBLIC_SIZE && fscanf(f, "%2x", &byte) == 1; i++)
        host[i] = (uint8_t)byte;
    fclose(f);
    if (i == XK_PUBLIC_SIZE)
        return 0;
    (void)xk_tool_complain(tool, "%s: expected 64 hexadecimal digits, a "
                           "host.pub", tool->host);
    return XK_TOOL_USAGE;
}

int xk_tool_unseal(const struct xk_tool *tool, int open_flags, int *fd_r,
                   struct xk_unseal **u_r)
{
    struct xk_unseal_key key = { .key = NULL };
    uint8_t host[XK_PUBLIC_SIZE];
    struct xk_private *private = NULL;
    char why[XK_UNSEAL_WHY];
    int code = 0, rc;

    *fd_r = open(tool->file, open_flags | O_CLOEXEC);
    if (*fd_r < 0)
        return xk_tool_complain(tool, "%s: %s", tool->file, strerror(errno));
    if (tool->host)
        code = read_host(tool, host);
    if (!code && tool->key)
        code = read_private(tool, &private);
    key.key = private;
    key.host = tool->host ? host : NULL;
    rc = code ? 0 : xk_unseal_open(u_r, *fd_r, &key, why);
    if (rc)
        code = xk_tool_complain(tool, "%s: refused: %s", tool->file, why);
    xk_private_free(private);
    if (code)
        xk_close(fd_r);
    return code;
}

void xk_tool_progress(void *arg, uint64_t done, uint64_t total)
{
    static unsigned int last = 101;
    unsigned int percent = total ? (unsigned int)(done * 100 / total) : 100;

    (void)arg;
    if (percent == last || !isatty(STDERR_FILENO))
        return;
    last = percent;
    fprintf(stderr, "\r%3u %%", percent);
}

void xk_tool_progress_end(void)
{
    if (isatty(STDERR_FILENO))
        fputs("\r     \r", stderr);
}

bool xk_tool_swap(void)
{
    FILE *f = fopen("/proc/swaps", "re");
    char line[256];
    int lines = 0;

    while (f && fgets(line, sizeof(line), f))
        lines++;
    if (f)
        fclose(f);
    return lines > 1;           /* the first is the title */
}

/* ---- verify ------------------------------------------------------------- */

static struct json_object *classes_json(uint32_t classes)
{
    struct json_object *list = json_object_new_array();
    unsigned int cls;

    for (cls = 0; cls < XK_CLASSES; cls++)
        if (classes & XK_CLASS_BIT(cls))
            json_object_array_add(list, json_object_new_string(
                                  xk_class_name((enum xk_class)cls)));
    return list;
}

static void verify_json(const struct xk_unseal *u, const char *why)
{
    struct json_object *obj = json_object_new_object();
    const struct seal_core *core = xk_unseal_core(u);
    char host[2 * XK_PUBLIC_SIZE + 1];
    uint64_t good;
    size_t i;

    for (i = 0; i < XK_PUBLIC_SIZE; i++)
        snprintf(host + 2 * i, 3, "%02x", core->host[i]);
    json_object_object_add(obj, "sound", json_object_new_boolean(!why));
    json_object_object_add(obj, "why", json_object_new_string(why ? why
                                                                  : ""));
    json_object_object_add(obj, "torn", json_object_new_boolean(
                           xk_unseal_torn(u, &good)));
    json_object_object_add(obj, "good_bytes", json_object_new_int64(
                           (int64_t)good));
    json_object_object_add(obj, "host", json_object_new_string(host));
    json_object_object_add(obj, "classes", classes_json(core->classes));
    json_object_object_add(obj, "read", classes_json(xk_unseal_classes(u)));
    puts(json_object_to_json_string_ext(obj, JSON_C_TO_STRING_PLAIN));
    json_object_put(obj);
}

static void verify_text(const struct xk_unseal *u)
{
    const struct seal_core *core = xk_unseal_core(u);
    uint32_t read = xk_unseal_classes(u);
    unsigned int cls;

    printf("signed by host %02x%02x%02x%02x, whole\n", core->host[0],
           core->host[1], core->host[2], core->host[3]);
    for (cls = 0; cls < XK_CLASSES; cls++)
        if (core->classes & XK_CLASS_BIT(cls))
            printf("%-8s %12llu bytes, %s\n",
                   xk_class_name((enum xk_class)cls),
                   (unsigned long long)xk_unseal_class_bytes(
                       u, (enum xk_class)cls),
                   read & XK_CLASS_BIT(cls) ? "checked"
                                            : "sealed, not looked into");
}

int xk_tool_verify(const struct xk_tool *tool)
{
    char why[XK_UNSEAL_WHY] = "";
    xk_cleanup_fd int fd = -1;
    struct xk_unseal *u;
    uint64_t good;
    int code, rc;

    code = xk_tool_unseal(tool, O_RDONLY, &fd, &u);
    if (code)
        return code;
    rc = xk_unseal_walk(u, NULL, xk_tool_progress, NULL, why);
    xk_tool_progress_end();
    if (!rc && xk_unseal_torn(u, &good)) {
        snprintf(why, sizeof(why), "it is torn: whole up to byte %llu",
                 (unsigned long long)good);
        rc = -ENODATA;
    }
    if (tool->json)
        verify_json(u, rc ? why : NULL);
    else if (!rc)
        verify_text(u);
    if (rc)
        code = xk_tool_complain(tool, "%s: refused: %s", tool->file, why);
    xk_unseal_close(u);
    return code;
}

int main(int argc, char **argv)
{
    struct xk_tool tool = { .program = "crash" };
    const struct rlimit none = { 0, 0 };
    int code, count = 0;
    size_t i;

    /* A core of this process would have a guest's memory in clear. */
    (void)setrlimit(RLIMIT_CORE, &none);
    (void)prctl(PR_SET_DUMPABLE, 0);
    code = parse(argc, argv, &tool);
    if (code >= 0)
        return code;
    while (tool.rest[count])
        count++;
    for (i = 0; i < XK_ARRAY_SIZE(verbs); i++) {
        if (strcmp(verbs[i].name, tool.verb))
            continue;
        if (verbs[i].operands >= 0 && count != verbs[i].operands)
            return misused(&tool, "wrong number of files", NULL);
        return verbs[i].run(&tool);
    }
    return misused(&tool, "unknown verb ", tool.verb);
}
