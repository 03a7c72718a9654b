/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The diagnosis of a guest that was just dumped: the evidence is put
 * together, and the findings are written beside the dump, in clear and
 * without the guest's log: report.json, report.txt, report.html.
 */
#ifndef XK_CRASHD_INQUEST_H
#define XK_CRASHD_INQUEST_H

#include "causes.h"
#include "diagnosis.h"
#include "job.h"

/* `kernel` may be NULL. What cannot be found or written is logged. */
void xk_inquest(struct xk_job *job, const struct xk_kernel *kernel);

#endif /* XK_CRASHD_INQUEST_H */
