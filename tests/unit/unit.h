/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The unit tests: one file and one TCase for each module, listed here and in
 * runner.c. No test needs Xen, root, or a file outside of the build folder.
 */
#ifndef XK_TESTS_UNIT_H
#define XK_TESTS_UNIT_H

#include <check.h>

TCase *tcase_balloon_msg(void);
TCase *tcase_budget(void);
TCase *tcase_marks(void);
TCase *tcase_crypto(void);
TCase *tcase_overcommit(void);
TCase *tcase_ctl_request(void);
TCase *tcase_diagnosis(void);
TCase *tcase_dump(void);
TCase *tcase_image(void);
TCase *tcase_journal(void);
TCase *tcase_kernel(void);
TCase *tcase_klog(void);
TCase *tcase_lens(void);
TCase *tcase_listing(void);
TCase *tcase_log(void);
TCase *tcase_map(void);
TCase *tcase_metrics(void);
TCase *tcase_parse(void);
TCase *tcase_picture(void);
TCase *tcase_policy(void);
TCase *tcase_ranges(void);
TCase *tcase_rates(void);
TCase *tcase_repeat(void);
TCase *tcase_ring(void);
TCase *tcase_rule(void);
TCase *tcase_schema(void);
TCase *tcase_seal(void);
TCase *tcase_secrets(void);
TCase *tcase_settings(void);
TCase *tcase_util(void);
TCase *tcase_zero(void);

#endif /* XK_TESTS_UNIT_H */
