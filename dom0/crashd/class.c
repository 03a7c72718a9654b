/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Names of the classes, see class.h.
 */
#include "class.h"

#include <errno.h>
#include <string.h>

static const char *const names[XK_CLASSES] = {
    [XK_CLASS_INDEX] = "index", [XK_CLASS_ZERO] = "zero",
    [XK_CLASS_FREE] = "free", [XK_CLASS_TEXT] = "text",
    [XK_CLASS_TABLE] = "table", [XK_CLASS_KERNEL] = "kernel",
    [XK_CLASS_CACHE] = "cache", [XK_CLASS_USER] = "user",
    [XK_CLASS_UNKNOWN] = "unknown",
};

const char *xk_class_name(enum xk_class cls)
{
    return (unsigned int)cls < XK_CLASSES ? names[cls] : "none";
}

int xk_class_of_name(const char *name)
{
    int i;

    for (i = 0; i < XK_CLASSES; i++)
        if (!strcmp(name, names[i]))
            return i;
    return -EINVAL;
}
