/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ELF notes, see notes.h. Layouts are those of x86-64: struct elf_prstatus of
 * Linux, QEMUCPUState of QEMU.
 */
#include "notes.h"

#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <xenkeep/util.h>

#include "kdump.h"

#define NAME_MAX_BYTES 32u

struct prstatus {
    uint32_t info[3];
    uint16_t cursig, pad0;
    uint64_t sigpend, sighold;
    uint32_t pid, ppid, pgrp, sid;
    uint64_t times[8];
    uint64_t r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx,
             rsi, rdi, orig_rax, rip, cs, rflags, rsp, ss, fs_base, gs_base,
             ds, es, fs, gs;
    uint32_t fpvalid, pad1;
};

_Static_assert(sizeof(struct prstatus) == 336, "struct elf_prstatus");

struct qemu_segment {
    uint32_t selector, limit, flags, pad;
    uint64_t base;
};

struct qemu_cpu {
    uint32_t version, size;
    uint64_t rax, rbx, rcx, rdx, rsi, rdi, rsp, rbp;
    uint64_t r8, r9, r10, r11, r12, r13, r14, r15;
    uint64_t rip, rflags;
    struct qemu_segment cs, ds, es, fs, gs, ss, ldt, tr, gdt, idt;
    uint64_t cr[5];
    uint64_t kernel_gs_base;
};

_Static_assert(sizeof(struct qemu_cpu) == 440, "QEMUCPUState");

static size_t padded(size_t n)
{
    return (n + 3) & ~(size_t)3;
}

/* Room for the whole is there: see room(). */
static void *append(struct xk_notes *n, const char *name, uint32_t type,
                    size_t size)
{
    Elf64_Nhdr head = { (Elf64_Word)strlen(name) + 1, (Elf64_Word)size, type };
    uint8_t *at = n->data + n->size;

    memcpy(at, &head, sizeof(head));
    memcpy(at + sizeof(head), name, head.n_namesz);
    at += sizeof(head) + padded(head.n_namesz);
    n->size += sizeof(head) + padded(head.n_namesz) + padded(size);
    return at;
}

static size_t room(const struct xk_image *img, const struct xk_vmcoreinfo *vi)
{
    return img->vcpu_count * (sizeof(struct prstatus) +
                              sizeof(struct qemu_cpu) + 64) +
           (vi ? vi->size : 0) + 128;
}

static void add_prstatus(struct xk_notes *n, const struct xk_vcpu *v,
                         uint32_t pid)
{
    const struct prstatus s = {
        .pid = pid, .r15 = v->r15, .r14 = v->r14, .r13 = v->r13,
        .r12 = v->r12, .rbp = v->rbp, .rbx = v->rbx, .r11 = v->r11,
        .r10 = v->r10, .r9 = v->r9, .r8 = v->r8, .rax = v->rax,
        .rcx = v->rcx, .rdx = v->rdx, .rsi = v->rsi, .rdi = v->rdi,
        .orig_rax = UINT64_MAX, .rip = v->rip, .cs = v->cs,
        .rflags = v->rflags, .rsp = v->rsp, .ss = v->ss,
        .fs_base = v->fs_base, .gs_base = v->gs_base, .ds = v->ds,
        .es = v->es, .fs = v->fs, .gs = v->gs,
    };

    memcpy(append(n, "CORE", NT_PRSTATUS, sizeof(s)), &s, sizeof(s));
}

static void add_qemu(struct xk_notes *n, const struct xk_vcpu *v)
{
    const struct qemu_cpu q = {
        .version = 1, .size = sizeof(q), .rax = v->rax, .rbx = v->rbx,
        .rcx = v->rcx, .rdx = v->rdx, .rsi = v->rsi, .rdi = v->rdi,
        .rsp = v->rsp, .rbp = v->rbp, .r8 = v->r8, .r9 = v->r9,
        .r10 = v->r10, .r11 = v->r11, .r12 = v->r12, .r13 = v->r13,
        .r14 = v->r14, .r15 = v->r15, .rip = v->rip, .rflags = v->rflags,
        .cs.selector = v->cs, .ss.selector = v->ss, .ds.selector = v->ds,
        .es.selector = v->es, .fs.selector = v->fs, .fs.base = v->fs_base,
        .gs.selector = v->gs, .gs.base = v->gs_base, .gdt.base = v->gdt_base,
        .idt.base = v->idt_base, .cr = { v->cr0, 0, 0, v->cr3, v->cr4 },
        .kernel_gs_base = v->gs_shadow,
    };

    memcpy(append(n, "QEMU", 0, sizeof(q)), &q, sizeof(q));
}

int xk_notes_make(struct xk_notes *n, const struct xk_image *img,
                  const struct xk_vmcoreinfo *vi)
{
    uint8_t *text;
    size_t i;

    memset(n, 0, sizeof(*n));
    n->data = calloc(1, room(img, vi));
    if (!n->data)
        return -ENOMEM;
    /* A debugger takes the id for a thread's: each has its own, above 0. */
    for (i = 0; i < img->vcpu_count; i++)
        if (img->vcpus[i].valid)
            add_prstatus(n, &img->vcpus[i], (uint32_t)i + 1);
    for (i = 0; !vi && i < img->vcpu_count; i++)
        if (img->vcpus[i].valid)
            add_qemu(n, &img->vcpus[i]);
    if (vi) {
        text = append(n, "VMCOREINFO", 0, vi->size);
        memcpy(text, vi->text, vi->size);
        n->vmcoreinfo = (size_t)(text - n->data);
        n->vmcoreinfo_size = vi->size;
    }
    text = append(n, XK_KDUMP_EXTRA_NAME, XK_KDUMP_EXTRA_TYPE,
                  sizeof(struct xk_kdump_extra));
    n->extra = (size_t)(text - n->data);
    return 0;
}

void xk_notes_dispose(struct xk_notes *n)
{
    free(n->data);
    n->data = NULL;
}

void xk_notes_each(const void *untrusted, size_t len,
                   void (*fn)(void *arg, const char *name, uint32_t type,
                              const void *desc, size_t size), void *arg)
{
    const uint8_t *at = untrusted;
    char name[NAME_MAX_BYTES];
    Elf64_Nhdr head;
    size_t name_len;

    while (len >= sizeof(head)) {
        memcpy(&head, at, sizeof(head));
        at += sizeof(head);
        len -= sizeof(head);
        name_len = padded(head.n_namesz);
        if (head.n_namesz > sizeof(name) || name_len > len ||
            head.n_descsz > len - name_len)
            return;
        memset(name, 0, sizeof(name));
        memcpy(name, at, head.n_namesz);
        name[sizeof(name) - 1] = '\0';
        fn(arg, name, head.n_type, at + name_len, head.n_descsz);
        name_len = xk_min_size(len, name_len + padded(head.n_descsz));
        at += name_len;
        len -= name_len;
    }
}

int xk_notes_vcpu(struct xk_vcpu *v, const void *desc, size_t size)
{
    struct prstatus s;

    if (size < sizeof(s))
        return -EINVAL;
    memcpy(&s, desc, sizeof(s));
    *v = (struct xk_vcpu){
        .valid = true, .rax = s.rax, .rbx = s.rbx, .rcx = s.rcx,
        .rdx = s.rdx, .rsi = s.rsi, .rdi = s.rdi, .rbp = s.rbp, .rsp = s.rsp,
        .r8 = s.r8, .r9 = s.r9, .r10 = s.r10, .r11 = s.r11, .r12 = s.r12,
        .r13 = s.r13, .r14 = s.r14, .r15 = s.r15, .rip = s.rip,
        .rflags = s.rflags, .fs_base = s.fs_base, .gs_base = s.gs_base,
        .cs = (uint16_t)s.cs, .ss = (uint16_t)s.ss, .ds = (uint16_t)s.ds,
        .es = (uint16_t)s.es, .fs = (uint16_t)s.fs, .gs = (uint16_t)s.gs,
    };
    return 0;
}
