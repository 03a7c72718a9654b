/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * VMCOREINFO: the text in which a Linux kernel tells tools about itself, as
 * an ELF note that begins at a page of its own (kernel/crash_core.c). The
 * guest wrote it: values are read strictly, and who uses one checks it.
 */
#ifndef XK_CRASHD_VMCOREINFO_H
#define XK_CRASHD_VMCOREINFO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "image.h"

/* The kernel gives it a page. */
#define XK_VMCOREINFO_MAX 4096u
#define XK_VMCOREINFO_LINES 512u

struct xk_vmcoreinfo {
    uint64_t pfn;           /* where its note is */
    size_t size;            /* bytes of text */
    char text[XK_VMCOREINFO_MAX + 1];   /* as the guest has it, for notes */
    uint16_t lines[XK_VMCOREINFO_LINES];    /* where each begins in text */
    size_t line_count;
};

/*
 * Takes the text apart. -EINVAL: no text, no OSRELEASE, or something in it
 * that is not a line of printable characters.
 */
int xk_vmcoreinfo_parse(struct xk_vmcoreinfo *vi, const void *untrusted,
                        size_t len);

/* The value of a key, up to its line's end (*len_r bytes), or NULL. */
const char *xk_vmcoreinfo_get(const struct xk_vmcoreinfo *vi, const char *key,
                              size_t *len_r);

/* The value as a string; -ENOENT, -ENAMETOOLONG. */
int xk_vmcoreinfo_string(const struct xk_vmcoreinfo *vi, const char *key,
                         char *dst, size_t size);

/* "SYMBOL(name)", hexadecimal. */
int xk_vmcoreinfo_symbol(const struct xk_vmcoreinfo *vi, const char *name,
                         uint64_t *v_r);

/* "NUMBER(name)", signed decimal or "0x…". */
int xk_vmcoreinfo_number(const struct xk_vmcoreinfo *vi, const char *name,
                         int64_t *v_r);

/* "SIZE(name)", "OFFSET(name)", "LENGTH(name)": decimal, at most 1 MiB. */
int xk_vmcoreinfo_size(const struct xk_vmcoreinfo *vi, const char *name,
                       uint32_t *v_r);
int xk_vmcoreinfo_offset(const struct xk_vmcoreinfo *vi, const char *name,
                         uint32_t *v_r);
int xk_vmcoreinfo_length(const struct xk_vmcoreinfo *vi, const char *name,
                         uint32_t *v_r);

/*
 * The first page at or after `from` at which a note of this kind begins and
 * parses; vi->pfn says where. -ENOENT: none. A guest can plant them: the
 * caller asks for the next one until one holds.
 */
int xk_vmcoreinfo_scan(struct xk_image *img, uint64_t from,
                       struct xk_vmcoreinfo *vi);

/* One at a page that somebody names. -EINVAL: it is none. */
int xk_vmcoreinfo_at(struct xk_image *img, uint64_t untrusted_pfn,
                     struct xk_vmcoreinfo *vi);

#endif /* XK_CRASHD_VMCOREINFO_H */
