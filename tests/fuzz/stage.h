/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * memoryd on the stand-in of Xen, without its socket, made once for all
 * inputs of a fuzz target; each input gets a guest of its own.
 */
#ifndef XK_TESTS_FUZZ_STAGE_H
#define XK_TESTS_FUZZ_STAGE_H

#include "memoryd.h"

struct domain;

extern struct memoryd stage_md;

void stage_once(void);
/* Handles what is ready. */
void stage_turn(void);

/* A small guest, not yet known to memoryd; its domid. */
uint16_t stage_guest(void);
struct domain *stage_domain(uint16_t domid);
/* Ends it. Nothing of it is left then. */
void stage_end(uint16_t domid);

#endif /* XK_TESTS_FUZZ_STAGE_H */
