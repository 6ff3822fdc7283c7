/* uncertain.c: see uncertain.h. */
#include "uncertain.h"

#include <stdlib.h>
#include <string.h>

#include "check.h"

enum { MARK = 0x5A, GUARD = 64 };

double variance_of(int64_t i, int64_t j) { return (double)((7 * i + 3 * j) % 17) / 8; }

gmm_errors new_errors(int64_t n, int64_t d, int are_variances, gmm_dtype dtype)
{
    const int64_t size = dtype == GMM_F32 ? 4 : 8, each = are_variances ? d : d * d;
    unsigned char *data = room((size_t)(n * each), (size_t)size);
    for (int64_t i = 0; i < n; ++i) {
        for (int64_t j = 0; j < d; ++j) {
            const double x = variance_of(i, j);
            const float single = (float)x;
            unsigned char *at = data + (i * each + (are_variances ? j : j * (d + 1))) * size;
            memcpy(at, dtype == GMM_F32 ? (const void *)&single : (const void *)&x, (size_t)size);
        }
    }
    return (gmm_errors){data, dtype, are_variances, each * size, {are_variances ? size : d * size, size}};
}

void drop_errors(gmm_errors *e) { free((void *)(uintptr_t)e->data); }

gmm_status call_measured(const gmm_rows *rows, const gmm_errors *e, const gmm_mixture *m,
                         const gmm_measured_noise *noise, const double *ridge, gmm_dtype precision, int n_threads,
                         gmm_statistics *sums, double *log_density, void *posterior, int64_t *label, int64_t *bad_row,
                         int64_t *bad_component)
{
    const size_t size =
        gmm_measured_scratch_bytes(m->structure, m->n_components, m->n_features, e->are_variances, n_threads);
    unsigned char *memory = room(size + 2 * GUARD, 1), *inside = memory + GUARD - 3;
    memset(memory, MARK, size + 2 * GUARD);
    gmm_status status = sums ? gmm_accumulate_measured(rows, e, m, noise, ridge, n_threads, inside, size, sums, bad_row,
                                                       bad_component)
                             : gmm_score_measured(rows, e, m, noise, precision, n_threads, inside, size, log_density,
                                                  posterior, label, bad_row, bad_component);
    int intact = 1;
    for (size_t i = 0; i < GUARD - 3; ++i) {
        intact &= memory[i] == MARK && memory[size + GUARD + i] == MARK;
    }
    CHECK(intact);
    free(memory);
    return status;
}
