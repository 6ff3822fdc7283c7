/* gather.c: the copy that makes rows with gaps dense. Rows are far apart, so they are asked for ahead. */
#include "gather.h"

#include <string.h>

enum { AHEAD = 16 }; /* rows */

int gmm_rows_are_listed(const int64_t *row, int64_t n, int64_t n_rows) {
    int valid = n >= 0 && n <= GMM_RUN_ROWS && (n == 0 || row[0] >= 0);
    for (int64_t i = 1; valid && i < n; ++i) valid = row[i - 1] < row[i];
    return valid && (n == 0 || row[n - 1] < n_rows);
}

/* Observed elements of `size` bytes, row by row. */
GMM_INLINE void copy_elements(const gmm_rows *rows, const int64_t *row, int64_t n, const int64_t *feature, int64_t o,
                              size_t size, unsigned char *to) {
    const unsigned char *data = rows->data;
    for (int64_t i = 0; i < n; ++i) {
        const unsigned char *from = data + row[i] * rows->row_stride;
        if (i + AHEAD < n) GMM_PREFETCH(data + row[i + AHEAD] * rows->row_stride);
        for (int64_t j = 0; j < o; ++j, to += size) memcpy(to, from + feature[j] * rows->column_stride, size);
    }
}

gmm_rows gmm_gather(const gmm_rows *rows, const int64_t *row, int64_t n, gmm_marginal *marginal, unsigned char *data,
                    double *weight, double *log_prior) {
    const int64_t o = marginal->n_observed, K = marginal->mixture->n_components, *feature = marginal->order;
    const size_t size = rows->dtype == GMM_F32 ? sizeof(float) : sizeof(double);
    gmm_rows dense = *rows;
    dense.n_rows = n;
    dense.n_features = o;
    dense.watch = (gmm_watch){NULL, NULL}; /* the caller's thread asks between batches */
    if (o == rows->n_features && row[n - 1] - row[0] == n - 1) {
        dense.data = (const unsigned char *)rows->data + row[0] * rows->row_stride;
        dense.weight = rows->weight ? rows->weight + row[0] : NULL;
        dense.log_prior = rows->log_prior ? rows->log_prior + row[0] * K : NULL;
        return dense;
    }
    if (size == sizeof(double))
        copy_elements(rows, row, n, feature, o, sizeof(double), data);
    else
        copy_elements(rows, row, n, feature, o, sizeof(float), data);
    for (int64_t i = 0; rows->weight && i < n; ++i) weight[i] = rows->weight[row[i]];
    for (int64_t i = 0; rows->log_prior && i < n; ++i)
        memcpy(log_prior + i * K, rows->log_prior + row[i] * K, (size_t)K * sizeof *log_prior);
    for (int64_t i = 0; i < o; ++i) {
        marginal->scale[i] = rows->scale[feature[i]];
        marginal->centre[i] = rows->centre[feature[i]];
    }
    dense.data = data;
    dense.row_stride = o * (int64_t)size;
    dense.column_stride = (int64_t)size;
    dense.weight = rows->weight ? weight : NULL;
    dense.log_prior = rows->log_prior ? log_prior : NULL;
    dense.scale = marginal->scale;
    dense.centre = marginal->centre;
    return dense;
}
