// SPDX-License-Identifier: GPL-2.0-only
/*
 * crashd's reading half from the command line, on a memory image in a file
 * (dom0/crashd/image.h): what tests and benchmarks run, and developers try
 * things with.
 *
 *   xk-image info IMAGE
 *   xk-image log IMAGE
 *   xk-image symbol IMAGE NAME|ADDRESS…
 *   xk-image stack IMAGE
 *   xk-image elf IMAGE FILE
 *   xk-image report IMAGE RULES [html|json|text] [NAME=VALUE…]   (facts)
 *   xk-image dump IMAGE FILE [zstd|zlib|lzo|none] [WORKERS] [CLASS,CLASS…]
 *   xk-image seal IMAGE FILE OWNER.pem [TRIAGE.pem]
 *   xk-image sample IMAGE      (makes one: a small guest, built by hand)
 *
 * The classes are those that are left out; the default is free.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <xenkeep/util.h>

#include "class.h"
#include "classify.h"
#include "core_elf.h"
#include "corpse.h"
#include "dump.h"
#include "findings.h"
#include "image.h"
#include "kernel.h"
#include "klog.h"
#include "seal.h"
#include "stack.h"
#include "symbols.h"

struct subject {
    struct xk_image *img;
    struct xk_kernel kernel;
    struct xk_classifier classifier;
    bool known;
};

static int open_subject(struct subject *s, const char *path)
{
    char why[128] = "";
    int rc;

    rc = xk_image_open_file(&s->img, path, why, sizeof(why));
    if (rc) {
        fprintf(stderr, "%s: %s\n", path, why);
        return rc;
    }
    rc = xk_kernel_find(&s->kernel, s->img, UINT64_MAX);
    s->known = !rc;
    if (rc && rc != -ENOENT)
        return rc;
    return xk_classifier_init(&s->classifier, s->known ? &s->kernel : NULL);
}

static void close_subject(struct subject *s)
{
    xk_classifier_dispose(&s->classifier);
    xk_image_close(s->img);
}

static int info(struct subject *s, char **args)
{
    (void)args;
    printf("pages     %#llx\nvcpus     %zu\n",
           (unsigned long long)s->img->max_pfn, s->img->vcpu_count);
    if (!s->known) {
        printf("kernel    not found\n");
        return 0;
    }
    printf("kernel    %s %s\nversion   %s\nnode      %s\nbuild id  %s\n"
           "note      page %#llx\noffset    %#llx\nrunning   %s\n"
           "tables    %llu of %llu address spaces%s\n",
           s->kernel.uts.sysname, s->kernel.uts.release,
           s->kernel.uts.version, s->kernel.uts.nodename, s->kernel.build_id,
           (unsigned long long)s->kernel.vi.pfn,
           (unsigned long long)s->kernel.offset,
           s->kernel.running ? "yes" : "no",
           (unsigned long long)s->classifier.tables.table_count,
           (unsigned long long)s->classifier.tables.root_count,
           s->classifier.tables.trusted ? "" : ", not to be trusted");
    return 0;
}

static int print_log(struct subject *s, char **args)
{
    struct xk_klog log;
    int rc;

    (void)args;
    rc = s->known ? xk_klog_read(&log, &s->kernel) : -ENOENT;
    if (rc)
        return rc;
    fputs(log.text, stdout);
    xk_klog_dispose(&log);
    return 0;
}

static int symbol(struct subject *s, char **args)
{
    char name[XK_SYMBOL_NAME];
    struct xk_symbols symbols;
    uint64_t at, offset, size;
    int rc;

    rc = s->known ? xk_symbols_load(&symbols, &s->kernel) : -ENOENT;
    if (rc)
        return rc;
    for (; *args; args++) {
        at = strtoull(*args, NULL, 16);
        if (at >> 63 && !xk_symbols_at(&symbols, at, name, &offset, &size))
            printf("%s+%#llx/%#llx\n", name, (unsigned long long)offset,
                   (unsigned long long)size);
        else if (!xk_symbols_find(&symbols, *args, &at))
            printf("%llx\n", (unsigned long long)at);
        else
            printf("?\n");
    }
    xk_symbols_dispose(&symbols);
    return 0;
}

static size_t read_facts(struct xk_fact *facts, size_t max, char **args)
{
    size_t n;
    char *value;

    for (n = 0; n < max && *args; args++) {
        value = strchr(*args, '=');
        if (!value)
            continue;
        snprintf(facts[n].name, sizeof(facts[n].name), "%.*s",
                 (int)(value - *args), *args);
        snprintf(facts[n++].value, sizeof(facts[0].value), "%s", value + 1);
    }
    return n;
}

static char *render(const struct xk_story *story, const char *how)
{
    json_object *json;
    char *text = NULL;

    if (!strcmp(how, "html"))
        return xk_findings_html(story);
    if (strcmp(how, "json"))
        return xk_findings_text(story);
    json = xk_findings_json(story);
    if (json)
        text = strdup(json_object_to_json_string_ext(
            json, JSON_C_TO_STRING_PRETTY));
    json_object_put(json);
    return text;
}

static int report(struct subject *s, char **args)
{
    struct xk_causes causes = { 0 };
    struct xk_klog log = { 0 };
    struct xk_fact facts[32];
    struct xk_diagnosis d;
    struct xk_evidence e = { 0 };
    struct xk_story story = { .diagnosis = &d, .evidence = &e, .log = true };
    char why[XK_CAUSES_WHY], *text;
    int rc;

    if (!args[0])
        return -EINVAL;
    rc = xk_causes_load(&causes, args[0], why);
    if (rc) {
        fprintf(stderr, "%s\n", why);
        return rc;
    }
    if (s->known && !xk_klog_read(&log, &s->kernel))
        e.log = log.text;
    e.fact_count = read_facts(facts, XK_ARRAY_SIZE(facts), args + 1);
    e.facts = facts;
    e.build_id = s->known ? s->kernel.build_id : NULL;
    story.uts = s->known ? &s->kernel.uts : NULL;
    xk_diagnose(&d, &causes, &e);
    text = render(&story, args[1] ? args[1] : "text");
    fputs(text ? text : "", stdout);
    free(text);
    xk_klog_dispose(&log);
    xk_causes_dispose(&causes);
    return 0;
}

static int write_extent(void *ctx, enum xk_class cls, uint64_t offset,
                        const void *data, size_t len)
{
    int fd = *(int *)ctx;
    ssize_t n;

    (void)cls;
    for (; len; len -= (size_t)n, offset += (uint64_t)n) {
        n = pwrite(fd, data, len, (off_t)offset);
        if (n < 0)
            return -errno;
        data = (const uint8_t *)data + n;
    }
    return 0;
}

static int write_elf(struct subject *s, char **args)
{
    struct xk_sink sink;
    int fd, rc;

    if (!args[0])
        return -EINVAL;
    fd = open(args[0], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    sink = (struct xk_sink){ write_extent, &fd };
    rc = xk_elf_write(s->img, s->known ? &s->kernel : NULL, &sink);
    close(fd);
    return rc;
}

static int stack(struct subject *s, char **args)
{
    struct xk_symbols symbols;
    struct xk_trace trace;
    size_t i, f;
    int rc;

    (void)args;
    rc = s->known ? xk_symbols_load(&symbols, &s->kernel) : -ENOENT;
    for (i = 0; !rc && i < s->img->vcpu_count; i++) {
        printf("vcpu %zu\n", i);
        if (xk_stack_read(&trace, &s->kernel, &symbols, &s->img->vcpus[i]))
            continue;
        for (f = 0; f < trace.count; f++)
            printf("  %s\n", trace.frame[f].function);
    }
    if (!rc)
        xk_symbols_dispose(&symbols);
    return rc;
}

static int compression_of(const char *name)
{
    static const struct {
        const char *name;
        int kind;
    } kinds[] = {
        { "zstd", XK_COMPRESS_ZSTD }, { "zlib", XK_COMPRESS_ZLIB },
        { "lzo", XK_COMPRESS_LZO }, { "none", XK_COMPRESS_NONE },
    };
    size_t i;

    for (i = 0; i < XK_ARRAY_SIZE(kinds); i++)
        if (!strcmp(name, kinds[i].name))
            return kinds[i].kind;
    return -EINVAL;
}

static int read_options(struct xk_dump_options *o, char **args)
{
    char *word, *save = NULL;
    int kind, cls;

    kind = args[0] ? compression_of(args[0]) : XK_COMPRESS_ZSTD;
    if (kind < 0)
        return -EINVAL;
    *o = (struct xk_dump_options){
        .workers = args[0] && args[1] ? (unsigned int)atoi(args[1]) : 2,
        .store = XK_DUMP_STORE_DEFAULT,
        .compression = (enum xk_compression)kind,
    };
    if (!args[0] || !args[1] || !args[2])
        return 0;
    o->store = XK_DUMP_STORE_ALL;
    for (word = strtok_r(args[2], ",", &save); word;
         word = strtok_r(NULL, ",", &save)) {
        cls = xk_class_of_name(word);
        if (cls < 0)
            return cls;
        o->store &= ~XK_CLASS_BIT(cls);
    }
    return 0;
}

static int dump(struct subject *s, char **args)
{
    struct xk_dump_options options;
    struct xk_dump_stats stats;
    struct xk_sink sink;
    uint64_t start;
    int fd, rc, cls;

    if (!args[0] || read_options(&options, args + 1))
        return -EINVAL;
    fd = open(args[0], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    sink = (struct xk_sink){ write_extent, &fd };
    start = xk_now_us();
    rc = xk_dump_write(s->img, s->known ? &s->kernel : NULL, &s->classifier,
                       &options, &sink, &stats);
    printf("us %llu\n", (unsigned long long)(xk_now_us() - start));
    for (cls = 1; !rc && cls < XK_CLASSES; cls++)
        printf("%-8s pages %8llu stored %8llu bytes %10llu\n",
               xk_class_name((enum xk_class)cls),
               (unsigned long long)stats.pages[cls],
               (unsigned long long)stats.stored[cls],
               (unsigned long long)stats.bytes[cls]);
    close(fd);
    return rc;
}

static int to_stream(void *ctx, const void *data, size_t len)
{
    return write(*(int *)ctx, data, len) == (ssize_t)len ? 0 : -EIO;
}

static int read_cert(struct xk_cert **cert, const char *path)
{
    xk_cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC);

    return fd < 0 ? -errno : xk_cert_read(cert, fd);
}

static int seal_to(struct subject *s, const struct xk_seal_plan *plan, int fd)
{
    const struct xk_dump_options options = {
        .workers = 2, .store = plan->classes,
        .compression = XK_COMPRESS_ZSTD, .seconds = plan->time,
    };
    struct xk_sink sink = { .extent = xk_seal_extent };
    struct xk_dump_stats stats;
    struct xk_seal *seal;
    int rc;

    rc = xk_seal_new(&seal, plan, to_stream, &fd);
    if (rc)
        return rc;
    sink.ctx = seal;
    rc = xk_dump_write(s->img, s->known ? &s->kernel : NULL, &s->classifier,
                       &options, &sink, &stats);
    if (!rc)
        rc = xk_seal_end(seal);
    xk_seal_free(seal);
    return rc;
}

/* A host's key for once, its public half beside the dump as FILE.pub. */
static int new_host(struct xk_signer **host, const char *file)
{
    uint8_t public[XK_PUBLIC_SIZE];
    char path[512];
    FILE *f;
    size_t i;
    int rc;

    rc = xk_signer_new(host);
    if (!rc)
        rc = xk_signer_public(*host, public);
    snprintf(path, sizeof(path), "%s.pub", file);
    f = rc ? NULL : fopen(path, "we");
    if (!f)
        return rc ? rc : -errno;
    for (i = 0; i < sizeof(public); i++)
        fprintf(f, "%02x", public[i]);
    return fclose(f) ? -errno : 0;
}

static int seal(struct subject *s, char **args)
{
    struct xk_cert *cert[2] = { NULL };
    struct xk_signer *host = NULL;
    xk_cleanup_fd int fd = -1;
    struct xk_seal_plan plan = {
        .time = 1700000000, .classes = XK_DUMP_STORE_DEFAULT,
        .audience_count = 1,
    };
    int rc;

    if (!args[0] || !args[1])
        return -EINVAL;
    plan.audiences[0] = (struct xk_audience){
        .classes = plan.classes, .certs = &cert[0], .count = 1 };
    plan.audiences[1] = (struct xk_audience){
        .classes = XK_CLASS_BIT(XK_CLASS_INDEX) | XK_CLASS_BIT(XK_CLASS_ZERO) |
                   XK_CLASS_BIT(XK_CLASS_TEXT) | XK_CLASS_BIT(XK_CLASS_TABLE),
        .certs = &cert[1], .count = 1 };
    rc = read_cert(&cert[0], args[1]);
    if (!rc && args[2]) {
        plan.audience_count = 2;
        rc = read_cert(&cert[1], args[2]);
    }
    if (!rc)
        rc = new_host(&host, args[0]);
    plan.signer = host;
    fd = open(args[0], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (!rc)
        rc = fd < 0 ? -errno : seal_to(s, &plan, fd);
    xk_signer_free(host);
    xk_cert_free(cert[0]);
    xk_cert_free(cert[1]);
    return rc;
}

static int write_sample(const char *path, const struct corpse *c)
{
    char about[512];
    FILE *f = fopen(path, "we");
    int rc = 0;

    if (!f || fwrite(c->mem, XK_PAGE_SIZE, CORPSE_PAGES, f) != CORPSE_PAGES ||
        fclose(f))
        return -errno;
    snprintf(about, sizeof(about), "%s.about", path);
    f = fopen(about, "we");
    if (!f)
        return -errno;
    fprintf(f, "type pvh\nram 0 %x\nvcpu rip=%llx rsp=%llx cr3=%llx\n",
            CORPSE_PAGES, (unsigned long long)c->vcpu.rip,
            (unsigned long long)c->vcpu.rsp,
            (unsigned long long)c->vcpu.cr3);
    if (fclose(f))
        rc = -errno;
    return rc;
}

/* Not of an image that is there. */
static int sample(const char *path)
{
    struct corpse c;
    int rc;

    corpse_make(&c);
    /* drgn wants it by its older name, too. */
    corpse_info(&c, "SYMBOL(swapper_pg_dir)=%llx\n",
                (unsigned long long)XK_KERNEL_MAP +
                    CORPSE_ROOT * (unsigned long long)XK_PAGE_SIZE);
    corpse_log(&c);
    corpse_symbols(&c);
    rc = write_sample(path, &c);
    corpse_dispose(&c);
    return rc;
}

static const struct {
    const char *name;
    int (*run)(struct subject *s, char **args);
} verbs[] = {
    { "info", info }, { "dump", dump }, { "log", print_log },
    { "symbol", symbol }, { "report", report },
    { "stack", stack }, { "elf", write_elf }, { "seal", seal },
};

int main(int argc, char **argv)
{
    static struct subject s;
    size_t i;
    int rc = -EINVAL;

    if (argc == 3 && !strcmp(argv[1], "sample"))
        rc = sample(argv[2]);
    for (i = 0; argc > 2 && rc && i < XK_ARRAY_SIZE(verbs); i++) {
        if (strcmp(argv[1], verbs[i].name))
            continue;
        rc = open_subject(&s, argv[2]);
        if (!rc)
            rc = verbs[i].run(&s, argv + 3);
        if (s.img)
            close_subject(&s);
        break;
    }
    if (rc == -EINVAL)
        fprintf(stderr, "usage: xk-image info|dump IMAGE …\n");
    else if (rc)
        fprintf(stderr, "xk-image: %s\n", strerror(-rc));
    return rc ? rc == -EINVAL ? 2 : 1 : 0;
}
