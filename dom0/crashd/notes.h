/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ELF notes of a dump: the registers of every vcpu, and VMCOREINFO.
 */
#ifndef XK_CRASHD_NOTES_H
#define XK_CRASHD_NOTES_H

#include <stddef.h>
#include <stdint.h>

#include "image.h"
#include "vmcoreinfo.h"

struct xk_notes {
    uint8_t *data;
    size_t size;
    size_t vmcoreinfo, vmcoreinfo_size;     /* its text, within data; 0: none */
    size_t extra;           /* where struct xk_kdump_extra is, within data */
};

/*
 * `vi` may be NULL: then each vcpu also has a note as QEMU writes it, by whose
 * IDT the crash tool finds a kernel that says nothing of itself. -ENOMEM.
 */
int xk_notes_make(struct xk_notes *notes, const struct xk_image *img,
                  const struct xk_vmcoreinfo *vi);
void xk_notes_dispose(struct xk_notes *notes);

/*
 * Calls fn(arg, name, type, desc, size) for each note; a note that does not
 * fit ends it. `name` is NUL-terminated.
 */
void xk_notes_each(const void *untrusted, size_t len,
                   void (*fn)(void *arg, const char *name, uint32_t type,
                              const void *desc, size_t size), void *arg);

/* The registers of an NT_PRSTATUS note; -EINVAL: too short. */
int xk_notes_vcpu(struct xk_vcpu *vcpu, const void *desc, size_t size);

#endif /* XK_CRASHD_NOTES_H */
