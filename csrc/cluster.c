/* cluster.c: k-means on few rows, on one thread: gmm/kmeans.py once more, step by step, where the reasons stand.
 *
 * Invariant: rows are seen through `view`, in which every column has mean 0 and a constant one is 0. */
#include "fit.h"

#include <float.h>
#include <math.h>
#include <string.h>

static const double SHIFT_TOLERANCE = 1e-4, SAME_POINT = 64;
enum { MAX_ITER = 100 };

static double data_at(const gmm_fitting *fit, int64_t i, int64_t j) {
    return fit->seen_value[i * fit->seen.n_features + j];
}

static double range_of(const gmm_fitting *fit, int64_t j) {
    double low = INFINITY, high = -INFINITY;
    for (int64_t i = 0; i < fit->seen.n_rows; ++i) {
        const double x = data_at(fit, i, j);
        low = x < low ? x : low;
        high = x > high ? x : high;
    }
    return high * fit->seen.scale[j] - low * fit->seen.scale[j];
}

void gmm_standardise(gmm_fitting *fit, gmm_spread spread) {
    const int64_t D = fit->seen.n_features;
    double sum = 0, changing = 0;
    for (int64_t j = 0; j < D; ++j)
        if (fit->column_variance[j] > fit->limits.floor[j]) {
            sum += fit->column_variance[j];
            ++changing;
        }
    for (int64_t j = 0; j < D; ++j) {
        double unit = changing > 0 ? sqrt(sum / changing) : 1;
        if (spread == GMM_SPREAD_SD) unit = sqrt(fmax(fit->column_variance[j], 0));
        if (spread == GMM_SPREAD_RANGE) unit = range_of(fit, j);
        if (!(fit->column_variance[j] > fit->limits.floor[j])) unit = INFINITY;
        fit->view_scale[j] = fit->seen.scale[j] / unit;
        fit->view_centre[j] = (fit->seen.centre[j] + fit->column_mean[j]) / unit;
    }
    fit->view = fit->seen;
    fit->view.scale = fit->view_scale;
    fit->view.centre = fit->view_centre;
}

static void copy_point(const gmm_fitting *fit, int64_t row, double *point) {
    for (int64_t j = 0; j < fit->seen.n_features; ++j)
        point[j] = data_at(fit, row, j) * fit->view_scale[j] - fit->view_centre[j];
}

int64_t gmm_drawn_row(const double *cumulative, int64_t n, double uniform) {
    const double wanted = uniform * cumulative[n - 1];
    int64_t low = 0, high = n; /* the first row whose cumulative mass is larger */
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        if (cumulative[middle] > wanted) high = middle;
        else low = middle + 1;
    }
    if (low < n) return low;
    for (low = n - 1; low > 0 && cumulative[low - 1] == cumulative[n - 1];) --low; /* the last with mass */
    return low;
}

/* Fails for rows that are no numbers only, and gmm_measure_columns has seen to it that there are none. */
static void nearest(gmm_fitting *fit, int64_t *label, double *distance, int with_sums) {
    const int64_t K = fit->plan->n_components, D = fit->seen.n_features;
    double inertia = 0;
    int64_t bad;
    if (with_sums) {
        memset(fit->n, 0, (size_t)K * sizeof *fit->n);
        memset(fit->sum, 0, (size_t)(K * D) * sizeof *fit->sum);
    }
    (void)gmm_assign(&fit->view, fit->plan->precision, K, fit->centre, 1, fit->pass, fit->pass_bytes, label, distance,
                     with_sums ? fit->n : NULL, with_sums ? fit->sum : NULL, &inertia, &bad);
}

void gmm_seed_centres(gmm_fitting *fit, gmm_draws *draws) {
    const int64_t K = fit->plan->n_components, D = fit->seen.n_features, N = fit->seen.n_rows;
    const int64_t trials = 2 + (int64_t)log((double)K);
    for (int64_t k = 0; k < K; ++k) {
        const int64_t C = k ? trials : 1;
        double total = 0;
        int64_t best = 0, bad;
        for (int64_t i = 0; i < N; ++i) {
            const double weight = fit->seen.weight ? fit->seen.weight[i] : 1;
            fit->cumulative[i] = total += k ? weight * fit->closest[i] : weight;
        }
        if (!(total > 0)) { /* every different row is a seed */
            for (; k < K; ++k) memcpy(fit->centre + k * D, fit->centre, (size_t)D * sizeof(double));
            break;
        }
        for (int64_t c = 0; c < C; ++c) {
            copy_point(fit, gmm_drawn_row(fit->cumulative, N, gmm_draw(draws)), fit->candidate + c * D);
            fit->potential[c] = 0;
        }
        (void)gmm_seed(&fit->view, fit->plan->precision, C, fit->candidate, k ? fit->closest : NULL, 1, fit->pass,
                       fit->pass_bytes, fit->distance, fit->potential, &bad);
        for (int64_t c = 1; c < C; ++c)
            if (fit->potential[c] < fit->potential[best]) best = c;
        memcpy(fit->centre + k * D, fit->candidate + best * D, (size_t)D * sizeof(double));
        for (int64_t i = 0; i < N; ++i) fit->closest[i] = fit->distance[i * C + best];
    }
}

void gmm_label_nearest(gmm_fitting *fit) { nearest(fit, fit->label, NULL, 0); }

/* Centre k, which lost its rows, moves to the row farthest from every centre. */
static void move_to_farthest(gmm_fitting *fit, int64_t k) {
    const int64_t D = fit->seen.n_features;
    const double unit = fit->plan->precision == GMM_F64 ? DBL_EPSILON : FLT_EPSILON;
    int64_t far = 0;
    nearest(fit, NULL, fit->distance, 0);
    for (int64_t i = 1; i < fit->seen.n_rows; ++i)
        if (fit->distance[i] > fit->distance[far]) far = i;
    double *moved = fit->centre + k * D;
    if (fit->distance[far] > SAME_POINT * (double)D * unit * unit) copy_point(fit, far, moved);
    else memmove(moved, fit->centre, (size_t)D * sizeof *moved);
}

void gmm_lloyd(gmm_fitting *fit) {
    const int64_t K = fit->plan->n_components, D = fit->seen.n_features, N = fit->seen.n_rows;
    for (int iteration = 0; iteration < MAX_ITER; ++iteration) {
        double shift = 0;
        int full = 1;
        nearest(fit, fit->spare_label, NULL, 1);
        for (int64_t k = 0; k < K; ++k) full &= fit->n[k] > 0;
        if (full && iteration && !memcmp(fit->label, fit->spare_label, (size_t)N * sizeof *fit->label)) return;
        memcpy(fit->candidate, fit->centre, (size_t)(K * D) * sizeof(double));
        for (int64_t at = 0; at < K * D; ++at)
            fit->centre[at] += fit->sum[at] / (fit->n[at / D] > 0 ? fit->n[at / D] : 1);
        for (int64_t k = 0; k < K && !full; ++k)
            if (!(fit->n[k] > 0)) move_to_farthest(fit, k);
        for (int64_t at = 0; at < K * D; ++at) {
            const double step = fit->centre[at] - fit->candidate[at];
            shift += step * step;
        }
        int64_t *labels = fit->label;
        fit->label = fit->spare_label;
        fit->spare_label = labels;
        if (shift <= SHIFT_TOLERANCE) break;
    }
    gmm_label_nearest(fit);
}
