// SPDX-License-Identifier: GPL-2.0-only
/*
 * A sealed dump in its other forms: at any place, recompressed, as ELF, and
 * as the files that are mounted.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <xenkeep/util.h>

#include "corpse.h"
#include "dump.h"
#include "kdump.h"
#include "lens.h"
#include "recode.h"
#include "seal.h"
#include "tree.h"
#include "unit.h"

#define STORED XK_DUMP_STORE_DEFAULT
/* Not the whole, and not what the kernel is found by. */
#define TRIAGE (XK_CLASS_BIT(XK_CLASS_INDEX) | XK_CLASS_BIT(XK_CLASS_ZERO) | \
                XK_CLASS_BIT(XK_CLASS_TEXT) | XK_CLASS_BIT(XK_CLASS_TABLE))

static struct corpse corpse;
static struct xk_unseal *u;
static int sealed = -1;
static char why[XK_UNSEAL_WHY], folder[] = "/tmp/xk-lens-XXXXXX";

static int to_stream(void *ctx, const void *data, size_t len)
{
    return write(*(int *)ctx, data, len) == (ssize_t)len ? 0 : -EIO;
}

/* Of a dump without certificates, what is plain is what a key would open. */
static void make_sealed(uint32_t plain)
{
    const struct xk_dump_options options = {
        .workers = 2, .store = plain, .compression = XK_COMPRESS_ZSTD,
    };
    struct xk_seal_plan plan = { .time = 1700000000, .classes = plain,
                                 .plain = plain };
    struct xk_sink sink = { .extent = xk_seal_extent };
    struct xk_classifier classifier;
    struct xk_dump_stats stats;
    struct xk_kernel kernel;
    struct xk_signer *host;
    struct xk_seal *seal;

    sealed = memfd_create("sealed", MFD_CLOEXEC);
    ck_assert_int_eq(xk_signer_new(&host), 0);
    plan.signer = host;
    ck_assert_int_eq(xk_kernel_find(&kernel, &corpse.img, UINT64_MAX), 0);
    ck_assert_int_eq(xk_classifier_init(&classifier, &kernel), 0);
    ck_assert_int_eq(xk_seal_new(&seal, &plan, to_stream, &sealed), 0);
    sink.ctx = seal;
    ck_assert_int_eq(xk_dump_write(&corpse.img, &kernel, &classifier,
                                   &options, &sink, &stats), 0);
    ck_assert_int_eq(xk_seal_end(seal), 0);
    xk_seal_free(seal);
    xk_classifier_dispose(&classifier);
    xk_signer_free(host);
}

static void open_sealed(uint32_t plain)
{
    const struct xk_unseal_key key = { .key = NULL };

    make_sealed(plain);
    ck_assert_msg(!xk_unseal_open(&u, sealed, &key, why), "%s", why);
}

static void setup(void)
{
    corpse_make(&corpse);
    corpse_log(&corpse);
    memset(corpse_page(&corpse, CORPSE_PAGES - 1), 0, XK_PAGE_SIZE);
    u = NULL;
}

static void teardown(void)
{
    xk_unseal_close(u);
    xk_close(&sealed);
    corpse_dispose(&corpse);
}

/* Two readers agree, at places and in lengths of all kinds. */
static void compare(int fd, uint64_t size,
                    int (*read)(void *ctx, uint64_t offset, void *buf,
                                size_t len), void *ctx)
{
    static uint8_t want[70000], got[70000];
    uint64_t at = 0;
    uint32_t x = 7;
    size_t len;

    for (at = 0; at < size; at += x % 9001) {
        x = x * 1103515245u + 12345u;
        len = (size_t)xk_min_u64(x >> 8 & 0xffff, size - at);
        ck_assert_int_eq(pread(fd, want, len, (off_t)at), len);
        memset(got, 0xaa, len);
        ck_assert_int_eq(read(ctx, at, got, len), 0);
        ck_assert_msg(!memcmp(want, got, len), "at %llu, %zu bytes",
                      (unsigned long long)at, len);
    }
    ck_assert_int_eq(read(ctx, size, got, 1), -EIO);
    ck_assert_int_eq(read(ctx, UINT64_MAX, got, 2), -EIO);
}

static int read_view(void *ctx, uint64_t offset, void *buf, size_t len)
{
    return xk_view_read(ctx, offset, buf, len);
}

static int read_elf(void *ctx, uint64_t offset, void *buf, size_t len)
{
    return xk_elf_read(ctx, offset, buf, len);
}

static int to_fd(void *ctx, enum xk_class cls, uint64_t offset,
                 const void *data, size_t len)
{
    (void)cls;
    return pwrite(*(int *)ctx, data, len, (off_t)offset) == (ssize_t)len
               ? 0 : -EIO;
}

/* What is read at any place is what is written as a whole. */
START_TEST(test_any_place)
{
    xk_cleanup_fd int whole = memfd_create("whole", MFD_CLOEXEC);
    xk_cleanup_fd int elf = memfd_create("elf", MFD_CLOEXEC);
    const struct xk_sink sink = { to_fd, &elf };
    struct xk_view_stats stats;
    struct xk_lens lens;

    open_sealed(STORED);
    ck_assert_int_eq(xk_view_make(u, whole, NULL, NULL, &stats, why), 0);
    ck_assert_int_eq(xk_lens_open(&lens, u, NULL, NULL, why), 0);
    ck_assert_uint_eq(xk_view_stats(lens.view)->size, stats.size);
    ck_assert_uint_eq(stats.hidden, 0);
    compare(whole, stats.size, read_view, lens.view);
    ck_assert_msg(!xk_lens_elf(&lens, why), "%s", why);
    ck_assert(lens.whole);
    ck_assert_int_eq(xk_elf_write(lens.img, lens.kernel, &sink), 0);
    ck_assert_uint_eq(lseek(elf, 0, SEEK_END), xk_elf_size(lens.elf));
    compare(elf, xk_elf_size(lens.elf), read_elf, lens.elf);
    xk_lens_close(&lens);
}
END_TEST

/* What the image has of a page: it as it was, or nothing. */
static uint64_t count_pages(struct xk_image *img)
{
    static _Alignas(4096) uint8_t page[XK_PAGE_SIZE];
    uint64_t pfn, count = 0;
    uint8_t state;

    for (pfn = 0; pfn < CORPSE_PAGES; pfn++) {
        ck_assert_int_eq(img->read(img, &pfn, 1, page, &state), 0);
        if (state == XK_PAGE_ABSENT)
            continue;
        ck_assert(!memcmp(page, corpse_page(&corpse, pfn), XK_PAGE_SIZE));
        count++;
    }
    return count;
}

static int from_fd(void *ctx, uint64_t offset, void *buf, size_t len)
{
    return pread(*(int *)ctx, buf, len, (off_t)offset) == (ssize_t)len
               ? 0 : -EIO;
}

static void check_recoded(enum xk_compression kind, uint64_t pages)
{
    int fd = memfd_create("recoded", MFD_CLOEXEC);
    const struct xk_source out = { from_fd, &fd };
    struct xk_kdump_header head;
    struct xk_source source;
    struct xk_image *img;
    struct xk_lens lens;

    ck_assert_int_eq(xk_lens_open(&lens, u, NULL, NULL, why), 0);
    source = xk_lens_source(&lens);
    ck_assert_int_eq(xk_recode(&source, xk_view_stats(lens.view)->size, kind,
                               fd, NULL, NULL), 0);
    xk_lens_close(&lens);
    ck_assert_int_eq(pread(fd, &head, sizeof(head), 0), sizeof(head));
    ck_assert_uint_eq(head.status, kind);
    ck_assert_int_eq(ftruncate(fd, 64 << 20), 0);   /* reads of blocks */
    ck_assert_int_eq(xk_image_open_kdump(&img, &out), 0);
    ck_assert_uint_eq(img->vcpu_count, 1);
    ck_assert_uint_eq(count_pages(img), pages);
    xk_image_close(img);
    close(fd);
}

START_TEST(test_recode)
{
    static const enum xk_compression kinds[] = {
        XK_COMPRESS_ZLIB, XK_COMPRESS_LZO, XK_COMPRESS_ZSTD,
        XK_COMPRESS_NONE,
    };

    open_sealed(STORED);
    check_recoded(kinds[_i], CORPSE_PAGES - 512);
}
END_TEST

/* Heads in which any byte is another: refused, or gone through. */
START_TEST(test_recode_hostile)
{
    int whole = memfd_create("whole", MFD_CLOEXEC), out;
    const struct xk_source source = { from_fd, &whole };
    struct xk_view_stats stats;
    struct stat st;
    uint8_t byte;
    off_t at;

    open_sealed(STORED);
    ck_assert_int_eq(xk_view_make(u, whole, NULL, NULL, &stats, why), 0);
    for (at = 0; at < 3 * 4096; at += at < 600 ? 13 : 411) {
        ck_assert_int_eq(pread(whole, &byte, 1, at), 1);
        byte ^= 0xff;
        ck_assert_int_eq(pwrite(whole, &byte, 1, at), 1);
        out = memfd_create("out", MFD_CLOEXEC);
        (void)xk_recode(&source, stats.size, XK_COMPRESS_LZO, out, NULL,
                        NULL);
        ck_assert(!fstat(out, &st) && st.st_size < 64 << 20);
        close(out);
        byte ^= 0xff;
        ck_assert_int_eq(pwrite(whole, &byte, 1, at), 1);
    }
    close(whole);
}
END_TEST

/* Some classes only: pieces are what is there, addresses physical ones. */
START_TEST(test_part)
{
    uint64_t first, end, pfn, from = 0, count = 0;
    Elf64_Ehdr head;
    Elf64_Phdr phdr;
    struct xk_lens lens;
    size_t i;

    open_sealed(TRIAGE);
    ck_assert_int_eq(xk_lens_open(&lens, u, NULL, NULL, why), 0);
    ck_assert_int_eq(xk_lens_elf(&lens, why), 0);
    ck_assert(lens.kernel && !lens.whole);
    while (xk_image_next(lens.img, from, &first, &end)) {
        ck_assert(first < end && first >= from);
        count += end - first;
        from = end;
    }
    ck_assert_uint_eq(count, count_pages(lens.img));
    ck_assert_int_eq(xk_elf_read(lens.elf, 0, &head, sizeof(head)), 0);
    for (i = 1; i < head.e_phnum; i++) {
        ck_assert_int_eq(xk_elf_read(lens.elf, head.e_phoff +
                                               i * sizeof(phdr), &phdr,
                                     sizeof(phdr)), 0);
        pfn = phdr.p_paddr >> XK_PAGE_SHIFT;
        count -= phdr.p_vaddr < 1ull << 63 ? phdr.p_filesz >> 12 : 0;
        ck_assert(xk_image_next(lens.img, pfn, &first, &end));
        ck_assert_uint_eq(first, pfn);
    }
    ck_assert_uint_eq(count, 0);
    xk_lens_close(&lens);
}
END_TEST

static void put_text(const char *name, const char *text)
{
    char path[64];
    FILE *f;

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    f = fopen(path, "w");
    ck_assert(f && fputs(text, f) >= 0 && !fclose(f));
}

static void make_folder(void)
{
    char path[64];

    ck_assert_ptr_nonnull(mkdtemp(folder));
    put_text("report.txt", "it died\n");
    put_text("report.json", "");
    snprintf(path, sizeof(path), "%s/report.html", folder);
    ck_assert_int_eq(symlink("/etc/passwd", path), 0);
    snprintf(path, sizeof(path), "%s/record.json", folder);
    ck_assert_int_eq(mkfifo(path, 0600), 0);
}

static void remove_folder(void)
{
    char command[64];

    snprintf(command, sizeof(command), "rm -r %s", folder);
    ck_assert_int_eq(system(command), 0);
    strcpy(folder, "/tmp/xk-lens-XXXXXX");
}

static void check_text(struct xk_tree *tree, const char *name,
                       const char *begin)
{
    char buf[256] = "";
    size_t file;

    ck_assert_int_eq(xk_tree_find(tree, name, &file), 0);
    ck_assert_int_gt(xk_tree_read(tree, file, 0, buf, sizeof(buf) - 1), 0);
    ck_assert_msg(!strncmp(buf, begin, strlen(begin)), "%s", buf);
    ck_assert_int_eq(xk_tree_read(tree, file, 1, buf, 3), 3);
    ck_assert(!strncmp(buf, begin + 1, 3));
    ck_assert_int_eq(xk_tree_read(tree, file, xk_tree_size(tree, file) - 1,
                                  buf, 100), 1);
    ck_assert_int_eq(xk_tree_read(tree, file, xk_tree_size(tree, file), buf,
                                  100), 0);
    ck_assert_int_eq(xk_tree_read(tree, file, UINT64_MAX, buf, 100), 0);
}

/* The folder that is mounted, by its operations. */
START_TEST(test_tree)
{
    struct xk_tree *tree;
    size_t i, file;
    char buf[8];

    make_folder();
    open_sealed(STORED);
    ck_assert_msg(!xk_tree_open(&tree, u, folder, NULL, NULL, why), "%s",
                  why);
    check_text(tree, "report.txt", "it died\n");
    check_text(tree, "log.txt", "[    ");
    check_text(tree, "dump.kdump", "KDUMP   ");
    check_text(tree, "dump.elf", ELFMAG);
    ck_assert_int_eq(xk_tree_find(tree, "report.html", &file), -ENOENT);
    ck_assert_int_eq(xk_tree_find(tree, "record.json", &file), -ENOENT);
    ck_assert_int_eq(xk_tree_find(tree, "", &file), -ENOENT);
    ck_assert_int_eq(xk_tree_find(tree, "report.json", &file), 0);
    ck_assert_int_eq(xk_tree_read(tree, file, 0, buf, sizeof(buf)), 0);
    ck_assert_uint_eq(xk_tree_count(tree), 5);
    for (i = 0; i < xk_tree_count(tree); i++) {
        ck_assert_int_eq(xk_tree_find(tree, xk_tree_name(tree, i), &file), 0);
        ck_assert_uint_eq(file, i);
    }
    ck_assert_uint_eq(xk_tree_seconds(tree), 1700000000);
    xk_tree_close(tree);
    remove_folder();
}
END_TEST

START_TEST(test_tree_of_a_part)
{
    struct xk_tree *tree;
    size_t file;

    open_sealed(TRIAGE);
    ck_assert_int_eq(xk_tree_open(&tree, u, "/nowhere", NULL, NULL, why), 0);
    ck_assert_uint_eq(xk_tree_count(tree), 2);
    ck_assert_int_eq(xk_tree_find(tree, "log.txt", &file), -ENOENT);
    xk_tree_close(tree);
}
END_TEST

/* Damage after the open is an error of the read, not other bytes. */
START_TEST(test_damage)
{
    struct xk_lens lens;
    uint8_t buf[4096];
    uint64_t at, size;
    int bad = 0;
    off_t end;

    open_sealed(STORED);
    ck_assert_int_eq(xk_lens_open(&lens, u, NULL, NULL, why), 0);
    size = xk_view_stats(lens.view)->size;
    end = lseek(sealed, 0, SEEK_END);
    ck_assert_int_eq(ftruncate(sealed, end / 2), 0);
    for (at = 0; at + sizeof(buf) <= size; at += sizeof(buf))
        bad += !!xk_view_read(lens.view, at, buf, sizeof(buf));
    ck_assert_int_gt(bad, 0);
    xk_lens_close(&lens);
}
END_TEST

TCase *tcase_lens(void)
{
    TCase *tc = tcase_create("lens");

    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, test_any_place);
    tcase_add_loop_test(tc, test_recode, 0, 4);
    tcase_add_test(tc, test_recode_hostile);
    tcase_add_test(tc, test_part);
    tcase_add_test(tc, test_tree);
    tcase_add_test(tc, test_tree_of_a_part);
    tcase_add_test(tc, test_damage);
    return tc;
}
