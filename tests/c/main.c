/* main.c: runs every test on the instruction set that GMM_ISA names; `--isas` lists what this machine can run.
 *
 * Arguments: names of tests; none means all. Exit status 1 when a check failed, 2 for an unknown name.
 */
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "gmm.h"
#include "tests.h"

typedef struct {
    const char *name;
    void (*run)(void);
} test;

static const test tests[] = {
    {"accumulate", test_accumulate},        {"moments", test_moments},              {"score", test_score},
    {"reach", test_reach},                  {"far_rows", test_far_rows},            {"assign", test_assign},
    {"scan", test_scan},                    {"scan_extremes", test_scan_extremes},  {"determinism", test_determinism},
    {"slices", test_slices},                {"arguments", test_arguments},          {"nonfinite", test_nonfinite},
    {"scratch", test_scratch},              {"refused", test_refused},              {"edges", test_edges},
    {"skip", test_skip},                    {"noise", test_noise},                  {"host", test_host},
    {"fork", test_fork},                    {"parallel", test_parallel},            {"matrices", test_matrices},
    {"maximize", test_maximize},            {"forms", test_forms},                  {"ward", test_ward},
    {"climb", test_climb},                  {"endings", test_endings},              {"fit", test_fit},
    {"start", test_start},                  {"exchange", test_exchange},            {"race", test_race},
    {"unusual", test_unusual},              {"acceleration", test_acceleration},    {"missing", test_missing},
    {"missing_beside", test_missing_beside},{"measured", test_measured},            {"measured_beside", test_measured_beside},
    {"unknown_isa", test_unknown_isa},
};

enum { N_TESTS = sizeof tests / sizeof *tests };

static int wanted(const char *name, int argc, char **argv)
{
    for (int i = 1; i < argc; ++i) {
        if (strcmp(argv[i], name) == 0) {
            return 1;
        }
    }
    return argc < 2 && strcmp(name, "unknown_isa") != 0;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--isas") == 0) {
        for (const char *const *isa = gmm_isas(); *isa; ++isa) {
            puts(*isa);
        }
        return 0;
    }
    int ran = 0;
    for (int i = 0; i < N_TESTS; ++i) {
        if (wanted(tests[i].name, argc, argv)) {
            in_case("%s", tests[i].name);
            tests[i].run();
            ++ran;
        }
    }
    printf("%s: %d tests, %ld checks, %ld failed\n", gmm_isa() ? gmm_isa() : "no ISA", ran, checks_made(),
           checks_failed());
    return ran == 0 ? 2 : checks_failed() > 0;
}
