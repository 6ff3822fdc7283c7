/* maximize.c: the M-step in closed form, see gmm_maximize in gmm.h.
 *
 * Adding ridge to the scatter here and its penalty to the log constants in factorize.c belong together: they are EM for
 * rows that carry independent noise of variance ridge_j, so the stated objective never falls. */
#include "dispatch.h"
#include "fit.h"
#include "forms.h"
#include "matrices.h"

#include <math.h>
#include <string.h>

/* ---- checks, scratch and threads ---- */

int gmm_mixture_is_valid(const gmm_mixture *mixture) {
    return mixture && (unsigned)mixture->structure < GMM_LINEAR && mixture->n_components >= 1 &&
           mixture->n_features >= 1 && mixture->weight && mixture->mean && mixture->covariance &&
           gmm_form_suits(mixture->form, mixture->structure);
}

int gmm_matrix_threads(int64_t n_matrices, int64_t n_features, int n_threads) {
    const double D = (double)n_features, worth = 4e5; /* multiply-adds, some 20 microseconds */
    const int usable = gmm_usable_threads(n_threads, n_matrices);
    return (double)n_matrices * D * D * D < worth ? 1 : usable;
}

size_t gmm_matrix_scratch(const gmm_isa_row *isa, int64_t n_matrices, int64_t n_features, int n_threads) {
    const int threads = gmm_matrix_threads(n_matrices, n_features, n_threads);
    return GMM_CACHE_LINE + (size_t)(isa->algebra.space(n_features) * threads) * sizeof(double);
}

size_t gmm_mixture_scratch_bytes(gmm_structure structure, int64_t n_components, int64_t n_features, int n_threads) {
    const gmm_isa_row *isa = gmm_active_isa();
    const double D = (double)n_features;
    if (!isa || (unsigned)structure >= GMM_LINEAR || n_components < 1 || n_features < 1 || n_threads < 1) return 0;
    if (D * D * 64.0 * ((double)n_threads + (double)n_components) > (double)(SIZE_MAX / 4)) return 0;
    if (structure == GMM_DIAG || structure == GMM_SPHERICAL) return GMM_CACHE_LINE;
    const int64_t n_matrices = structure == GMM_TIED ? 1 : n_components;
    return gmm_matrix_scratch(isa, n_matrices, n_features, n_threads) +
           (size_t)(n_matrices * n_features) * sizeof(double);
}

/* ---- the floor of many matrices ---- */

typedef struct {
    const gmm_algebra *algebra;
    int64_t D;
    double *covariance;
    const double *squares, *floor;
    double epsilon;
    const double *previous; /* what may be better than a raised matrix; NULL: nothing */
    const double *n;        /* matrices without weight are left alone; NULL: none is */
    unsigned char *floored;
    double *space; /* of thread 0 */
    int64_t space_size;
} lifting;

static void lift_block(void *context, int thread, int64_t slot, int64_t k) {
    const lifting *all = context;
    const int64_t D = all->D;
    (void)slot;
    all->floored[k] = 0;
    if (all->n && !(all->n[k] > 0)) return;
    const double *previous = all->previous ? all->previous + k * D * D : NULL;
    all->floored[k] = (unsigned char)all->algebra->lift(D, all->covariance + k * D * D, all->squares + k * D,
                                                        all->floor, all->epsilon, previous,
                                                        all->space + thread * all->space_size);
}

static void lift_all(lifting *all, int64_t n_matrices, int n_threads) {
    const gmm_blocks blocks = {.block = lift_block, .context = all, .n_blocks = n_matrices};
    gmm_run_blocks(&blocks, gmm_matrix_threads(n_matrices, all->D, n_threads));
}

gmm_status gmm_lift(int64_t n_matrices, int64_t n_features, double *covariance, const double *squares,
                    const double *floor, double epsilon, int n_threads, void *scratch, size_t scratch_bytes,
                    unsigned char *floored) {
    const gmm_isa_row *isa = gmm_active_isa();
    if (!isa || n_matrices < 1 || n_features < 1 || n_threads < 1 || !covariance || !squares || !floor || !floored)
        return GMM_EINVAL;
    if (!scratch || scratch_bytes < gmm_matrix_scratch(isa, n_matrices, n_features, n_threads)) return GMM_ESCRATCH;
    lifting all = {.algebra = &isa->algebra, .D = n_features, .covariance = covariance, .squares = squares,
                   .floor = floor, .epsilon = epsilon, .floored = floored,
                   .space = (double *)(void *)gmm_align_to_line(scratch), .space_size = isa->algebra.space(n_features)};
    lift_all(&all, n_matrices, n_threads);
    return GMM_OK;
}

/* ---- one maximise step ---- */

typedef struct {
    const gmm_statistics *statistics;
    const gmm_mixture *previous;
    gmm_mixture *next;
    const double *about, *ridge, *floor;
    int64_t K, D;
    double total; /* sum n */
} step;

/* d_j = first_kj / n_k of a living component. */
static double shift_of(const step *s, int64_t k, int64_t j) {
    return s->statistics->first[k * s->D + j] / s->statistics->n[k];
}

static void weights_and_means(step *s) {
    for (int64_t k = 0; k < s->K; ++k) s->total += s->statistics->n[k];
    for (int64_t k = 0; k < s->K; ++k) {
        const int alive = s->statistics->n[k] > 0;
        s->next->weight[k] = s->statistics->n[k] / s->total;
        for (int64_t j = k * s->D; j < (k + 1) * s->D; ++j)
            s->next->mean[j] =
                alive ? s->about[j] + s->statistics->first[j] / s->statistics->n[k] : s->previous->mean[j];
    }
}

/* A matrix meets its transpose in squares that stay in a first-level cache. */
enum { SQUARE = 8 };

static int64_t square_end(int64_t first, int64_t D) { return first + SQUARE < D ? first + SQUARE : D; }

/* S <- (S + S') / 2, or with is_lower the lower triangle and its mirror image. */
static void make_symmetric(double *S, int64_t D, int is_lower) {
    for (int64_t first_i = 0; first_i < D; first_i += SQUARE)
        for (int64_t first_j = 0; first_j <= first_i; first_j += SQUARE)
            for (int64_t i = first_i; i < square_end(first_i, D); ++i)
                for (int64_t j = first_j; j < square_end(first_j, D) && j < i; ++j)
                    S[j * D + i] = S[i * D + j] = is_lower ? S[i * D + j] : (S[i * D + j] + S[j * D + i]) / 2;
}

/* S <- S + diag(ridge); squares (D,) at least the diagonal. */
static void finish_scatter(const step *s, double *S, double *squares) {
    const int64_t D = s->D;
    for (int64_t i = 0; i < D; ++i) {
        if (s->ridge) S[i * D + i] += s->ridge[i];
        squares[i] = S[i * D + i] > squares[i] ? S[i * D + i] : squares[i];
    }
}

/* shift (D,): scratch. */
static void full_scatter(const step *s, int64_t k, double *squares, double *shift) {
    const int64_t D = s->D;
    const double *second = s->statistics->second + k * D * D, n = s->statistics->n[k];
    double *S = s->next->covariance + k * D * D;
    if (!(n > 0)) {
        memcpy(S, s->previous->covariance + k * D * D, (size_t)(D * D) * sizeof *S);
        return;
    }
    for (int64_t j = 0; j < D; ++j) shift[j] = shift_of(s, k, j);
    for (int64_t i = 0; i < D; ++i) {
        squares[i] = second[i * D + i] / n;
        for (int64_t j = 0; j < D; ++j) S[i * D + j] = second[i * D + j] / n - shift[i] * shift[j];
    }
    make_symmetric(S, D, 0);
    finish_scatter(s, S, squares);
}

static void tied_scatter(const step *s, int is_pooled, double *squares) {
    const int64_t K = s->K, D = s->D;
    const double *second = s->statistics->second, *n = s->statistics->n;
    double *S = s->next->covariance;
    memcpy(S, second, (size_t)(D * D) * sizeof *S);
    for (int64_t k = 1; k < K && !is_pooled; ++k)
        for (int64_t i = 0; i < D * D; ++i) S[i] += second[k * D * D + i];
    if (!is_pooled) make_symmetric(S, D, 0);
    for (int64_t j = 0; j < D; ++j) {
        squares[j] = S[j * D + j];
        for (int64_t k = 0; k < K && is_pooled; ++k) squares[j] += n[k] * s->about[k * D + j] * s->about[k * D + j];
        squares[j] /= s->total;
    }
    for (int64_t i = 0; i < D; ++i) { /* a row stays in cache while it meets the components */
        double *row = S + i * D;
        for (int64_t k = 0; k < K; ++k) {
            if (!(n[k] > 0)) continue;
            const double d = shift_of(s, k, i), *first = s->statistics->first + k * D;
            for (int64_t j = 0; j <= i; ++j) row[j] -= d * first[j];
        }
        for (int64_t j = 0; j <= i; ++j) row[j] /= s->total;
    }
    make_symmetric(S, D, 1);
    finish_scatter(s, S, squares);
}

/* A variance raised to its bound; a form sees to that itself. */
static double raised(const step *s, double variance, double bound, unsigned char *floored) {
    if (s->next->form || !(variance < bound)) return variance;
    *floored = 1;
    return bound;
}

static void diagonal_variances(const step *s, unsigned char *floored) {
    for (int64_t k = 0; k < s->K; ++k)
        for (int64_t j = 0; j < s->D; ++j) {
            const int64_t at = k * s->D + j;
            if (!(s->statistics->n[k] > 0)) {
                s->next->covariance[at] = s->previous->covariance[at];
                continue;
            }
            const double d = shift_of(s, k, j), variance = s->statistics->second[at] / s->statistics->n[k] - d * d;
            s->next->covariance[at] = raised(s, s->ridge ? variance + s->ridge[j] : variance, s->floor[j], floored + k);
        }
}

/* Its frame has one common scale, so the ridge is the same for all features; its floor is the mean of theirs. */
static void spherical_variances(const step *s, unsigned char *floored) {
    double floor = 0, ridge = 0;
    for (int64_t j = 0; j < s->D; ++j) {
        floor += s->floor[j];
        ridge += s->ridge ? s->ridge[j] : 0;
    }
    floor /= (double)s->D;
    ridge /= (double)s->D;
    for (int64_t k = 0; k < s->K; ++k) {
        if (!(s->statistics->n[k] > 0)) {
            s->next->covariance[k] = s->previous->covariance[k];
            continue;
        }
        double between = 0;
        for (int64_t j = 0; j < s->D; ++j) between += shift_of(s, k, j) * shift_of(s, k, j);
        const double trace = s->statistics->second[k] / s->statistics->n[k] - between;
        s->next->covariance[k] = raised(s, trace / (double)s->D + ridge, floor, floored + k);
    }
}

/* Whether any of the previous covariances says something. */
static int is_known(const gmm_mixture *previous, int64_t size) {
    for (int64_t at = 0; at < size; ++at)
        if (previous->covariance[at] > 0) return 1;
    return 0;
}

gmm_status gmm_maximize(const gmm_statistics *statistics, const double *about, int is_pooled,
                        const gmm_mixture *previous, const double *ridge, const double *floor, double epsilon,
                        int n_threads, void *scratch, size_t scratch_bytes, gmm_mixture *next,
                        unsigned char *floored) {
    const gmm_isa_row *isa = gmm_active_isa();
    if (!isa || !gmm_mixture_is_valid(previous) || !gmm_mixture_is_valid(next) || !statistics || !statistics->n ||
        !statistics->first || !statistics->second || !about || !floor || !floored || n_threads < 1 ||
        previous->structure != next->structure || previous->form != next->form ||
        previous->n_components != next->n_components ||
        previous->n_features != next->n_features)
        return GMM_EINVAL;
    const int64_t K = next->n_components, D = next->n_features;
    const size_t own_bytes = gmm_mixture_scratch_bytes(next->structure, K, D, n_threads);
    if (!scratch || scratch_bytes < own_bytes + gmm_form_scratch_bytes(next->form, K, D)) return GMM_ESCRATCH;
    step s = {statistics, previous, next, about, ridge, floor, K, D, 0};
    memset(floored, 0, (size_t)K);
    weights_and_means(&s);
    if (next->structure == GMM_DIAG) diagonal_variances(&s, floored);
    if (next->structure == GMM_SPHERICAL) spherical_variances(&s, floored);
    const int is_tied = next->structure == GMM_TIED, is_full = next->structure == GMM_FULL;
    double *squares = (double *)(void *)gmm_align_to_line(scratch);
    const int64_t n_matrices = is_tied ? 1 : K;
    if (is_tied) tied_scatter(&s, is_pooled, squares);
    for (int64_t k = 0; k < K && is_full; ++k) full_scatter(&s, k, squares + k * D, squares + n_matrices * D);
    if (next->form) {
        const int64_t size = gmm_covariance_size(next->structure, K, D);
        gmm_take_form(next->form, K, D, statistics->n, is_known(previous, size) ? previous->covariance : NULL, floor,
                      epsilon, (unsigned char *)scratch + own_bytes, next->covariance, floored);
    }
    if (next->form || !(is_tied || is_full)) return GMM_OK;
    lifting all = {.algebra = &isa->algebra, .D = D, .covariance = next->covariance, .squares = squares, .floor = floor,
                   .epsilon = epsilon, .previous = previous->covariance, .n = is_tied ? NULL : statistics->n,
                   .floored = floored, .space = squares + n_matrices * D, .space_size = isa->algebra.space(D)};
    lift_all(&all, n_matrices, n_threads);
    if (is_tied) memset(floored, floored[0], (size_t)K);
    return GMM_OK;
}

void gmm_pool(int64_t n_components, int64_t n_features, const double *total, const double *mean,
              const gmm_statistics *statistics, double *second) {
    const int64_t D = n_features;
    for (int64_t i = 0; i < D; ++i) {
        double *row = second + i * D;
        memset(row, 0, (size_t)(i + 1) * sizeof *row);
        for (int64_t k = 0; k < n_components; ++k) {
            const double *first = statistics->first + k * D, *m = mean + k * D, mi = m[i];
            const double f = first[i] + statistics->n[k] * mi;
            for (int64_t j = 0; j <= i; ++j) row[j] += f * m[j] + mi * first[j];
        }
    }
    for (int64_t first_i = 0; first_i < D; first_i += SQUARE)
        for (int64_t first_j = 0; first_j <= first_i; first_j += SQUARE)
            for (int64_t i = first_i; i < square_end(first_i, D); ++i)
                for (int64_t j = first_j; j < square_end(first_j, D) && j <= i; ++j) {
                    const double all = (total[i * D + j] + total[j * D + i]) / 2;
                    second[j * D + i] = second[i * D + j] = all - second[i * D + j];
                }
}
