/* sketch.c: growing sketches of many rows, chosen by the hash of a seed and a row's number: gmm/subsample.py.
 *
 * Rows of the first sketch come first, those that only a larger one has after them, each in the order of their numbers,
 * so that every sketch is the head of `seen`. */
#include "fit.h"

#include <string.h>

int gmm_see_sketches(gmm_fitting *fit, const gmm_rehearsal *rehearsal, uint64_t seed) {
    const gmm_rows *rows = &fit->rows;
    const int64_t D = rows->n_features, n_rounds = rehearsal->n_rounds;
    const uint64_t *last = rehearsal->last, largest = last[n_rounds - 1];
    gmm_rounds *rounds = &fit->rounds;
    int64_t *row = fit->label, *sketch = fit->spare_label, n = 0, next[GMM_MOST_ROUNDS] = {0};
    for (int64_t i = 0; i < rows->n_rows; ++i) {
        const uint64_t hash = gmm_hash(seed, (uint64_t)i);
        if (hash > largest || (rows->weight && !(rows->weight[i] > 0))) continue;
        if (n == rehearsal->most_rows) return 0;
        row[n] = i;
        sketch[n] = 0;
        while (hash > last[sketch[n]]) ++sketch[n];
        ++next[sketch[n++]];
    }
    for (int64_t s = 0, before = 0; s < n_rounds; ++s) {
        const int64_t more = next[s];
        next[s] = before;
        rounds->n_rows[s] = before += more;
    }
    for (int64_t i = 0; i < n; ++i) {
        const int64_t to = next[sketch[i]]++;
        for (int64_t j = 0; j < D; ++j) fit->seen_value[to * D + j] = gmm_value_at(rows, row[i], j);
        if (rows->weight) fit->seen_weight[to] = rows->weight[row[i]];
    }
    fit->seen = *rows;
    fit->seen.data = fit->seen_value;
    fit->seen.dtype = GMM_F64;
    fit->seen.n_rows = rounds->n_rows[0];
    fit->seen.column_stride = (int64_t)sizeof(double);
    fit->seen.row_stride = D * (int64_t)sizeof(double);
    fit->seen.weight = rows->weight ? fit->seen_weight : NULL;
    return fit->seen.n_rows > 0;
}
