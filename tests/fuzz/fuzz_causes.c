// SPDX-License-Identifier: GPL-2.0-only
/* Rules, then a zero byte, then a log: read, held against it, and rendered. */
#include "findings.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = { data, size };
    char *rules = fuzz_string(&in), *log = fuzz_string(&in), *text;
    const struct xk_fact fact = { "shutdown", "crash" };
    const struct xk_evidence e = { .facts = &fact, .fact_count = 1,
                                   .log = log, .xen = log };
    struct xk_causes causes = { 0 };
    char why[XK_CAUSES_WHY];
    struct xk_diagnosis d;
    const struct xk_story story = { .diagnosis = &d, .evidence = &e,
                                    .log = true };

    if (xk_causes_parse(&causes, rules, "fuzz", why))
        FUZZ_CHECK(*why && !causes.count);
    xk_diagnose(&d, &causes, &e);
    text = xk_findings_html(&story);
    FUZZ_CHECK(text && strstr(text, "</html>"));
    free(text);
    text = xk_findings_text(&story);
    FUZZ_CHECK(text);
    free(text);
    xk_causes_dispose(&causes);
    free(rules);
    free(log);
    return 0;
}
