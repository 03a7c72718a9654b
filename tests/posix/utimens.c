/* SPDX-License-Identifier: GPL-2.0-only */
/* utimensat, futimens: what can be set, on what. */
#include "groups.h"

#include <time.h>

static const enum px_kind kinds[] = {
    PX_FILE, PX_DIR, PX_FIFO, PX_SOCKET, PX_LINK, PX_DANGLING,
};

static const struct value {
    const char *name;
    time_t sec;
    long nsec;
} values[] = {
    { "zero", 0, 0 },
    { "one-nanosecond", 1000000000, 1 },
    { "half", 1234567890, 500000000 },
    { "most-nanoseconds", 1500000000, 999999999 },
    { "before-1970", -1, 0 },
    { "1901", -2147483648L, 0 },
    { "2038", 2147483648L, 123456789 },
    { "2100", 4102444800L, 0 },
};

static void kind(enum px_kind k)
{
    struct timespec times[2];
    char what[64];
    struct stat st;

    px_case("%s", px_kind_name(k));
    px_done("make", px_make(k, "n"));
    for (size_t i = 0; i < PX_COUNT(values); i++) {
        times[0] = (struct timespec){ values[i].sec, values[i].nsec };
        times[1] = (struct timespec){ values[i].sec + 1, values[i].nsec };
        px_done(values[i].name,
                utimensat(AT_FDCWD, "n", times, AT_SYMLINK_NOFOLLOW));
        st = px_stat("n");
        snprintf(what, sizeof(what), "%s-atime", values[i].name);
        px_true(what, st.st_atim.tv_sec == times[0].tv_sec &&
                          st.st_atim.tv_nsec == times[0].tv_nsec);
        snprintf(what, sizeof(what), "%s-mtime", values[i].name);
        px_true(what, st.st_mtim.tv_sec == times[1].tv_sec &&
                          st.st_mtim.tv_nsec == times[1].tv_nsec);
    }
    px_clear("n");
    px_clear("n.pointed");
}

static bool recent(struct timespec t)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return labs(now.tv_sec - t.tv_sec) <= 60;
}

static const struct special {
    const char *name;
    long a, m;
    bool a_now, m_now, a_kept, m_kept;
} specials[] = {
    { "now-now", UTIME_NOW, UTIME_NOW, true, true, false, false },
    { "now-omit", UTIME_NOW, UTIME_OMIT, true, false, false, true },
    { "omit-now", UTIME_OMIT, UTIME_NOW, false, true, true, false },
    { "omit-omit", UTIME_OMIT, UTIME_OMIT, false, false, true, true },
    { "set-omit", 5, UTIME_OMIT, false, false, false, true },
    { "omit-set", UTIME_OMIT, 5, false, false, true, false },
    { "set-now", 5, UTIME_NOW, false, true, false, false },
};

static void special(const struct special *s)
{
    struct timespec old[2] = { { 1000, 1 }, { 2000, 2 } };
    struct timespec times[2] = { { 77, s->a }, { 88, s->m } };
    struct stat st;

    px_case("special-%s", s->name);
    px_make(PX_FILE, "s");
    utimensat(AT_FDCWD, "s", old, 0);
    px_done("set", utimensat(AT_FDCWD, "s", times, 0));
    st = px_stat("s");
    px_true("atime", s->a_now ? recent(st.st_atim) :
                     st.st_atim.tv_sec == (s->a_kept ? 1000 : 77));
    px_true("mtime", s->m_now ? recent(st.st_mtim) :
                     st.st_mtim.tv_sec == (s->m_kept ? 2000 : 88));
    px_true("ctime", recent(st.st_ctim));
    unlink("s");
}

static void errors(void)
{
    struct timespec bad[2] = { { 1, 1000000000 }, { 1, 0 } };
    struct timespec good[2] = { { 10, 20 }, { 30, 40 } };
    int fd;

    px_case("errors");
    px_make(PX_FILE, "e");
    px_rc("nanoseconds", utimensat(AT_FDCWD, "e", bad, 0), EINVAL);
    bad[0].tv_nsec = -1;
    px_rc("negative", utimensat(AT_FDCWD, "e", bad, 0), EINVAL);
    px_rc("flags", utimensat(AT_FDCWD, "e", good, 0x4000), EINVAL);
    fd = open("e", O_RDONLY);
    px_done("descriptor", futimens(fd, good));
    px_eq("descriptor-seen", px_stat("e").st_mtim.tv_sec, 30);
    unlink("e");
    px_done("unlinked", futimens(fd, NULL));
    px_close(fd);
    px_make(PX_LINK, "l");
    px_done("follow", utimensat(AT_FDCWD, "l", good, 0));
    px_eq("follow-target", px_stat("l.pointed").st_mtim.tv_sec, 30);
    px_true("follow-link", px_stat("l").st_mtim.tv_sec != 30);
}

/* Stamps that were set stay, whatever the page cache has to write. */
static void stay(void)
{
    struct timespec good[2] = { { 10, 20 }, { 30, 40 } };
    int fd;

    px_case("stay");
    fd = open("st", O_CREAT | O_RDWR, 0644);
    px_eq("write", write(fd, "data", 4), 4);
    px_done("set", futimens(fd, good));
    px_eq("at-once", px_stat("st").st_mtim.tv_sec, 30);
    px_done("fsync", fsync(fd));
    px_eq("after-fsync", px_stat("st").st_mtim.tv_sec, 30);
    px_close(fd);
    px_eq("after-close", px_stat("st").st_mtim.tv_sec, 30);
    fd = open("st", O_RDONLY);
    px_eq("after-open", px_stat("st").st_mtim.tv_sec, 30);
    px_close(fd);
    px_eq("nanoseconds", px_stat("st").st_mtim.tv_nsec, 40);
}

void px_utimens(void)
{
    for (size_t i = 0; i < PX_COUNT(kinds); i++)
        kind(kinds[i]);
    for (size_t i = 0; i < PX_COUNT(specials); i++)
        special(&specials[i]);
    errors();
    stay();
}
