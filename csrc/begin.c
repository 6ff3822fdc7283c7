/* begin.c: the kinds of start, and from a partition of rows to a mixture: gmm/initialization.py and gmm/partition.py
 * once more, step by step, where the reasons stand. */
#include "fit.h"

#include <math.h>
#include <string.h>

static const double POOLED_SHARE_OF_TOTAL = 1e-3;

gmm_structure gmm_moments_structure(gmm_structure structure) { return structure == GMM_TIED ? GMM_FULL : structure; }

int64_t gmm_rows_needed(gmm_structure structure, int64_t n_features) {
    return gmm_moments_structure(structure) == GMM_FULL ? n_features + 1 : 2;
}

/* Statistics of labelled rows about given means, overwritten. */
static int moments(gmm_fitting *fit, const gmm_rows *rows, gmm_structure structure, int64_t K, const double *mean,
                   gmm_statistics *sums) {
    const int64_t D = rows->n_features;
    const gmm_factors about = {.structure = structure, .precision = fit->plan->precision, .n_components = K,
                               .n_features = D, .mean = mean};
    int64_t bad;
    memset(sums->n, 0, (size_t)K * sizeof(double));
    memset(sums->first, 0, (size_t)(K * D) * sizeof(double));
    memset(sums->second, 0, (size_t)gmm_covariance_size(structure, K, D) * sizeof(double));
    sums->log_likelihood = sums->weight = 0;
    return gmm_moments(rows, &about, NULL, fit->label, 1, fit->pass, fit->pass_bytes, sums, &bad) == GMM_OK;
}

int gmm_measure_columns(gmm_fitting *fit) {
    const int64_t D = fit->seen.n_features;
    double *mean = fit->column_mean;
    memset(fit->label, 0, (size_t)fit->seen.n_rows * sizeof *fit->label);
    memset(mean, 0, (size_t)D * sizeof *mean);
    for (int round = 0; round < 2; ++round) {
        if (!moments(fit, &fit->seen, GMM_DIAG, 1, mean, &fit->sums)) return 0;
        for (int64_t j = 0; j < D; ++j) {
            const double shift = fit->sums.first[j] / fit->sums.n[0];
            mean[j] += shift;
            fit->column_variance[j] = fit->sums.second[j] / fit->sums.n[0] - shift * shift;
        }
    }
    return moments(fit, &fit->seen, gmm_moments_structure(fit->plan->structure), 1, mean, &fit->total);
}

/* The maximise step, every component alive, with mixing weights in proportion to `weight` (K,). */
static void maximize(gmm_fitting *fit, const double *weight, gmm_mixture *begun) {
    const int64_t K = fit->plan->n_components;
    const gmm_mixture unused = {begun->structure, K, begun->n_features, fit->sums.n, fit->mean, fit->unused,
                                begun->form};
    double total = 0;
    (void)gmm_maximize(&fit->sums, fit->mean, 0, &unused, fit->limits.ridge, fit->limits.floor, fit->limits.epsilon, 1,
                       fit->matrices, fit->matrices_bytes, begun, fit->floored);
    for (int64_t k = 0; k < K; ++k) total += weight[k];
    for (int64_t k = 0; k < K; ++k) begun->weight[k] = weight[k] / total;
}

/* Components with fewer than `least` rows get the rest, spread about their means as pooled rows are about theirs. */
static void top_up(gmm_fitting *fit, double least) {
    const int64_t K = fit->plan->n_components;
    const int64_t size = gmm_covariance_size(gmm_moments_structure(fit->plan->structure), 1, fit->seen.n_features);
    double total = 0, counted = 0;
    int missing = 0;
    for (int64_t k = 0; k < K; ++k) {
        total += fit->sums.n[k];
        counted += fit->count[k];
        missing |= fit->count[k] < least;
    }
    if (!missing) return;
    for (int64_t at = 0; at < size; ++at) {
        double within = 0;
        for (int64_t k = 0; k < K; ++k) within += fit->sums.second[k * size + at];
        within /= total;
        fit->pooled[at] = within + POOLED_SHARE_OF_TOTAL * (fit->total.second[at] / fit->total.n[0] - within);
    }
    for (int64_t k = 0; k < K; ++k) {
        const double more = fmax(least - fit->count[k], 0) * (total / counted);
        fit->sums.n[k] += more;
        for (int64_t at = 0; at < size; ++at) fit->sums.second[k * size + at] += more * fit->pooled[at];
    }
}

/* One maximise step from the labels of `rows`; components are topped up to `spare` times the rows they need. Moments of
 * these rows were taken before, by gmm_measure_columns, so they are numbers. */
static void from_partition(gmm_fitting *fit, const gmm_rows *rows, double spare, gmm_mixture *begun) {
    const int64_t K = fit->plan->n_components, D = rows->n_features;
    const gmm_structure structure = fit->plan->structure;
    memset(fit->mean, 0, (size_t)(K * D) * sizeof(double));
    (void)moments(fit, rows, GMM_SPHERICAL, K, fit->mean, &fit->sums);
    for (int64_t at = 0; at < K * D; ++at)
        fit->mean[at] = fit->sums.first[at] / (fit->sums.n[at / D] > 0 ? fit->sums.n[at / D] : 1);
    memcpy(fit->n, fit->sums.n, (size_t)K * sizeof(double));
    (void)moments(fit, rows, gmm_moments_structure(structure), K, fit->mean, &fit->sums);
    memset(fit->count, 0, (size_t)K * sizeof(double));
    if (!rows->weight) memcpy(fit->count, fit->n, (size_t)K * sizeof(double));
    for (int64_t i = 0; rows->weight && i < rows->n_rows; ++i) ++fit->count[fit->label[i]];
    top_up(fit, spare * (double)gmm_rows_needed(structure, D));
    maximize(fit, fit->n, begun);
}

void gmm_begin_labelled(gmm_fitting *fit, gmm_mixture *begun) { from_partition(fit, &fit->seen, 2, begun); }

/* Whether two rows have the same values, of which -0 and 0 are one. */
static int are_alike(int64_t D, const double *a, const double *b) {
    for (int64_t j = 0; j < D; ++j)
        if (a[j] != b[j]) return 0;
    return 1;
}

/* Equal components at different rows, drawn by sample weight (Efraimidis and Spirakis 2006); those for which no row is
 * left are dead. */
static void around_rows(gmm_fitting *fit, gmm_draws *draws, gmm_mixture *begun) {
    const int64_t K = begun->n_components, D = begun->n_features, N = fit->seen.n_rows;
    double *waiting = fit->closest;
    int64_t living = 0;
    for (int64_t i = 0; i < N; ++i) { /* of equal weights the logarithm would not change the order */
        waiting[i] = gmm_draw(draws);
        if (fit->seen.weight) waiting[i] = -log1p(-waiting[i]) / fit->seen.weight[i];
    }
    memset(begun->mean, 0, (size_t)(K * D) * sizeof(double));
    for (; living < K; ++living) {
        int64_t row = 0;
        for (int64_t i = 1; i < N; ++i)
            if (waiting[i] < waiting[row]) row = i;
        if (waiting[row] == INFINITY) break;
        const double *value = fit->seen_value + row * D;
        for (int64_t j = 0; j < D; ++j)
            begun->mean[living * D + j] = value[j] * fit->seen.scale[j] - fit->seen.centre[j];
        for (int64_t i = 0; i < N; ++i)
            if (are_alike(D, fit->seen_value + i * D, value)) waiting[i] = INFINITY;
    }
    for (int64_t k = 0; k < K; ++k) begun->weight[k] = k < living ? 1 / (double)living : 0;
}

static void from_data(gmm_fitting *fit, gmm_draws *draws, gmm_mixture *begun) {
    const int64_t K = begun->n_components, D = begun->n_features;
    const int64_t size = gmm_covariance_size(gmm_moments_structure(begun->structure), 1, D);
    for (int64_t k = 0; k < K; ++k) {
        fit->sums.n[k] = fit->total.n[0];
        memcpy(fit->sums.first + k * D, fit->total.first, (size_t)D * sizeof(double));
        memcpy(fit->sums.second + k * size, fit->total.second, (size_t)size * sizeof(double));
        memcpy(fit->mean + k * D, fit->column_mean, (size_t)D * sizeof(double));
    }
    maximize(fit, fit->sums.n, begun);
    around_rows(fit, draws, begun);
}

static void from_random_rows(gmm_fitting *fit, gmm_draws *draws, gmm_mixture *begun) {
    const int64_t D = begun->n_features, N = fit->seen.n_rows;
    const int64_t each = 2 * gmm_rows_needed(begun->structure, D), n = begun->n_components * each;
    gmm_rows drawn = fit->seen;
    double total = 0;
    for (int64_t i = 0; i < N; ++i) fit->cumulative[i] = total += fit->seen.weight ? fit->seen.weight[i] : 1;
    for (int64_t i = 0; i < n; ++i) {
        const int64_t row = gmm_drawn_row(fit->cumulative, N, gmm_draw(draws));
        memcpy(fit->drawn_value + i * D, fit->seen_value + row * D, (size_t)D * sizeof(double));
        fit->label[i] = i / each;
    }
    drawn.data = fit->drawn_value;
    drawn.n_rows = n;
    drawn.weight = NULL;
    from_partition(fit, &drawn, 1, begun);
    around_rows(fit, draws, begun);
}

void gmm_begin(gmm_fitting *fit, gmm_kind kind, gmm_draws *draws, gmm_mixture *begun) {
    if (kind == GMM_BEGIN_DATA || kind == GMM_BEGIN_RANDOM) {
        (kind == GMM_BEGIN_DATA ? from_data : from_random_rows)(fit, draws, begun);
        return;
    }
    const gmm_spread usual = begun->structure == GMM_SPHERICAL ? GMM_SPREAD_COMMON : GMM_SPREAD_SD;
    gmm_standardise(fit, kind == GMM_BEGIN_RANGE ? GMM_SPREAD_RANGE : usual);
    gmm_seed_centres(fit, draws);
    (kind == GMM_BEGIN_SEEDS ? gmm_label_nearest : gmm_lloyd)(fit);
    gmm_begin_labelled(fit, begun);
}
