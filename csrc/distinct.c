/* distinct.c: each different row of positive weight once, in the order of the columns, with the sum of its sample
 * weights: what a start looks at, so that repeated, absent and shuffled rows start alike. Twin: gmm/distinct.py. */
#include "fit.h"

#include <math.h>
#include <string.h>

double gmm_value_at(const gmm_rows *rows, int64_t i, int64_t j) {
    const char *at = (const char *)rows->data + i * rows->row_stride + j * rows->column_stride;
    double x;
    float y;
    if (rows->dtype == GMM_F64) {
        memcpy(&x, at, sizeof x); /* any alignment */
        return x;
    }
    memcpy(&y, at, sizeof y);
    return (double)y;
}

/* Whether b comes before a. */
static int precedes(const gmm_rows *rows, gmm_sorted b, gmm_sorted a) {
    if (b.first != a.first) return b.first < a.first;
    for (int64_t j = 1; j < rows->n_features; ++j) {
        const double x = gmm_value_at(rows, b.row, j), y = gmm_value_at(rows, a.row, j);
        if (x != y) return x < y;
    }
    return 0;
}

/* Merge sort, so that equal rows stay in the order they came in; the result is in `sorted`. */
static void sort(const gmm_rows *rows, int64_t n, gmm_sorted *sorted, gmm_sorted *spare) {
    enum { RUN = 8 };
    for (int64_t from = 0; from < n; from += RUN)
        for (int64_t i = from + 1; i < n && i < from + RUN; ++i) {
            const gmm_sorted moving = sorted[i];
            int64_t to = i;
            for (; to > from && precedes(rows, moving, sorted[to - 1]); --to) sorted[to] = sorted[to - 1];
            sorted[to] = moving;
        }
    for (int64_t width = RUN; width < n; width *= 2) {
        memcpy(spare, sorted, (size_t)n * sizeof *spare);
        for (int64_t from = 0; from < n; from += 2 * width) {
            const int64_t middle = from + width < n ? from + width : n;
            const int64_t end = from + 2 * width < n ? from + 2 * width : n;
            int64_t a = from, b = middle;
            for (int64_t to = from; to < end; ++to)
                sorted[to] = b < end && (a >= middle || precedes(rows, spare[b], spare[a])) ? spare[b++] : spare[a++];
        }
    }
}

void gmm_see_distinct(gmm_fitting *fit) {
    const gmm_rows *rows = &fit->rows;
    const int64_t D = rows->n_features;
    gmm_sorted *sorted = fit->sorted;
    int64_t counted = 0, n = 0;
    for (int64_t i = 0; i < rows->n_rows; ++i)
        if (!rows->weight || rows->weight[i] > 0) sorted[counted++] = (gmm_sorted){gmm_value_at(rows, i, 0), i};
    sort(rows, counted, sorted, sorted + rows->n_rows);
    int alike = 1;
    for (int64_t i = 0; i < counted; ++i) {
        const double weight = rows->weight ? rows->weight[sorted[i].row] : 1;
        if (i && !precedes(rows, sorted[i - 1], sorted[i])) {
            fit->seen_weight[n - 1] += weight;
        } else {
            for (int64_t j = 0; j < D; ++j) fit->seen_value[n * D + j] = gmm_value_at(rows, sorted[i].row, j);
            fit->seen_weight[n++] = weight;
        }
    }
    for (int64_t i = 0; i < n; ++i) alike &= fit->seen_weight[i] == 1;
    fit->seen = *rows;
    fit->seen.data = fit->seen_value;
    fit->seen.dtype = GMM_F64;
    fit->seen.n_rows = n;
    fit->seen.column_stride = (int64_t)sizeof(double);
    fit->seen.row_stride = D * (int64_t)sizeof(double);
    fit->seen.weight = alike ? NULL : fit->seen_weight;
}
