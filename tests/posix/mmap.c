/* SPDX-License-Identifier: GPL-2.0-only */
/* Mapped files, shared and private, beside read and write. */
#include "groups.h"

#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#define LEN 12288

static char *map_of(int fd, int prot, int flags)
{
    char *map = mmap(NULL, LEN, prot, flags, fd, 0);

    return map == MAP_FAILED ? NULL : map;
}

static void shared(void)
{
    int fd, other;
    char *map, buf[8] = "";

    px_case("shared");
    px_fill("s", LEN);
    fd = open("s", O_RDWR);
    other = open("s", O_RDWR);
    map = map_of(fd, PROT_READ | PROT_WRITE, MAP_SHARED);
    px_true("map", map);
    if (!map)
        return;
    px_true("data", map[0] == 0 && map[5000] == (char)5000);
    map[5000] = 'M';
    px_eq("read", pread(other, buf, 1, 5000), 1);
    px_true("read-sees", buf[0] == 'M');
    px_eq("write", pwrite(other, "W", 1, 5001), 1);
    px_true("map-sees", map[5001] == 'W');
    px_done("msync", msync(map, LEN, MS_SYNC));
    px_done("msync-async", msync(map, LEN, MS_ASYNC));
    px_eq("fork-sees", ({
              int status;
              pid_t pid = fork();

              if (!pid) {
                  map[6000] = 'C';
                  _exit(map[5001] != 'W');
              }
              waitpid(pid, &status, 0);
              status;
          }), 0);
    px_true("child-wrote", map[6000] == 'C');
    px_done("unmap", munmap(map, LEN));
    px_eq("read-after", pread(other, buf, 1, 6000), 1);
    px_true("read-after-sees", buf[0] == 'C');
    px_close(fd);
    px_close(other);
}

static void private(void)
{
    int fd;
    char *map, buf[8] = "";

    px_case("private");
    px_fill("p", LEN);
    fd = open("p", O_RDONLY);
    map = map_of(fd, PROT_READ | PROT_WRITE, MAP_PRIVATE);
    px_true("map-of-read-only", map);
    if (!map)
        return;
    map[100] = 'P';
    px_eq("read", pread(fd, buf, 1, 100), 1);
    px_true("file-as-before", buf[0] == 100);
    munmap(map, LEN);
    px_rc("shared-of-read-only",
          map_of(fd, PROT_WRITE, MAP_SHARED) ? 0 : -1, EACCES);
    px_close(fd);
    fd = open("p", O_WRONLY);
    px_rc("of-write-only", map_of(fd, PROT_READ, MAP_SHARED) ? 0 : -1,
          EACCES);
    px_close(fd);
    fd = open(".", O_RDONLY);
    px_rc("of-dir", map_of(fd, PROT_READ, MAP_SHARED) ? 0 : -1, ENODEV);
    px_close(fd);
}

static sigjmp_buf jump;

static void on_bus(int sig)
{
    (void)sig;
    siglongjmp(jump, 1);
}

static bool faults(const volatile char *at)
{
    struct sigaction act = { .sa_handler = on_bus }, old;
    bool fault = true;

    sigaction(SIGBUS, &act, &old);
    if (!sigsetjmp(jump, 1)) {
        (void)*at;
        fault = false;
    }
    sigaction(SIGBUS, &old, NULL);
    return fault;
}

static void ends(void)
{
    int fd;
    char *map, buf[8] = "";

    px_case("end");
    px_fill("e", 5000);
    fd = open("e", O_RDWR);
    map = map_of(fd, PROT_READ | PROT_WRITE, MAP_SHARED);
    px_true("map", map);
    if (!map)
        return;
    px_true("last", map[4999] == (char)4999);
    px_true("rest-of-page-is-zero", map[5000] == 0 && map[8191] == 0);
    px_true("page-after-faults", faults(map + 8192));
    map[6000] = 'x';
    px_done("msync", msync(map, 8192, MS_SYNC));
    px_eq("size", px_stat("e").st_size, 5000);
    px_done("truncate", ftruncate(fd, 100));
    px_true("cut-faults", faults(map + 4096));
    px_true("cut-rest-is-zero", map[100] == 0 && map[4000] == 0);
    px_done("grow", ftruncate(fd, LEN));
    px_true("grown-zero", !faults(map + 8192) && map[8192] == 0);
    px_true("no-old-data", map[4999] == 0 && map[6000] == 0);
    map[LEN - 1] = 'z';
    px_eq("read", pread(fd, buf, 8, LEN - 1), 1);
    px_true("read-sees", buf[0] == 'z');
    munmap(map, LEN);
    px_close(fd);
}

static void holes(void)
{
    int fd = open("h", O_CREAT | O_RDWR, 0644);
    char *map, buf[8] = "";

    px_case("hole");
    px_done("truncate", ftruncate(fd, LEN));
    map = map_of(fd, PROT_READ | PROT_WRITE, MAP_SHARED);
    px_true("map", map);
    if (!map)
        return;
    px_true("zero", !map[0] && !map[LEN - 1]);
    map[4096] = 'h';
    px_done("msync", msync(map, LEN, MS_SYNC));
    px_eq("read", pread(fd, buf, 1, 4096), 1);
    px_true("read-sees", buf[0] == 'h');
    px_done("punch", fallocate(fd, FALLOC_FL_PUNCH_HOLE |
                                   FALLOC_FL_KEEP_SIZE, 4096, 4096));
    px_true("punched", map[4096] == 0);
    munmap(map, LEN);
    px_close(fd);
}

/* A buffer that is a mapping of the same page: no deadlock. */
static void into_itself(void)
{
    char *map, buf[8] = "";
    int fd;

    px_case("itself");
    px_fill("i", LEN);
    fd = open("i", O_RDWR);
    map = map_of(fd, PROT_READ | PROT_WRITE, MAP_SHARED);
    px_true("map", map);
    if (!map)
        return;
    px_eq("write-from-map", pwrite(fd, map, 4096, 2048), 4096);
    px_eq("read-into-map", pread(fd, map + 8192, 4096, 0), 4096);
    px_eq("read", pread(fd, buf, 2, 2048 + 100), 2);
    px_true("read-data", buf[0] == 100 && buf[1] == 101);
    px_true("map-data", map[8192 + 77] == 77);
    munmap(map, LEN);
    px_close(fd);
}

static void executable(void)
{
    static const unsigned char ret42[] = {
        0xb8, 42, 0, 0, 0, 0xc3,        /* mov $42, %eax; ret */
    };
    int (*code)(void) = NULL;
    char *map;
    int fd;

    px_case("exec");
    fd = open("x", O_CREAT | O_RDWR, 0755);
    px_eq("write", pwrite(fd, ret42, sizeof(ret42), 0), 6);
    px_done("grow", ftruncate(fd, LEN));
    map = map_of(fd, PROT_READ | PROT_EXEC, MAP_PRIVATE);
    px_true("map", map);
    if (map) {
        memcpy(&code, &map, sizeof(map));
        px_eq("run", code(), 42);
        munmap(map, LEN);
    }
    px_close(fd);
}

void px_mmap(void)
{
    shared();
    private();
    ends();
    holes();
    into_itself();
    executable();
}
