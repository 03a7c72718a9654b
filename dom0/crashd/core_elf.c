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

/* Debuggers look through all of them for an address. */
#define PIECES_MAX 4096u
#define BATCH 256u

struct xk_elf {
    struct xk_image *img;
    const struct xk_kernel *kernel;
    struct xk_notes notes;
    Elf64_Phdr *segment;        /* the notes, memory, the kernel's image */
    size_t count, pieces;       /* pieces: without the kernel's image */
    uint64_t gap;               /* bytes that pieces are joined over */
    uint8_t *head;
    size_t head_size;
    uint64_t end;               /* of the file */
    uint8_t *pages;             /* BATCH of them, for reading */
};

static int add(struct xk_elf *c, const Elf64_Phdr *segment)
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

static int add_memory(struct xk_elf *c, uint64_t first, uint64_t end)
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

    if (last && segment.p_paddr - last->p_paddr - last->p_memsz <= c->gap) {
        last->p_memsz = segment.p_paddr + size - last->p_paddr;
        last->p_filesz = last->p_memsz;
        return 0;
    }
    return add(c, &segment);
}

/* The kernel's image, over the piece that has it. */
static int add_image(struct xk_elf *c)
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
static void place(struct xk_elf *c, bool image)
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

/* ELF header, segments and notes, in one piece. */
static int make_head(struct xk_elf *c)
{
    const Elf64_Ehdr head = {
        .e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64,
                     ELFDATA2LSB, EV_CURRENT },
        .e_type = ET_CORE, .e_machine = EM_X86_64, .e_version = EV_CURRENT,
        .e_phoff = sizeof(head), .e_ehsize = sizeof(head),
        .e_phentsize = sizeof(Elf64_Phdr), .e_phnum = (Elf64_Half)c->count,
    };

    c->head_size = c->segment[0].p_offset + c->notes.size;
    c->head = malloc(c->head_size);
    if (!c->head)
        return -ENOMEM;
    memcpy(c->head, &head, sizeof(head));
    memcpy(c->head + sizeof(head), c->segment,
           c->count * sizeof(*c->segment));
    memcpy(c->head + c->segment[0].p_offset, c->notes.data, c->notes.size);
    return 0;
}

static int find_pieces(struct xk_elf *c)
{
    const Elf64_Phdr note = { 0 };
    uint64_t first, end, from = 0;
    int rc;

    c->count = 0;
    rc = add(c, &note);
    while (!rc && xk_image_next(c->img, from, &first, &end)) {
        rc = add_memory(c, first, end);
        from = end;
    }
    /* One is left for the kernel's image. */
    return rc || c->count < PIECES_MAX ? rc : -E2BIG;
}

static int lay_out(struct xk_elf *c)
{
    int rc;

    rc = xk_notes_make(&c->notes, c->img, c->kernel ? &c->kernel->vi : NULL);
    if (rc)
        return rc;
    while ((rc = find_pieces(c)) == -E2BIG)
        c->gap = c->gap ? 2 * c->gap : 4 * XK_PAGE_SIZE;
    c->pieces = c->count;
    if (!rc)
        rc = add_image(c);
    if (rc)
        return rc;
    place(c, c->count > c->pieces);
    c->pages = aligned_alloc(XK_PAGE_SIZE, BATCH * XK_PAGE_SIZE);
    return c->pages ? make_head(c) : -ENOMEM;
}

int xk_elf_open(struct xk_elf **elf_r, struct xk_image *img,
                const struct xk_kernel *kernel)
{
    struct xk_elf *c = calloc(1, sizeof(*c));
    int rc;

    if (!c)
        return -ENOMEM;
    c->img = img;
    c->kernel = kernel;
    rc = lay_out(c);
    if (rc)
        xk_elf_close(c);
    else
        *elf_r = c;
    return rc;
}

void xk_elf_close(struct xk_elf *c)
{
    if (!c)
        return;
    xk_notes_dispose(&c->notes);
    free(c->segment);
    free(c->head);
    free(c->pages);
    free(c);
}

uint64_t xk_elf_size(const struct xk_elf *c)
{
    return c->end;
}

/* ---- reading ------------------------------------------------------------ */

/* Up to BATCH pages, absent ones as zeroes. */
static int get_pages(struct xk_elf *c, uint64_t first, size_t count)
{
    uint64_t pfns[BATCH];
    uint8_t state[BATCH];
    size_t i;

    for (i = 0; i < count; i++)
        pfns[i] = first + i;
    return c->img->read(c->img, pfns, count, c->pages, state);
}

/* The piece that has the byte at `offset`, or the next one; never none. */
static const Elf64_Phdr *piece_at(const struct xk_elf *c, uint64_t offset)
{
    size_t low = 1, high = c->pieces - 1, mid;

    while (low < high) {
        mid = (low + high) / 2;
        if (c->segment[mid].p_offset + c->segment[mid].p_filesz > offset)
            high = mid;
        else
            low = mid + 1;
    }
    return &c->segment[low];
}

/* Bytes of one piece, as many as one read has; how many. */
static int read_memory(struct xk_elf *c, uint64_t offset, void *buf,
                       size_t *len)
{
    const Elf64_Phdr *s = piece_at(c, offset);
    uint64_t at = offset - s->p_offset, skip = at % XK_PAGE_SIZE;
    size_t pages;
    int rc;

    *len = (size_t)xk_min_u64(*len, s->p_filesz - at);
    *len = (size_t)xk_min_u64(*len, BATCH * XK_PAGE_SIZE - skip);
    pages = (skip + *len + XK_PAGE_SIZE - 1) >> XK_PAGE_SHIFT;
    rc = get_pages(c, (s->p_paddr + at) >> XK_PAGE_SHIFT, pages);
    if (!rc)
        memcpy(buf, c->pages + skip, *len);
    return rc;
}

int xk_elf_read(struct xk_elf *c, uint64_t offset, void *buf, size_t len)
{
    uint64_t data = c->pieces > 1 ? c->segment[1].p_offset : c->end;
    size_t n;
    int rc;

    if (offset > c->end || len > c->end - offset)
        return -EIO;
    for (; len; len -= n, offset += n, buf = (uint8_t *)buf + n) {
        n = len;
        if (offset >= data) {
            rc = read_memory(c, offset, buf, &n);
            if (rc)
                return rc;
        } else if (offset < c->head_size) {
            n = xk_min_size(n, c->head_size - offset);
            memcpy(buf, c->head + offset, n);
        } else {
            n = (size_t)xk_min_u64(n, data - offset);
            memset(buf, 0, n);
        }
    }
    return 0;
}

/* ---- writing ------------------------------------------------------------ */

static int put(const struct xk_sink *sink, enum xk_class cls, uint64_t offset,
               const void *data, size_t len)
{
    return len ? sink->extent(sink->ctx, cls, offset, data, len) : 0;
}

/* One read's pages, without those that are holes. */
static int put_pages(const struct xk_sink *sink, const uint8_t *pages,
                     size_t count, uint64_t offset)
{
    size_t i, n;
    int rc = 0;

    for (i = 0; !rc && i < count; i += n + 1) {
        for (n = 0; i + n < count &&
                    !xk_zero(pages + (i + n) * XK_PAGE_SIZE, XK_PAGE_SIZE);
             n++)
            ;
        rc = put(sink, XK_CLASS_UNKNOWN, offset + i * XK_PAGE_SIZE,
                 pages + i * XK_PAGE_SIZE, n * XK_PAGE_SIZE);
    }
    return rc;
}

static int put_memory(struct xk_elf *c, const Elf64_Phdr *s,
                      const struct xk_sink *sink)
{
    uint64_t first = s->p_paddr >> XK_PAGE_SHIFT, at;
    uint64_t end = first + (s->p_filesz >> XK_PAGE_SHIFT);
    size_t n;
    int rc = 0;

    for (at = first; !rc && at < end; at += n) {
        n = (size_t)xk_min_u64(BATCH, end - at);
        rc = get_pages(c, at, n);
        if (!rc)
            rc = put_pages(sink, c->pages, n,
                           s->p_offset + ((at - first) << XK_PAGE_SHIFT));
    }
    return rc;
}

/* A hole at the very end would make the file too short. */
static int put_end(struct xk_elf *c, const struct xk_sink *sink)
{
    static const uint8_t zero;
    int rc;

    if (c->pieces < 2)
        return 0;
    rc = get_pages(c, ((c->segment[c->pieces - 1].p_paddr +
                        c->segment[c->pieces - 1].p_filesz) >>
                       XK_PAGE_SHIFT) - 1, 1);
    if (rc || !xk_zero(c->pages, XK_PAGE_SIZE))
        return rc;
    return put(sink, XK_CLASS_UNKNOWN, c->end - 1, &zero, 1);
}

int xk_elf_write(struct xk_image *img, const struct xk_kernel *kernel,
                 const struct xk_sink *sink)
{
    struct xk_elf *c;
    size_t i;
    int rc;

    rc = xk_elf_open(&c, img, kernel);
    if (rc)
        return rc;
    rc = put(sink, XK_CLASS_INDEX, 0, c->head, c->head_size);
    for (i = 1; !rc && i < c->pieces; i++)
        rc = put_memory(c, &c->segment[i], sink);
    if (!rc)
        rc = put_end(c, sink);
    xk_elf_close(c);
    return rc;
}
