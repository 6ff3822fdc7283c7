/* check.c: counts checks and prints the failed ones. */
#include "check.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_REPORTS = 40 };

static char current_case[256] = "(no case)";
static long made, failed;

void in_case(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(current_case, sizeof current_case, format, arguments);
    va_end(arguments);
}

int is_left_out(void)
{
    static long part, parts, n_cases;
    const char *asked = getenv("GMM_CASES");
    if (parts == 0 && (!asked || sscanf(asked, "%ld/%ld", &part, &parts) != 2 || parts < 1)) {
        part = 0, parts = 1;
    }
    return n_cases++ % parts != part % parts;
}

static int fails(const char *expression, const char *file, int line)
{
    if (++failed <= MAX_REPORTS) {
        fprintf(stderr, "%s:%d: %s: %s\n", file, line, current_case, expression);
    }
    return 0;
}

int check_holds(int holds, const char *expression, const char *file, int line)
{
    ++made;
    return holds ? 1 : fails(expression, file, line);
}

int check_near(double actual, double expected, double allowance, const char *expression, const char *file, int line)
{
    ++made;
    if (fabs(actual - expected) <= allowance || (isinf(expected) && isinf(actual) && (actual > 0) == (expected > 0))) {
        return 1;
    }
    char message[256];
    snprintf(message, sizeof message, "%s = %.17g, expected %.17g +- %.3g", expression, actual, expected, allowance);
    return fails(message, file, line);
}

int check_same_bytes(const void *a, const void *b, size_t size, const char *expression, const char *file, int line)
{
    ++made;
    return memcmp(a, b, size) == 0 ? 1 : fails(expression, file, line);
}

long checks_made(void)
{
    return made;
}

long checks_failed(void)
{
    return failed;
}
