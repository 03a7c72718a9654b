/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Files of shared memory, see area.h.
 */
#include "area.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <xenkeep/util.h>

static void path_of(const char *run_dir, uint32_t domid, char path[280])
{
    snprintf(path, 280, "%s/filed.%u.area", run_dir, domid);
}

int area_open(const char *run_dir, uint32_t domid, const uint8_t uuid[16],
              struct area **area_r)
{
    xk_cleanup_fd int fd = -1;
    struct area *area;
    char path[280];

    path_of(run_dir, domid, path);
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 || ftruncate(fd, sizeof(*area)))
        return -errno;
    area = mmap(NULL, sizeof(*area), PROT_READ | PROT_WRITE, MAP_SHARED, fd,
                0);
    if (area == MAP_FAILED)
        return -errno;
    if (area->size != sizeof(*area) ||
        memcmp(area->uuid, uuid, sizeof(area->uuid))) {
        memset(area, 0, sizeof(*area));
        memcpy(area->uuid, uuid, sizeof(area->uuid));
        area->size = sizeof(*area);
    }
    *area_r = area;
    return 0;
}

void area_close(struct area *area)
{
    if (area)
        munmap(area, sizeof(*area));
}

void area_remove(const char *run_dir, uint32_t domid)
{
    char path[280];

    path_of(run_dir, domid, path);
    (void)unlink(path);
}
