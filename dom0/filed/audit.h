/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who touched what: the last operations on shares that are audited, in memory
 * that the parent reads. Reading and writing of what is open is not among
 * them, opening it is.
 */
#ifndef XK_FILED_AUDIT_H
#define XK_FILED_AUDIT_H

#include <stdbool.h>
#include <stdint.h>

#define AUDIT_RECORDS 1024u
#define AUDIT_NAME 80u

struct audit_record {
    uint64_t nr;                /* from 1; 0: none, or being written */
    uint64_t time_ns;           /* since 1970 */
    uint64_t ino;               /* of the node, or of the directory */
    uint32_t share;
    uint32_t uid;               /* the guest's */
    int32_t status;
    uint16_t op;
    uint16_t zero;
    char name[AUDIT_NAME];      /* as the guest called it, cut */
};

struct audit {
    uint64_t next;
    struct audit_record records[AUDIT_RECORDS];
};

bool audit_wants(uint16_t op);
void audit_add(struct audit *audit, const struct audit_record *record);
/* A copy of a record that is whole. -ENOENT: it is not there any more. */
int audit_get(const struct audit *audit, uint64_t nr,
              struct audit_record *record_r);
/* "LOOKUP", ...; "?" for what is none. */
const char *audit_op_name(unsigned int op);

#endif /* XK_FILED_AUDIT_H */
