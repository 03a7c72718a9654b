// SPDX-License-Identifier: GPL-2.0-only
/*
 * 9P messages, as many as the input has, against the real operations on a
 * small directory. Whatever comes: an answer fits and has its header, nothing
 * outside of the share changes, and at the end the session has given back
 * every node and every open file.
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz.h"
#include "ops.h"
#include "p9.h"
#include "p9_msg.h"

#define MSIZE 8192u

static char dir[] = "/tmp/fuzz-p9.XXXXXX";
static char secret[64];

static int remove_one(const char *path, const struct stat *st, int what,
                      struct FTW *ftw)
{
    (void)st, (void)what;
    if (ftw->level)
        FUZZ_CHECK(!remove(path));
    return 0;
}

static void put_file(const char *path)
{
    int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0644);

    FUZZ_CHECK(fd >= 0 && write(fd, "content", 7) == 7);
    close(fd);
}

/* The share is dir/share; beside it lies what must not be touched. */
static void prepare(void)
{
    static char share[64], path[80];

    if (!*share) {
        FUZZ_CHECK(mkdtemp(dir));
        snprintf(share, sizeof(share), "%s/share", dir);
        snprintf(secret, sizeof(secret), "%s/secret", dir);
        FUZZ_CHECK(!mkdir(share, 0755));
        put_file(secret);
    }
    nftw(share, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    snprintf(path, sizeof(path), "%s/f", share);
    put_file(path);
    snprintf(path, sizeof(path), "%s/d", share);
    FUZZ_CHECK(!mkdir(path, 0755));
    snprintf(path, sizeof(path), "%s/d/g", share);
    put_file(path);
    snprintf(path, sizeof(path), "%s/l", share);
    FUZZ_CHECK(!symlink("../secret", path));
}

static struct ops *open_ops(void)
{
    struct ops_config config = {
        .limits = { .nodes = 64, .files = 16, .locks = 16,
                    .descriptors = 32 },
        .epoch = 1,
    };
    struct share share = { .name = "s", .type = SHARE_DIR,
                           .size_limit = 1 << 20, .files_limit = 100 };
    char path[64];
    struct ops *ops;

    snprintf(path, sizeof(path), "%s/share", dir);
    config.fd_dir = open("/proc/self/fd", O_PATH | O_DIRECTORY);
    FUZZ_CHECK(!ops_open(&ops, &config));
    FUZZ_CHECK(!ops_share_add(ops, 1, &share,
                              open(path, O_PATH | O_DIRECTORY)));
    return ops;
}

static void check_secret(void)
{
    char text[16] = "";
    struct stat st;
    int fd = open(secret, O_RDONLY);

    FUZZ_CHECK(fd >= 0 && !fstat(fd, &st) && st.st_nlink == 1 &&
               (st.st_mode & 07777) == 0644 && st.st_uid == geteuid());
    FUZZ_CHECK(read(fd, text, sizeof(text)) == 7 && !strcmp(text, "content"));
    close(fd);
}

/* One message: a byte of its type, a byte of its length, its body. */
static void one(struct p9 *p9, struct fuzz_input *in)
{
    static uint8_t answer[MSIZE];
    uint8_t type = fuzz_byte(in), len = fuzz_byte(in), *msg;
    uint32_t size = P9_HEADER + len, told;
    long n;

    msg = malloc(size);
    FUZZ_CHECK(msg);
    fuzz_take(in, msg + P9_HEADER, len);
    memcpy(msg, &size, 4);
    msg[4] = type;
    msg[5] = len;
    msg[6] = type;
    n = p9_do(p9, msg, size, answer);
    free(msg);
    FUZZ_CHECK(n >= (long)P9_HEADER && n <= (long)MSIZE);
    memcpy(&told, answer, 4);
    FUZZ_CHECK(told == n && answer[5] == len && answer[6] == type);
    FUZZ_CHECK(answer[4] == 7 || answer[4] == (uint8_t)(type + 1));
}

/* So that an input need not find the beginning by itself. */
static void begin(struct p9 *p9)
{
    static const uint8_t version[] = "\x64\x0e\0\x20\0\0\x08\0" "9P2000.L";
    static const uint8_t attach[] =
        "\x68\x10\0\0\0\0\xff\xff\xff\xff\0\0\0\0\0\0\0\0";
    struct fuzz_input in = { version, sizeof(version) - 1 };

    one(p9, &in);
    FUZZ_CHECK(p9->msize == MSIZE);
    in = (struct fuzz_input){ attach, sizeof(attach) - 1 };
    one(p9, &in);
    FUZZ_CHECK(p9_fid_find(&p9->fids, 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = { data, size };
    struct ops *ops;
    struct p9 p9;

    if (geteuid())
        return 0;       /* whom a file belongs to is root's to say */
    prepare();
    ops = open_ops();
    p9_init(&p9, ops, "s", MSIZE);
    begin(&p9);
    while (in.left)
        one(&p9, &in);
    p9_dispose(&p9);
    FUZZ_CHECK(ops_known(ops) <= 2 && !ops_share_users(ops, 1));
    ops_close(ops);
    check_secret();
    return 0;
}
