// SPDX-License-Identifier: GPL-2.0-only
/*
 * Plants secrets of known text where a guest keeps its own: in memory of a
 * process, in the page cache, in a keyring, and in memory that was given
 * back. Each page of one begins with "KIND-secret-SEED-PAGE." and goes on
 * with it. Linked statically, for the lab's guests.
 *
 *   xk-plant SEED FILE     returns when all is there; one process stays
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096u
#define PAGES 256u
#define KEYRING_USER (-4)       /* KEY_SPEC_USER_KEYRING of keyctl.h */

static void fill(char *page, const char *kind, const char *seed, unsigned int i)
{
    char text[64];
    size_t len, at, n;

    snprintf(text, sizeof(text), "%s-secret-%s-%u.", kind, seed, i);
    len = strlen(text);
    for (at = 0; at < PAGE; at += n) {
        n = PAGE - at < len ? PAGE - at : len;
        memcpy(page + at, text, n);
    }
}

static char *memory(const char *kind, const char *seed)
{
    char *mem = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    unsigned int i;

    if (mem == MAP_FAILED)
        exit(1);
    for (i = 0; i < PAGES; i++)
        fill(mem + i * PAGE, kind, seed, i);
    return mem;
}

static int cache(const char *path, const char *seed)
{
    FILE *f = fopen(path, "w");
    char page[PAGE];
    unsigned int i;

    if (!f)
        return -1;
    for (i = 0; i < PAGES; i++) {
        fill(page, "cache", seed, i);
        if (fwrite(page, PAGE, 1, f) != 1)
            return -1;
    }
    return fclose(f);
}

int main(int argc, char **argv)
{
    char text[64];
    pid_t pid;

    if (argc != 3)
        return 2;
    pid = fork();
    if (!pid)
        _exit(memory("free", argv[1]) == NULL);
    if (pid < 0 || waitpid(pid, NULL, 0) != pid)
        return 1;
    snprintf(text, sizeof(text), "key-secret-%s-0.", argv[1]);
    if (cache(argv[2], argv[1]) ||
        syscall(SYS_add_key, "user", "xenkeep-plant", text, strlen(text),
                KEYRING_USER) < 0)
        return 1;
    (void)memory("user", argv[1]);
    pid = fork();
    if (pid)
        return pid < 0;
    for (;;)
        pause();
}
