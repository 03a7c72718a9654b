/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An image in a flat file, see image.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <xenkeep/util.h>

#include "image.h"

#define RANGES_MAX 65536
#define LINE_MAX_BYTES 2048

struct range {
    uint64_t first, end;
    uint8_t state;
};

struct image_file {
    struct xk_image img;
    int fd;
    struct range *ranges;       /* sorted, apart from each other */
    size_t range_count;
};

static struct image_file *file_of(struct xk_image *img)
{
    return XK_CONTAINER_OF(img, struct image_file, img);
}

/* The first range that ends after `pfn`; range_count if none does. */
static size_t range_after(const struct image_file *f, uint64_t pfn)
{
    size_t low = 0, high = f->range_count, mid;

    while (low < high) {
        mid = (low + high) / 2;
        if (f->ranges[mid].end > pfn)
            high = mid;
        else
            low = mid + 1;
    }
    return low;
}

static uint8_t state_of(const struct image_file *f, uint64_t pfn)
{
    size_t i = range_after(f, pfn);

    return i < f->range_count && f->ranges[i].first <= pfn
               ? f->ranges[i].state : XK_PAGE_ABSENT;
}

/* Reads bytes; what lies beyond the file's end is zero. */
static int read_bytes(int fd, void *buf, size_t len, uint64_t offset)
{
    ssize_t got;

    while (len) {
        got = pread(fd, buf, len, (off_t)offset);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -errno;
        if (!got) {
            memset(buf, 0, len);
            return 0;
        }
        buf = (uint8_t *)buf + got;
        len -= (size_t)got;
        offset += (uint64_t)got;
    }
    return 0;
}

static int file_read(struct xk_image *img, const uint64_t *pfns, size_t count,
                     void *buf, uint8_t *state)
{
    struct image_file *f = file_of(img);
    uint8_t *to = buf;
    size_t i, n;
    int rc;

    for (i = 0; i < count; i += n) {
        state[i] = state_of(f, pfns[i]);
        for (n = 1; i + n < count && pfns[i + n] == pfns[i] + n; n++) {
            state[i + n] = state_of(f, pfns[i + n]);
            if (state[i + n] != state[i])
                break;
        }
        if (state[i] != XK_PAGE_RAM) {
            memset(to + i * XK_PAGE_SIZE, 0, n * XK_PAGE_SIZE);
            continue;
        }
        rc = read_bytes(f->fd, to + i * XK_PAGE_SIZE, n * XK_PAGE_SIZE,
                        pfns[i] << XK_PAGE_SHIFT);
        if (rc)
            return rc;
    }
    return 0;
}

static bool file_next(struct xk_image *img, uint64_t from, uint64_t *first_r,
                      uint64_t *end_r)
{
    struct image_file *f = file_of(img);
    size_t i = range_after(f, from);

    if (i == f->range_count)
        return false;
    *first_r = xk_max_u64(from, f->ranges[i].first);
    *end_r = f->ranges[i].end;
    return true;
}

static void file_close(struct xk_image *img)
{
    struct image_file *f = file_of(img);

    xk_close(&f->fd);
    free(f->ranges);
    free(img->vcpus);
    free(f);
}

static int add_range(struct image_file *f, uint64_t first, uint64_t end,
                     uint8_t state)
{
    struct range *more;

    if (first >= end || end > XK_IMAGE_PFNS || f->range_count == RANGES_MAX ||
        (f->range_count && f->ranges[f->range_count - 1].end > first))
        return -EINVAL;
    if (!(f->range_count & (f->range_count + 1))) {
        more = reallocarray(f->ranges, 2 * (f->range_count + 1),
                            sizeof(*more));
        if (!more)
            return -ENOMEM;
        f->ranges = more;
    }
    f->ranges[f->range_count++] = (struct range){ first, end, state };
    f->img.max_pfn = end;
    return 0;
}

struct reg {
    const char *name;
    size_t offset, size;
};

#define REG(field) \
    { #field, offsetof(struct xk_vcpu, field), \
      sizeof(((struct xk_vcpu *)0)->field) }

static const struct reg regs[] = {
    REG(rax), REG(rbx), REG(rcx), REG(rdx), REG(rsi), REG(rdi), REG(rbp),
    REG(rsp), REG(r8), REG(r9), REG(r10), REG(r11), REG(r12), REG(r13),
    REG(r14), REG(r15), REG(rip), REG(rflags), REG(cr0), REG(cr3), REG(cr4),
    REG(efer), REG(fs_base), REG(gs_base), REG(gs_shadow), REG(idt_base),
    REG(gdt_base), REG(cs), REG(ss), REG(ds), REG(es), REG(fs), REG(gs),
};

static int read_hex(const char *s, uint64_t *v_r)
{
    unsigned long long v;
    char *end;

    if (!s || !strchr("0123456789abcdef", *s) || !*s)
        return -EINVAL;
    errno = 0;
    v = strtoull(s, &end, 16);
    if (errno || *end)
        return -EINVAL;
    *v_r = v;
    return 0;
}

static int set_reg(struct xk_vcpu *vcpu, const char *name, uint64_t value)
{
    size_t i;

    for (i = 0; i < XK_ARRAY_SIZE(regs); i++) {
        if (strcmp(regs[i].name, name))
            continue;
        /* Little endian, as everything here is. */
        memcpy((uint8_t *)vcpu + regs[i].offset, &value, regs[i].size);
        return 0;
    }
    return -EINVAL;
}

static int take_vcpu(struct image_file *f, char *words)
{
    struct xk_vcpu *more, *vcpu;
    char *word, *value, *save = NULL;
    uint64_t v;
    int rc;

    if (f->img.vcpu_count == XK_IMAGE_VCPUS)
        return -EINVAL;
    more = reallocarray(f->img.vcpus, f->img.vcpu_count + 1, sizeof(*more));
    if (!more)
        return -ENOMEM;
    f->img.vcpus = more;
    vcpu = &more[f->img.vcpu_count++];
    memset(vcpu, 0, sizeof(*vcpu));
    vcpu->valid = true;
    for (word = strtok_r(words, " \n", &save); word;
         word = strtok_r(NULL, " \n", &save)) {
        value = strchr(word, '=');
        if (!value)
            return -EINVAL;
        *value++ = '\0';
        rc = read_hex(value, &v);
        if (!rc)
            rc = set_reg(vcpu, word, v);
        if (rc)
            return rc;
    }
    return 0;
}

static int take_type(struct image_file *f, char *words)
{
    static const char *const types[] = {
        [XK_GUEST_PV] = "pv\n", [XK_GUEST_PVH] = "pvh\n",
        [XK_GUEST_HVM] = "hvm\n",
    };
    size_t i;

    for (i = 0; i < XK_ARRAY_SIZE(types); i++) {
        if (!strcmp(words, types[i])) {
            f->img.type = (enum xk_guest_type)i;
            return 0;
        }
    }
    return -EINVAL;
}

static int take_range(struct image_file *f, char *words, uint8_t state)
{
    char *save = NULL, *first, *end;
    uint64_t a, b;

    first = strtok_r(words, " \n", &save);
    end = strtok_r(NULL, " \n", &save);
    if (read_hex(first, &a) || read_hex(end, &b) ||
        strtok_r(NULL, " \n", &save))
        return -EINVAL;
    return add_range(f, a, b, state);
}

static int take_line(struct image_file *f, char *line)
{
    if (!strncmp(line, "type ", 5))
        return take_type(f, line + 5);
    if (!strncmp(line, "ram ", 4))
        return take_range(f, line + 4, XK_PAGE_RAM);
    if (!strncmp(line, "pod ", 4))
        return take_range(f, line + 4, XK_PAGE_ZERO);
    if (!strncmp(line, "vcpu ", 5))
        return take_vcpu(f, line + 5);
    return -EINVAL;
}

/* 1: there is no description. */
static int read_about(struct image_file *f, const char *path, char *why,
                      size_t why_size)
{
    char line[LINE_MAX_BYTES];
    int number = 0, rc = 0;
    char *name;
    FILE *in;

    if (asprintf(&name, "%s.about", path) < 0)
        return -ENOMEM;
    in = fopen(name, "re");
    if (!in) {
        rc = errno == ENOENT ? 1 : -errno;
        goto out;
    }
    while (!rc && fgets(line, sizeof(line), in)) {
        number++;
        rc = take_line(f, line);
    }
    if (rc)
        snprintf(why, why_size, "line %d is not understood", number);
    fclose(in);
out:
    free(name);
    return rc;
}

int xk_image_open_file(struct xk_image **img_r, const char *path, char *why,
                       size_t why_size)
{
    struct image_file *f;
    struct stat st;
    int rc;

    f = calloc(1, sizeof(*f));
    if (!f)
        return -ENOMEM;
    f->img = (struct xk_image){ .type = XK_GUEST_PVH, .read = file_read,
                                .next = file_next, .close = file_close };
    f->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (f->fd < 0 || fstat(f->fd, &st)) {
        rc = -errno;
        snprintf(why, why_size, "%s", strerror(-rc));
        goto fail;
    }
    rc = read_about(f, path, why, why_size);
    if (rc == 1) {
        rc = add_range(f, 0, ((uint64_t)st.st_size + XK_PAGE_SIZE - 1) >>
                             XK_PAGE_SHIFT, XK_PAGE_RAM);
        if (rc)
            snprintf(why, why_size, "the file is empty or too large");
    }
    if (rc)
        goto fail;
    *img_r = &f->img;
    return 0;
fail:
    file_close(&f->img);
    return rc;
}
