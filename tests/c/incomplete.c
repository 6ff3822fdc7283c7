#include "incomplete.h"

#include <stdlib.h>
#include <string.h>

#include "check.h"

enum { MARK = 0x3C, GUARD = 64 };

listing list_rows(int64_t n, int64_t d, int64_t n_patterns, int64_t longest)
{
    listing l = {.batch = room((size_t)(n + 1), 8), .row = room((size_t)n, 8), .first = room((size_t)(n + 1), 8),
                 .pattern = room((size_t)n, 8), .observed = room((size_t)(n_patterns * d), 1)};
    int64_t listed = 0, n_runs = 0;
    for (int64_t p = 0; p < n_patterns; ++p) {
        for (int64_t j = 0; j < d; ++j) {
            l.observed[p * d + j] = (p >> (j % 20) & 1) == 0;
        }
        int64_t here = 0;
        for (int64_t i = p; i < n; i += n_patterns, ++here) {
            if (here % longest == 0) {
                l.pattern[n_runs] = p;
                l.first[n_runs++] = listed;
            }
            l.row[listed++] = i;
        }
    }
    l.first[n_runs] = listed;
    l.n_runs = n_runs;
    for (int64_t b = 0; b <= (n_runs + 2) / 3; ++b) {
        l.batch[b] = 3 * b < n_runs ? 3 * b : n_runs;
    }
    l.runs = (gmm_runs){(n_runs + 2) / 3, l.batch, l.row, l.first, l.pattern, l.observed, NULL};
    return l;
}

void drop_listing(listing *l) { free(l->batch), free(l->row), free(l->first), free(l->pattern), free(l->observed); }

size_t second_count(const gmm_mixture *m)
{
    return structure_size(m->structure, m->n_components, m->n_features);
}

gmm_statistics new_sums(const gmm_mixture *m)
{
    return (gmm_statistics){.n = room((size_t)m->n_components, 8),
                            .first = room((size_t)(m->n_components * m->n_features), 8),
                            .second = room(second_count(m), 8)};
}

gmm_mixture new_mixture(const problem *p, const recipe *r, double correlation)
{
    gmm_mixture m = {r->structure, r->k, r->d, room((size_t)r->k, 8), p->mean,
                     room(structure_size(r->structure, r->k, r->d), 8), GMM_OWN_FORM};
    for (int64_t k = 0; k < r->k; ++k) {
        m.weight[k] = 1.0 / (double)r->k;
    }
    for (size_t i = 0; i < structure_size(r->structure, r->k, r->d); ++i) {
        const size_t d = (size_t)r->d, at = i % (d * d);
        m.covariance[i] = r->structure >= GMM_DIAG || at % (d + 1) == 0 ? 4 : 4 * correlation;
    }
    return m;
}

gmm_status call_missing(const gmm_rows *rows, const gmm_runs *runs, const gmm_mixture *m, const double *ridge,
                        gmm_dtype precision, int n_threads, gmm_statistics *sums, double *log_density, void *posterior,
                        int64_t *label, int64_t *bad_row, int64_t *bad_component)
{
    const size_t size = gmm_missing_scratch_bytes(m->structure, precision, m->n_components, m->n_features, n_threads);
    unsigned char *memory = room(size + 2 * GUARD, 1), *inside = memory + GUARD - 3;
    memset(memory, MARK, size + 2 * GUARD);
    gmm_status status = sums ? gmm_accumulate_missing(rows, runs, m, ridge, precision, n_threads, inside, size, sums,
                                                      bad_row, bad_component)
                             : gmm_score_missing(rows, runs, m, precision, n_threads, inside, size, log_density,
                                                 posterior, label, bad_row, bad_component);
    int intact = 1;
    for (size_t i = 0; i < GUARD - 3; ++i) {
        intact &= memory[i] == MARK && memory[size + GUARD + i] == MARK;
    }
    CHECK(intact);
    free(memory);
    return status;
}
