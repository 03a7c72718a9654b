/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A play: the real memoryd in this process, up to a few guests, and a command
 * that talks to its control socket. Every function that waits does what the
 * guests have to do meanwhile, and fails the test when the wait is too long.
 */
#ifndef XK_COMPONENT_PLAY_H
#define XK_COMPONENT_PLAY_H

#include <stdbool.h>

#include <json-c/json.h>

#include "fake.h"
#include "guest.h"
#include "memoryd.h"

#define PLAY_GUESTS 4
#define PLAY_WAIT_MS 20000u

/* A command's connection. */
struct play_rpc {
    int fd;                     /* -1: none */
    char line[65536];
    size_t len;
    unsigned int progress;      /* notifications so far */
    struct json_object *reply;  /* once it has come */
};

struct play {
    char dir[32];
    struct memoryd md;
    void (*tune)(struct settings *s);   /* before it starts, or NULL */
    bool up;
    struct guest *guests[PLAY_GUESTS];
    struct play_rpc rpc;
};

/* The host's stand-in is there already. Makes a run directory. */
void play_init(struct play *p);
/* Starts memoryd; 0 or what it failed with. */
int play_up(struct play *p);
/* An orderly end, as by SIGTERM. */
void play_down(struct play *p);
/* down, and removes the directory. */
void play_fini(struct play *p);

void play_guest(struct play *p, struct guest *g);

/* Waits, so many times as long as CK_TIMEOUT_MULTIPLIER says. */
typedef bool play_done_fn(struct play *p, void *arg);
bool play_until(struct play *p, play_done_fn *done, void *arg,
                unsigned int ms);
/* Waits ms milliseconds, never longer; returns the loop's rounds in them. */
unsigned int play_idle(struct play *p, unsigned int ms);
/* Until all guests are connected and memoryd knows their balloons. */
void play_connect(struct play *p);

/* The command: opens a connection, sends a request (params is JSON). */
void play_ask(struct play *p, const char *method, const char *params);
void play_hang_up(struct play *p);
/* Asks and waits for the answer, which is the caller's to put. */
struct json_object *play_call(struct play *p, const char *method,
                              const char *params);
struct json_object *play_answer(struct play *p);

/* Of an answer: error code (0: a result) and message; a number in the result,
 * "before.size_kib". */
int play_error(struct json_object *reply);
const char *play_message(struct json_object *reply);
int64_t play_number(struct json_object *reply, const char *name);

struct domain *play_domain(struct play *p, uint16_t domid);
struct fake_info play_info(uint16_t domid);

/* What must always hold of a guest that nobody has paused. */
void play_check(uint16_t domid);

/* fake_checksum() but for the ring, which changes all the time. */
uint64_t play_checksum(const struct guest *g);

/* A guest of `pages`, data in [from, to), the rest zero; its domid. */
uint16_t play_create(uint64_t pages, uint64_t from, uint64_t to);

#endif /* XK_COMPONENT_PLAY_H */
