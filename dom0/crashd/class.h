/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a page of a guest holds, as far as privacy is concerned. The order is
 * part of the container's format: new ones go to the end.
 */
#ifndef XK_CRASHD_CLASS_H
#define XK_CRASHD_CLASS_H

#include <stdint.h>

enum xk_class {
    XK_CLASS_INDEX,     /* no page: headers, notes, bitmaps, descriptors */
    XK_CLASS_ZERO,      /* nothing but zeroes */
    XK_CLASS_FREE,      /* the guest's allocator has it: stale data */
    XK_CLASS_TEXT,      /* kernel code, constants, page descriptors */
    XK_CLASS_TABLE,     /* page tables */
    XK_CLASS_KERNEL,    /* kernel data: slab, stacks, vmalloc, log */
    XK_CLASS_CACHE,     /* page cache: contents of files */
    XK_CLASS_USER,      /* memory of processes */
    XK_CLASS_UNKNOWN,   /* none of these for sure: private */
    XK_CLASSES
};

/* Bit of a class in a mask of classes. */
#define XK_CLASS_BIT(cls) (1u << (cls))

/* "index", "zero", ...: one word, as in settings and listings. */
const char *xk_class_name(enum xk_class cls);

/* The class of a name, or -EINVAL. */
int xk_class_of_name(const char *name);

#endif /* XK_CRASHD_CLASS_H */
