/* SPDX-License-Identifier: GPL-2.0-only */
/* truncate, ftruncate: lengths, contents, who may. */
#include "groups.h"

static bool holds(const char *path, size_t pattern, size_t size)
{
    static char buf[70000];
    int fd = open(path, O_RDONLY);
    ssize_t n = read(fd, buf, sizeof(buf));
    size_t i;

    px_close(fd);
    if (n != (ssize_t)size)
        return false;
    for (i = 0; i < size; i++)
        if (buf[i] != (i < pattern ? (char)i : 0))
            return false;
    return true;
}

static void lengths(void)
{
    static const size_t from[] = { 0, 1, 4096, 5000, 66000 };
    static const size_t to[] = { 0, 1, 100, 4095, 4096, 4097, 8192, 69999 };
    int fd;

    for (size_t f = 0; f < PX_COUNT(from); f++)
        for (size_t t = 0; t < PX_COUNT(to); t++) {
            size_t kept = from[f] < to[t] ? from[f] : to[t];

            px_case("%zu-to-%zu", from[f], to[t]);
            px_fill("t", from[f]);
            px_done("truncate", truncate("t", (off_t)to[t]));
            px_eq("size", px_stat("t").st_size, (long long)to[t]);
            px_true("data", holds("t", kept, to[t]));
            px_fill("t", from[f]);
            fd = open("t", O_RDWR);
            px_done("ftruncate", ftruncate(fd, (off_t)to[t]));
            px_close(fd);
            px_true("fdata", holds("t", kept, to[t]));
        }
}

/* What was cut does not come back. */
static void shrink_grow(void)
{
    static const size_t cuts[] = { 1, 100, 4095, 4096, 5000 };

    for (size_t i = 0; i < PX_COUNT(cuts); i++) {
        px_case("cut-%zu-and-grow", cuts[i]);
        px_fill("t", 8192);
        px_done("cut", truncate("t", (off_t)cuts[i]));
        px_done("grow", truncate("t", 12288));
        px_true("data", holds("t", cuts[i], 12288));
    }
}

static void errors(void)
{
    int fd;

    px_case("errors");
    px_make(PX_FILE, "t");
    px_make(PX_DIR, "d");
    px_make(PX_FIFO, "p");
    px_rc("negative", truncate("t", -1), EINVAL);
    px_rc("directory", truncate("d", 0), EISDIR);
    px_rc("fifo", truncate("p", 0), EINVAL);
    px_rc("huge", truncate("t", INT64_MAX), EFBIG);
    fd = open("t", O_RDONLY);
    px_rc("read-only", ftruncate(fd, 0), EINVAL);
    px_close(fd);
    fd = open("d", O_RDONLY);
    px_rc("directory-descriptor", ftruncate(fd, 0), EINVAL);
    px_close(fd);
    px_rc("bad-descriptor", ftruncate(-1, 0), EBADF);
    chmod("t", 0644);
    px_become(PX_OTHER, PX_OTHER);
    px_rc("other", truncate("t", 0), EACCES);
    px_root();
    chown("t", PX_OTHER, PX_OTHER);
    chmod("t", 0444);
    px_become(PX_OTHER, PX_OTHER);
    px_rc("owner-read-only", truncate("t", 0), EACCES);
    px_root();
    px_eq("size", px_stat("t").st_size, 7);
    px_done("root-read-only", truncate("t", 1L << 33));
    px_eq("large", px_stat("t").st_size, 1L << 33);
    px_true("sparse", px_stat("t").st_blocks < 64);
    px_done("link", symlink("t", "l"));
    px_done("through-link", truncate("l", 5));
    px_eq("through-link-size", px_stat("t").st_size, 5);
}

void px_truncate(void)
{
    lengths();
    shrink_grow();
    errors();
}
