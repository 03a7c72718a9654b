/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Writing an ELF core, see core_elf.h.
 */
#include "core_elf.h"

#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <xenkeep/util.h>
#include <xenkeep/zero.h>

#include "notes.h"

#define PIECES_MAX 65000u
#define BATCH 256u

struct core {
    struct xk_image *img;
    const struct xk_kernel *kernel;
    const struct xk_sink *sink;
    struct xk_notes notes;
    Elf64_Phdr *segment;
    size_t count;
    uint64_t end;               /* of the file so far */
};

static int add(struct core *c, const Elf64_Phdr *segment)
{
    Elf64_Phdr *more;

    if (c->count == PIECES_MAX)
        return -E2BIG;
    if (!(c->count & (c->count + 1))) {
        more = reallocarray(c->segment, 2 * (c->count + 1), sizeof(*more));
        if (!more)
            return -ENOMEM;
        c->segment = more;
    }
    c->segment[c->count++] = *segment;
    return 0;
}

static int add_memory(struct core *c, uint64_t first, uint64_t end)
{
    Elf64_Phdr *last = c->count > 1 ? &c->segment[c->count - 1] : NULL;
    uint64_t size = (end - first) << XK_PAGE_SHIFT;
    const Elf64_Phdr segment = {
        .p_type = PT_LOAD, .p_flags = PF_R | PF_W | PF_X,
        .p_vaddr = (c->kernel ? c->kernel->page_offset : 0) +
                   (first << XK_PAGE_SHIFT),
        .p_paddr = first << XK_PAGE_SHIFT, .p_filesz = size,
        .p_memsz = size, .p_align = XK_PAGE_SIZE,
    };

    /* Pieces that touch are one. */
    if (last && last->p_paddr + last->p_memsz == segment.p_paddr) {
        last->p_filesz += size;
        last->p_memsz += size;
        return 0;
    }
    return add(c, &segment);
}

/* The kernel's image, over the piece that has it. */
static int add_image(struct core *c)
{
    uint64_t text, phys, size;
    Elf64_Phdr image;
    size_t i;

    if (!c->kernel || xk_vmcoreinfo_symbol(&c->kernel->vi, "_stext", &text))
        return 0;
    phys = text - XK_KERNEL_MAP + c->kernel->phys_base;
    for (i = 1; i < c->count; i++) {
        if (phys < c->segment[i].p_paddr ||
            phys - c->segment[i].p_paddr >= c->segment[i].p_memsz)
            continue;
        image = c->segment[i];
        size = xk_min_u64(image.p_memsz - (phys - image.p_paddr),
                          XK_KERNEL_MAP + XK_KERNEL_MAP_SIZE - text);
        image.p_offset = phys - image.p_paddr;  /* place() does the rest */
        image.p_vaddr = text;
        image.p_paddr = phys;
        image.p_filesz = image.p_memsz = size;
        image.p_align = i;
        return add(c, &image);
    }
    return 0;
}

/* Gives every segment its place in the file. */
static void place(struct core *c, bool image)
{
    size_t i, n = c->count - image;

    c->segment[0] = (Elf64_Phdr){
        .p_type = PT_NOTE,
        .p_offset = sizeof(Elf64_Ehdr) + c->count * sizeof(Elf64_Phdr),
        .p_filesz = c->notes.size, .p_memsz = c->notes.size,
    };
    c->end = c->segment[0].p_offset + c->notes.size;
    c->end = (c->end + XK_PAGE_SIZE - 1) & ~(uint64_t)(XK_PAGE_SIZE - 1);
    for (i = 1; i < n; i++) {
        c->segment[i].p_offset = c->end;
        c->end += c->segment[i].p_filesz;
    }
    if (image) {
        c->segment[n].p_offset += c->segment[c->segment[n].p_align].p_offset;
        c->segment[n].p_align = XK_PAGE_SIZE;
    }
}

static int put(struct core *c, enum xk_class cls, uint64_t offset,
               const void *data, size_t len)
{
    return len ? c->sink->extent(c->sink->ctx, cls, offset, data, len) : 0;
}

static int put_heads(struct core *c)
{
    Elf64_Ehdr head = {
        .e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64,
                     ELFDATA2LSB, EV_CURRENT },
        .e_type = ET_CORE, .e_machine = EM_X86_64, .e_version = EV_CURRENT,
        .e_phoff = sizeof(head), .e_ehsize = sizeof(head),
        .e_phentsize = sizeof(Elf64_Phdr), .e_phnum = (Elf64_Half)c->count,
    };
    int rc;

    rc = put(c, XK_CLASS_INDEX, 0, &head, sizeof(head));
    if (!rc)
        rc = put(c, XK_CLASS_INDEX, sizeof(head), c->segment,
                 c->count * sizeof(*c->segment));
    if (!rc)
        rc = put(c, XK_CLASS_INDEX, c->segment[0].p_offset, c->notes.data,
                 c->notes.size);
    return rc;
}

/* One read's pages, without those that are holes. */
static int put_pages(struct core *c, const uint8_t *pages, size_t count,
                     uint64_t offset)
{
    size_t i, n;
    int rc = 0;

    for (i = 0; !rc && i < count; i += n + 1) {
        for (n = 0; i + n < count &&
                    !xk_zero(pages + (i + n) * XK_PAGE_SIZE, XK_PAGE_SIZE);
             n++)
            ;
        rc = put(c, XK_CLASS_UNKNOWN, offset + i * XK_PAGE_SIZE,
                 pages + i * XK_PAGE_SIZE, n * XK_PAGE_SIZE);
    }
    return rc;
}

static int put_memory(struct core *c, const Elf64_Phdr *s, uint8_t *pages)
{
    uint64_t first = s->p_paddr >> XK_PAGE_SHIFT, pfns[BATCH], at;
    uint64_t end = first + (s->p_filesz >> XK_PAGE_SHIFT);
    uint8_t state[BATCH];
    size_t i, n;
    int rc = 0;

    for (at = first; !rc && at < end; at += n) {
        n = (size_t)xk_min_u64(BATCH, end - at);
        for (i = 0; i < n; i++)
            pfns[i] = at + i;
        rc = c->img->read(c->img, pfns, n, pages, state);
        if (!rc)
            rc = put_pages(c, pages, n,
                           s->p_offset + ((at - first) << XK_PAGE_SHIFT));
    }
    return rc;
}

static int find_pieces(struct core *c)
{
    const Elf64_Phdr note = { 0 };
    uint64_t first, end, from = 0;
    int rc;

    rc = add(c, &note);
    while (!rc && xk_image_next(c->img, from, &first, &end)) {
        rc = add_memory(c, first, end);
        from = end;
    }
    return rc;
}

static int write_core(struct core *c)
{
    uint8_t *pages;
    size_t pieces, i;
    int rc;

    rc = find_pieces(c);
    pieces = c->count;
    if (!rc)
        rc = add_image(c);
    if (rc)
        return rc;
    place(c, c->count > pieces);
    pages = aligned_alloc(XK_PAGE_SIZE, BATCH * XK_PAGE_SIZE);
    if (!pages)
        return -ENOMEM;
    rc = put_heads(c);
    for (i = 1; !rc && i < pieces; i++)
        rc = put_memory(c, &c->segment[i], pages);
    free(pages);
    return rc;
}

int xk_elf_write(struct xk_image *img, const struct xk_kernel *kernel,
                 const struct xk_sink *sink)
{
    struct core c = { .img = img, .kernel = kernel, .sink = sink };
    int rc;

    rc = xk_notes_make(&c.notes, img, kernel ? &kernel->vi : NULL);
    if (!rc)
        rc = write_core(&c);
    free(c.segment);
    xk_notes_dispose(&c.notes);
    return rc;
}
