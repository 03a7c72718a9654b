/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Keys of guests, see key.h.
 */
#include "key.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <xenkeep/util.h>

#include "crypto.h"
#include "share.h"

_Static_assert(OPS_KEY_SIZE == XK_KEY_SIZE, "a key of crypto.h");

static int read_key(const char *path, uint8_t key[OPS_KEY_SIZE])
{
    xk_cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

    if (fd < 0)
        return -errno;
    return read(fd, key, OPS_KEY_SIZE) == OPS_KEY_SIZE ? 0 : -EINVAL;
}

/* Whole, or not there. */
static int write_key(const char *path, const uint8_t key[OPS_KEY_SIZE])
{
    xk_cleanup_fd int fd = -1;
    char fresh[620];

    snprintf(fresh, sizeof(fresh), "%s.new", path);
    fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
              0600);
    if (fd < 0)
        return -errno;
    if (write(fd, key, OPS_KEY_SIZE) != OPS_KEY_SIZE || fsync(fd) ||
        rename(fresh, path)) {
        (void)unlink(fresh);
        return errno ? -errno : -EIO;
    }
    return 0;
}

int key_get(const char *dir, const char *guest, uint8_t key[OPS_KEY_SIZE])
{
    char path[600];
    int rc;

    if (!share_name_ok(guest))
        return -EINVAL;
    snprintf(path, sizeof(path), "%s/%s.key", dir, guest);
    rc = read_key(path, key);
    if (!rc)
        return 0;
    rc = xk_random(key, OPS_KEY_SIZE);
    return rc ? rc : write_key(path, key);
}
