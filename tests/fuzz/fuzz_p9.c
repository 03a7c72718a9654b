// SPDX-License-Identifier: GPL-2.0-only
/*
 * 9P messages, as many as the input has, against the real operations on a
 * small directory. Whatever comes: an answer fits and has its header, nothing
 * outside of the share changes, and at the end the session has given back
 * every node and every open file.
 */
#include <unistd.h>

#include "fuzz.h"
#include "p9.h"
#include "p9_msg.h"
#include "share_stage.h"

#define MSIZE 8192u

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
    share_stage_prepare();
    ops = share_stage_open();
    p9_init(&p9, ops, "s", MSIZE);
    begin(&p9);
    while (in.left)
        one(&p9, &in);
    p9_dispose(&p9);
    FUZZ_CHECK(ops_known(ops) <= 2 && !ops_share_users(ops, 1));
    ops_close(ops);
    share_stage_check();
    return 0;
}
