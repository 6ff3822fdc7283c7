/* forms.c: the covariances of one of mclust's forms that are likeliest given each component's scatter S_k,
 *
 *     minimise  sum_k n_k (log |covariance_k| + trace(inverse(covariance_k) S_k))
 *
 * (Celeux and Govaert 1995). Twin: gmm/reference/forms.py. Families are in along_features.c, ellipsoids.c and
 * common_axes.c. Where a step has iterations inside they begin with the previous covariances, so that a climb's objective
 * never falls, and run to their end. */
#include "forms.h"

#include "eigen.h"
#include "matrices.h"

#include <math.h>
#include <string.h>

gmm_structure gmm_structure_of_form(gmm_form form) {
    if (form == GMM_EII) return GMM_SPHERICAL;
    return form == GMM_EEI || form == GMM_VEI || form == GMM_EVI ? GMM_DIAG : GMM_FULL;
}

static void take_forming(gmm_forming *f, gmm_workspace *space) {
    const int64_t K = f->K, D = f->D, algebra = f->algebra->space(D), eigen = gmm_eigen_space(D);
    const int is_full = gmm_structure_of_form(f->form) == GMM_FULL;
    f->volume = gmm_take(space, K, sizeof(double));
    f->value = gmm_take(space, K * D, sizeof(double));
    for (int i = 0; i < 4; ++i) {
        f->vector[i] = gmm_take(space, D, sizeof(double));
        f->matrix[i] = gmm_take(space, is_full ? D * D : 0, sizeof(double));
    }
    f->matrices = gmm_take(space, f->form == GMM_EVE || f->form == GMM_VVE ? K * D * D : 0, sizeof(double));
    f->space = gmm_take(space, is_full ? (algebra > eigen ? algebra : eigen) : 0, sizeof(double));
}

int gmm_form_suits(gmm_form form, gmm_structure structure) {
    return form == GMM_OWN_FORM || ((unsigned)form < GMM_N_FORMS && structure == gmm_structure_of_form(form));
}

size_t gmm_form_scratch_bytes(gmm_form form, int64_t n_components, int64_t n_features) {
    const gmm_isa_row *isa = gmm_active_isa();
    gmm_workspace space = {NULL, 0};
    if (form == GMM_OWN_FORM || (unsigned)form >= GMM_N_FORMS || !isa) return 0;
    gmm_forming f = {.form = form, .algebra = &isa->algebra, .K = n_components, .D = n_features};
    take_forming(&f, &space);
    return GMM_CACHE_LINE + space.used;
}

void gmm_take_form(gmm_form form, int64_t n_components, int64_t n_features, const double *n, const double *previous,
                   const double *floor, double epsilon, void *scratch, double *covariance, unsigned char *floored) {
    gmm_workspace space = {gmm_align_to_line(scratch), 0};
    gmm_forming f = {.form = form, .algebra = &gmm_active_isa()->algebra, .K = n_components, .D = n_features, .n = n,
                     .covariance = covariance, .previous = previous, .floor = floor, .epsilon = epsilon,
                     .floored = floored, .first = -1};
    take_forming(&f, &space);
    memset(f.volume, 0, (size_t)f.K * sizeof(double));
    memset(floored, 0, (size_t)f.K);
    for (int64_t k = f.K - 1; k >= 0; --k) {
        f.total += n[k];
        if (n[k] > 0) f.first = k;
    }
    for (int64_t j = 0; j < f.D; ++j) f.least = fmax(f.least, floor[j]);
    if (f.first < 0) return;
    if (gmm_structure_of_form(form) != GMM_FULL) gmm_form_along_features(&f);
    else if (form == GMM_EVE || form == GMM_VVE) gmm_form_common_axes(&f);
    else gmm_form_ellipsoids(&f);
}

gmm_status gmm_constrain(gmm_form form, int64_t n_components, int64_t n_features, const double *n,
                         const double *previous, const double *floor, double epsilon, void *scratch,
                         size_t scratch_bytes, double *covariance, unsigned char *floored) {
    if (!gmm_active_isa() || form == GMM_OWN_FORM || (unsigned)form >= GMM_N_FORMS || n_components < 1 ||
        n_features < 1 || !n || !floor || !covariance || !floored)
        return GMM_EINVAL;
    if (!scratch || scratch_bytes < gmm_form_scratch_bytes(form, n_components, n_features)) return GMM_ESCRATCH;
    gmm_take_form(form, n_components, n_features, n, previous, floor, epsilon, scratch, covariance, floored);
    return GMM_OK;
}

void gmm_raise_form(gmm_forming *f, int64_t k) {
    const int64_t D = f->D;
    double *S = f->covariance + k * D * D, *squares = f->vector[3];
    for (int64_t j = 0; j < D; ++j) squares[j] = S[j * D + j];
    f->floored[k] |= f->algebra->lift(D, S, squares, f->floor, f->epsilon, NULL, f->space) != 0;
}

double gmm_geometric_mean(int64_t n, const double *value) {
    double sum = 0;
    for (int64_t i = 0; i < n; ++i) sum += log(value[i]);
    return exp(sum / (double)n);
}

void gmm_pool_form(const gmm_forming *f, int64_t size, const double *blocks, const double *volume, double *pooled) {
    memset(pooled, 0, (size_t)size * sizeof *pooled);
    for (int64_t k = 0; k < f->K; ++k) {
        if (!(f->n[k] > 0)) continue;
        const double share = volume ? f->n[k] / volume[k] : f->n[k];
        for (int64_t i = 0; i < size; ++i) pooled[i] += share * blocks[k * size + i];
    }
    for (int64_t i = 0; i < size; ++i) pooled[i] /= f->total;
}

void gmm_turn(int64_t D, const double *axes, const double *value, double *S) {
    memset(S, 0, (size_t)(D * D) * sizeof *S);
    for (int64_t m = 0; m < D; ++m)
        for (int64_t i = 0; i < D; ++i) {
            const double scaled = value[m] * axes[m * D + i];
            for (int64_t j = 0; j <= i; ++j) S[i * D + j] += scaled * axes[m * D + j];
        }
    for (int64_t i = 0; i < D; ++i)
        for (int64_t j = 0; j < i; ++j) S[j * D + i] = S[i * D + j];
}
