// SPDX-License-Identifier: GPL-2.0-only
/* See share_stage.h. */
#include "share_stage.h"

#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz.h"

static char dir[] = "/tmp/fuzz-share.XXXXXX";
static char share[64], secret[64];

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

void share_stage_prepare(void)
{
    char path[80];

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

struct ops *share_stage_open(void)
{
    struct ops_config config = {
        .limits = { .nodes = 64, .files = 16, .locks = 16,
                    .descriptors = 32 },
        .epoch = 1,
    };
    struct share s = { .name = "s", .type = SHARE_DIR,
                       .size_limit = 1 << 20, .files_limit = 100 };
    struct ops *ops;

    config.fd_dir = open("/proc/self/fd", O_PATH | O_DIRECTORY);
    FUZZ_CHECK(!ops_open(&ops, &config));
    FUZZ_CHECK(!ops_share_add(ops, SHARE_STAGE_ID, &s,
                              open(share, O_PATH | O_DIRECTORY)));
    return ops;
}

void share_stage_check(void)
{
    char text[16] = "";
    struct stat st;
    int fd = open(secret, O_RDONLY);

    FUZZ_CHECK(fd >= 0 && !fstat(fd, &st) && st.st_nlink == 1 &&
               (st.st_mode & 07777) == 0644 && st.st_uid == geteuid());
    FUZZ_CHECK(read(fd, text, sizeof(text)) == 7 && !strcmp(text, "content"));
    close(fd);
}
