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

/* Numbers in the order of doubles that are not NaN; -0 is 0. */
static uint64_t key_of(double x) {
    const uint64_t sign = UINT64_C(1) << 63;
    uint64_t bits;
    x += 0;
    memcpy(&bits, &x, sizeof bits);
    return bits & sign ? ~bits : bits | sign;
}

/* Whether b comes before a. */
static int precedes(const gmm_rows *rows, gmm_sorted b, gmm_sorted a) {
    if (b.key != a.key) return b.key < a.key;
    for (int64_t j = 1; j < rows->n_features; ++j) {
        const double x = gmm_value_at(rows, b.row, j), y = gmm_value_at(rows, a.row, j);
        if (x != y) return x < y;
    }
    return 0;
}

/* Merge sort, so that equal rows stay in the order they came in; the result is in `sorted`. Which of two rows comes
 * first is as good as random: it is made an index and never a branch. */
static void sort(const gmm_rows *rows, int64_t n, gmm_sorted *sorted, gmm_sorted *spare) {
    for (int64_t width = 1; width < n; width *= 2) {
        memcpy(spare, sorted, (size_t)n * sizeof *spare);
        for (int64_t from = 0; from < n; from += 2 * width) {
            const int64_t middle = from + width < n ? from + width : n;
            const int64_t end = from + 2 * width < n ? from + 2 * width : n;
            int64_t a = from, b = middle, to = from;
            while (a < middle && b < end) {
                uint64_t later = spare[b].key < spare[a].key;
                if (spare[b].key == spare[a].key) later = (uint64_t)precedes(rows, spare[b], spare[a]);
                sorted[to++] = spare[a ^ ((a ^ b) & -(int64_t)later)];
                b += (int64_t)later;
                a += !later;
            }
            while (a < middle) sorted[to++] = spare[a++];
            while (b < end) sorted[to++] = spare[b++];
        }
    }
}

void gmm_see_distinct(gmm_fitting *fit) {
    const gmm_rows *rows = &fit->rows;
    const int64_t D = rows->n_features;
    gmm_sorted *sorted = fit->sorted;
    int64_t counted = 0, n = 0;
    for (int64_t i = 0; i < rows->n_rows; ++i)
        if (!rows->weight || rows->weight[i] > 0)
            sorted[counted++] = (gmm_sorted){key_of(gmm_value_at(rows, i, 0)), i};
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
