/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Finding and reading VMCOREINFO, see vmcoreinfo.h.
 */
#include "vmcoreinfo.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xenkeep/util.h>

/* Pages in one read. */
#define BATCH 512u

/* An ELF note's head, and this one's name. */
struct note {
    uint32_t namesz, descsz, type;
    char name[12];          /* "VMCOREINFO" and its padding */
};

#define NAME "VMCOREINFO"

static bool printable(const char *text, size_t len)
{
    size_t i;

    for (i = 0; i < len; i++)
        if ((text[i] < ' ' || text[i] > '~') && text[i] != '\n' &&
            text[i] != '\t')
            return false;
    return true;
}

int xk_vmcoreinfo_parse(struct xk_vmcoreinfo *vi, const void *untrusted,
                        size_t len)
{
    size_t at, value;
    char *end;

    if (len > XK_VMCOREINFO_MAX)
        return -EINVAL;
    len = strnlen(untrusted, len);
    memcpy(vi->text, untrusted, len);
    vi->text[len] = '\0';
    vi->size = len;
    vi->line_count = 0;
    if (!printable(vi->text, len))
        return -EINVAL;
    for (at = 0; at < len; at = (size_t)(end - vi->text) + 1) {
        end = strchrnul(vi->text + at, '\n');
        if (vi->line_count == XK_VMCOREINFO_LINES)
            return -EINVAL;
        vi->lines[vi->line_count++] = (uint16_t)at;
    }
    return xk_vmcoreinfo_get(vi, "OSRELEASE", &value) && value ? 0 : -EINVAL;
}

const char *xk_vmcoreinfo_get(const struct xk_vmcoreinfo *vi, const char *key,
                              size_t *len_r)
{
    size_t len = strlen(key), i;
    const char *line;

    for (i = 0; i < vi->line_count; i++) {
        line = vi->text + vi->lines[i];
        if (strncmp(line, key, len) || line[len] != '=')
            continue;
        line += len + 1;
        *len_r = strcspn(line, "\n");
        return line;
    }
    return NULL;
}

int xk_vmcoreinfo_string(const struct xk_vmcoreinfo *vi, const char *key,
                         char *dst, size_t size)
{
    const char *value;
    size_t len;

    value = xk_vmcoreinfo_get(vi, key, &len);
    if (!value)
        return -ENOENT;
    if (len >= size)
        return -ENAMETOOLONG;
    memcpy(dst, value, len);
    dst[len] = '\0';
    return 0;
}

/* The value of "KIND(name)". */
static int named(const struct xk_vmcoreinfo *vi, const char *kind,
                 const char *name, char *dst, size_t size)
{
    char key[128];
    int n;

    n = snprintf(key, sizeof(key), "%s(%s)", kind, name);
    if (n < 0 || (size_t)n >= sizeof(key))
        return -ENOENT;
    return xk_vmcoreinfo_string(vi, key, dst, size);
}

int xk_vmcoreinfo_symbol(const struct xk_vmcoreinfo *vi, const char *name,
                         uint64_t *v_r)
{
    char value[32], *end;
    uint64_t v;
    int rc;

    rc = named(vi, "SYMBOL", name, value, sizeof(value));
    if (rc)
        return rc;
    errno = 0;
    v = strtoull(value, &end, 16);
    if (errno || *end || end == value || *value == '-')
        return -EINVAL;
    *v_r = v;
    return 0;
}

int xk_vmcoreinfo_number(const struct xk_vmcoreinfo *vi, const char *name,
                         int64_t *v_r)
{
    char value[32], *end;
    int64_t v;
    int rc;

    rc = named(vi, "NUMBER", name, value, sizeof(value));
    if (rc)
        return rc;
    errno = 0;
    v = strncmp(value, "0x", 2) ? strtoll(value, &end, 10)
                                : (int64_t)strtoull(value, &end, 16);
    if (errno || *end || end == value)
        return -EINVAL;
    *v_r = v;
    return 0;
}

static int small(const struct xk_vmcoreinfo *vi, const char *kind,
                 const char *name, uint32_t *v_r)
{
    char value[32], *end;
    unsigned long v;
    int rc;

    rc = named(vi, kind, name, value, sizeof(value));
    if (rc)
        return rc;
    errno = 0;
    v = strtoul(value, &end, 10);
    if (errno || *end || end == value || v > 1u << 20)
        return -EINVAL;
    *v_r = (uint32_t)v;
    return 0;
}

int xk_vmcoreinfo_size(const struct xk_vmcoreinfo *vi, const char *name,
                       uint32_t *v_r)
{
    return small(vi, "SIZE", name, v_r);
}

int xk_vmcoreinfo_offset(const struct xk_vmcoreinfo *vi, const char *name,
                         uint32_t *v_r)
{
    return small(vi, "OFFSET", name, v_r);
}

int xk_vmcoreinfo_length(const struct xk_vmcoreinfo *vi, const char *name,
                         uint32_t *v_r)
{
    return small(vi, "LENGTH", name, v_r);
}

static bool is_note(const void *page)
{
    struct note note;

    memcpy(&note, page, sizeof(note));
    return note.namesz == sizeof(NAME) && !note.type && note.descsz &&
           note.descsz <= XK_VMCOREINFO_MAX &&
           !memcmp(note.name, NAME, sizeof(NAME));
}

/* The note's text may go on in the next page. */
int xk_vmcoreinfo_at(struct xk_image *img, uint64_t untrusted_pfn,
                     struct xk_vmcoreinfo *vi)
{
    _Alignas(XK_PAGE_SIZE) uint8_t pages[2 * XK_PAGE_SIZE];
    const uint64_t pfns[2] = { untrusted_pfn, untrusted_pfn + 1 };
    uint8_t state[2];
    struct note note;
    int rc;

    if (untrusted_pfn >= img->max_pfn)
        return -EINVAL;
    rc = img->read(img, pfns, 2, pages, state);
    if (rc)
        return rc;
    if (state[0] != XK_PAGE_RAM || !is_note(pages))
        return -EINVAL;
    memcpy(&note, pages, sizeof(note));
    rc = xk_vmcoreinfo_parse(vi, pages + sizeof(note), note.descsz);
    vi->pfn = untrusted_pfn;
    return rc;
}

/* In one piece of memory; -ENOENT when it is not there. */
static int scan_range(struct xk_image *img, uint64_t first, uint64_t end,
                      uint8_t *pages, struct xk_vmcoreinfo *vi)
{
    uint8_t state[BATCH];
    uint64_t pfns[BATCH];
    size_t i, n;
    int rc;

    for (; first < end; first += n) {
        n = (size_t)xk_min_u64(BATCH, end - first);
        for (i = 0; i < n; i++)
            pfns[i] = first + i;
        rc = img->read(img, pfns, n, pages, state);
        if (rc)
            return rc;
        for (i = 0; i < n; i++) {
            if (state[i] == XK_PAGE_RAM && is_note(pages + i * XK_PAGE_SIZE) &&
                !xk_vmcoreinfo_at(img, pfns[i], vi))
                return 0;
        }
    }
    return -ENOENT;
}

int xk_vmcoreinfo_scan(struct xk_image *img, uint64_t from,
                       struct xk_vmcoreinfo *vi)
{
    uint64_t first, end;
    uint8_t *pages;
    int rc = -ENOENT;

    pages = aligned_alloc(XK_PAGE_SIZE, BATCH * XK_PAGE_SIZE);
    if (!pages)
        return -ENOMEM;
    while (rc == -ENOENT && xk_image_next(img, from, &first, &end)) {
        rc = scan_range(img, first, end, pages, vi);
        from = end;
    }
    free(pages);
    return rc;
}
