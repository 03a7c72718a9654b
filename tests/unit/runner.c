// SPDX-License-Identifier: GPL-2.0-only
/*
 * Runs all unit tests and writes TAP to standard output. It only lists them:
 * what a test does is in its own file.
 */
#include <stdlib.h>

#include "unit.h"

int main(void)
{
    Suite *suite = suite_create("xenkeep");
    SRunner *runner;
    int failed;

    suite_add_tcase(suite, tcase_balloon_msg());
    suite_add_tcase(suite, tcase_budget());
    suite_add_tcase(suite, tcase_marks());
    suite_add_tcase(suite, tcase_crypto());
    suite_add_tcase(suite, tcase_overcommit());
    suite_add_tcase(suite, tcase_ctl_request());
    suite_add_tcase(suite, tcase_diagnosis());
    suite_add_tcase(suite, tcase_dump());
    suite_add_tcase(suite, tcase_image());
    suite_add_tcase(suite, tcase_journal());
    suite_add_tcase(suite, tcase_kernel());
    suite_add_tcase(suite, tcase_klog());
    suite_add_tcase(suite, tcase_lens());
    suite_add_tcase(suite, tcase_listing());
    suite_add_tcase(suite, tcase_log());
    suite_add_tcase(suite, tcase_map());
    suite_add_tcase(suite, tcase_metrics());
    suite_add_tcase(suite, tcase_parse());
    suite_add_tcase(suite, tcase_picture());
    suite_add_tcase(suite, tcase_policy());
    suite_add_tcase(suite, tcase_ranges());
    suite_add_tcase(suite, tcase_rates());
    suite_add_tcase(suite, tcase_repeat());
    suite_add_tcase(suite, tcase_ring());
    suite_add_tcase(suite, tcase_rule());
    suite_add_tcase(suite, tcase_schema());
    suite_add_tcase(suite, tcase_seal());
    suite_add_tcase(suite, tcase_secrets());
    suite_add_tcase(suite, tcase_settings());
    suite_add_tcase(suite, tcase_util());
    suite_add_tcase(suite, tcase_zero());
    runner = srunner_create(suite);
#ifdef __SANITIZE_ADDRESS__
    /* A process for each test would be most of the time. */
    if (!getenv("CK_FORK"))
        srunner_set_fork_status(runner, CK_NOFORK);
#endif
    srunner_set_tap(runner, "-");
    srunner_run_all(runner, CK_SILENT);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
