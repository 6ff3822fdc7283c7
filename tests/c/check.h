/* check.h: assertions that count instead of aborting, each reported with the case it happened in.
 *
 * A failed check prints file, line, the case and what was expected; the program goes on and main returns 1.
 */
#ifndef CHECK_H
#define CHECK_H

#include <stddef.h>

/* Name the case being tested; printed with every failure until the next call. */
void in_case(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Whether this case is left out. GMM_CASES=I/N splits the cases, as they come, into N parts of which this run has the
 * I-th, counted from 0; without it a run has them all. */
int is_left_out(void);

int check_holds(int holds, const char *expression, const char *file, int line);
/* |actual - expected| <= allowance, or both the same infinity. NaN never passes. */
int check_near(double actual, double expected, double allowance, const char *expression, const char *file, int line);
int check_same_bytes(const void *a, const void *b, size_t size, const char *expression, const char *file, int line);

/* Number of checks made and failed so far. */
long checks_made(void);
long checks_failed(void);

#define CHECK(expression) check_holds((expression) != 0, #expression, __FILE__, __LINE__)
#define CHECK_NEAR(actual, expected, allowance) \
    check_near((double)(actual), (double)(expected), (double)(allowance), #actual, __FILE__, __LINE__)
#define CHECK_BYTES(a, b, size) check_same_bytes((a), (b), (size), #a " == " #b, __FILE__, __LINE__)

#endif
