/* common_axes.c: forms whose ellipsoids have one orientation: EVE and VVE, and the orientation that suits several
 * scatters best.
 *
 * Given the eigenvalues a_k, an orientation Q costs  sum_k n_k trace(Q diag(1 / a_k) Q' S_k). Where two of its columns
 * turn in their plane by an angle, the best angle is that of the smallest eigenvector of the 2 x 2 matrix
 *
 *     sum_k n_k (1 / a_ki - 1 / a_kj) [q_i q_j]' S_k [q_i q_j]                    (Flury and Gautschi 1986)
 *
 * A sweep turns every pair once, in the rounds of a tournament. Each turn lowers the cost, so M-steps that begin with the
 * previous orientation keep EM monotone; majorisation (Browne and McNicholas 2014) has the same fixed points and takes
 * many more steps to them. Axes are rows here. */
#include "eigen.h"
#include "forms.h"

#include <math.h>
#include <string.h>

enum { SWEEPS = 50, LOOK = 5 };          /* of one M-step, at most; of each of several beginnings */
static const double STILL = 1e-8;        /* sine of the largest angle of a sweep that ends it */
static const double NOTHING = 1e-15;     /* of the size of what cancels: such a pair does not turn */
static const double GOLDEN = 0.6180339887498949;

/* rotated = A S A' of axes in the rows of A; half (D, D): scratch. */
static void see_along(int64_t D, const double *A, const double *S, double *half, double *rotated) {
    for (int64_t i = 0; i < D; ++i) {
        double *row = half + i * D;
        memset(row, 0, (size_t)D * sizeof *row);
        for (int64_t l = 0; l < D; ++l)
            for (int64_t j = 0; j < D; ++j) row[j] += A[i * D + l] * S[l * D + j];
    }
    for (int64_t i = 0; i < D; ++i)
        for (int64_t j = 0; j <= i; ++j) {
            double sum = 0;
            for (int64_t l = 0; l < D; ++l) sum += half[i * D + l] * A[j * D + l];
            rotated[i * D + j] = rotated[j * D + i] = sum;
        }
}

/* Axes that commuting matrices share; of others, a compromise: those of a sum with weights that no two have in common. */
static void shared_axes(const gmm_forming *f, const double *matrices, double *axes) {
    const int64_t D = f->D;
    int64_t living = 0;
    memset(axes, 0, (size_t)(D * D) * sizeof *axes);
    for (int64_t k = 0; k < f->K; ++k) {
        if (!(f->n[k] > 0)) continue;
        const double *S = matrices + k * D * D;
        double size = 0, whole;
        for (int64_t j = 0; j < D; ++j) size += S[j * D + j];
        const double weight = (1 + modf(GOLDEN * (double)living++, &whole)) / (size > 0 ? size : 1);
        for (int64_t at = 0; at < D * D; ++at) axes[at] += weight * S[at];
    }
    gmm_eigen(D, axes, f->vector[0], f->space);
}

/* Columns i and j of a matrix, or entries of rows, turned. */
static void turn(int64_t n, int64_t stride, double c, double s, double *a, double *b) {
    for (int64_t l = 0; l < n * stride; l += stride) {
        const double kept = a[l];
        a[l] = c * kept + s * b[l];
        b[l] = c * b[l] - s * kept;
    }
}

/* Turns a pair of axes; the size of the sine. */
static double turn_pair(gmm_forming *f, double *axes, int64_t i, int64_t j) {
    const int64_t D = f->D;
    double along = 0, across = 0, size = 0;
    for (int64_t k = 0; k < f->K; ++k) {
        if (!(f->n[k] > 0)) continue;
        const double *R = f->matrices + k * D * D, *a = f->value + k * D;
        const double gain = f->n[k] / a[i] - f->n[k] / a[j];
        along += gain * (R[i * D + i] - R[j * D + j]) / 2;
        across += gain * R[i * D + j];
        size += fabs(gain) * (R[i * D + i] + R[j * D + j]);
    }
    const double length = hypot(along, across);
    if (!(length > NOTHING * size)) return 0;
    const double cosine = -along / length, sine = -across / length; /* of twice the angle */
    double c, s;
    if (cosine > 0) {
        c = sqrt((1 + cosine) / 2);
        s = sine / (2 * c);
    } else {
        s = copysign(sqrt((1 - cosine) / 2), sine);
        c = sine / (2 * s);
    }
    turn(D, 1, c, s, axes + i * D, axes + j * D);
    for (int64_t k = 0; k < f->K; ++k) {
        if (!(f->n[k] > 0)) continue;
        double *R = f->matrices + k * D * D;
        turn(D, D, c, s, R + i, R + j);
        turn(D, 1, c, s, R + i * D, R + j * D);
    }
    return fabs(s);
}

/* Every pair of axes turned once: the first stays, the others move on a place a round; one of an odd number rests. */
static double sweep(gmm_forming *f, double *axes) {
    const int64_t D = f->D, places = D + D % 2;
    double largest = 0;
    for (int64_t round = 0; round + 1 < places; ++round)
        for (int64_t place = 0; place < places / 2; ++place) {
            const int64_t across = places - 1 - place, moving = places - 1;
            const int64_t a = place ? 1 + (place - 1 - round + moving) % moving : 0;
            const int64_t b = 1 + (across - 1 - round + moving) % moving;
            if (a < D && b < D) largest = fmax(largest, turn_pair(f, axes, a < b ? a : b, a < b ? b : a));
        }
    return largest;
}

/* The best eigenvalues (K, D) for scatters seen along the axes. */
static void measure_values(gmm_forming *f) {
    const int64_t D = f->D;
    double volume = 0;
    for (int64_t k = 0; k < f->K; ++k) {
        if (!(f->n[k] > 0)) continue;
        for (int64_t j = 0; j < D; ++j)
            f->value[k * D + j] = fmax(f->matrices[k * D * D + j * D + j], f->least);
        if (f->form == GMM_VVE) continue;
        f->volume[k] = gmm_geometric_mean(D, f->value + k * D);
        volume += f->n[k] * f->volume[k];
    }
    for (int64_t at = 0; at < f->K * D && f->form == GMM_EVE; ++at)
        if (f->n[at / D] > 0) f->value[at] *= volume / f->total / f->volume[at / D];
}

/* Goes on from axes and, where they are given, the values of f; returns the cost. */
static double descend(gmm_forming *f, double *axes, int has_values, int sweeps) {
    const int64_t D = f->D;
    for (int64_t k = 0; k < f->K; ++k)
        if (f->n[k] > 0) see_along(D, axes, f->covariance + k * D * D, f->matrix[3], f->matrices + k * D * D);
    if (!has_values) measure_values(f);
    for (int round = 0; round < sweeps; ++round) {
        const double sine = sweep(f, axes);
        measure_values(f);
        if (sine < STILL) break;
    }
    double cost = 0;
    for (int64_t at = 0; at < f->K * D; ++at) {
        const int64_t k = at / D, j = at % D;
        if (f->n[k] > 0)
            cost += f->n[k] * (log(f->value[at]) + f->matrices[k * D * D + j * D + j] / f->value[at]);
    }
    return cost;
}

/* Values of the previous covariances along their axes, as far as they are above the floor. */
static void begin_with_previous(gmm_forming *f, double *axes) {
    const int64_t D = f->D;
    shared_axes(f, f->previous, axes);
    for (int64_t k = 0; k < f->K; ++k) {
        if (!(f->n[k] > 0)) continue;
        see_along(D, axes, f->previous + k * D * D, f->matrix[3], f->matrix[1]);
        for (int64_t j = 0; j < D; ++j) f->value[k * D + j] = fmax(f->matrix[1][j * D + j], f->least);
    }
}

/* A beginning of its own: number of shared_axes, of each component, of the features, in this order. */
static void begin_with(gmm_forming *f, int64_t number, double *axes) {
    const int64_t D = f->D;
    if (number == 0) {
        shared_axes(f, f->covariance, axes);
    } else if (number <= f->K) {
        memcpy(axes, f->covariance + (number - 1) * D * D, (size_t)(D * D) * sizeof *axes);
        gmm_eigen(D, axes, f->vector[0], f->space);
    } else {
        memset(axes, 0, (size_t)(D * D) * sizeof *axes);
        for (int64_t j = 0; j < D; ++j) axes[j * D + j] = 1;
    }
}

/* The best of all beginnings after a look, descended from to the end. */
static void begin_anywhere(gmm_forming *f, double *best) {
    double least = INFINITY, *axes = f->matrix[0];
    for (int64_t number = 0; number < f->K + 2; ++number) {
        if (number > 0 && number <= f->K && !(f->n[number - 1] > 0)) continue;
        begin_with(f, number, axes);
        const double cost = descend(f, axes, 0, LOOK);
        if (number > 0 && !(cost < least)) continue;
        least = cost;
        memcpy(best, axes, (size_t)(f->D * f->D) * sizeof *best);
    }
    (void)descend(f, best, 0, SWEEPS);
}

void gmm_form_common_axes(gmm_forming *f) {
    const int64_t D = f->D;
    double *axes = f->matrix[2];
    if (f->previous) {
        begin_with_previous(f, axes);
        (void)descend(f, axes, 1, SWEEPS);
    } else {
        begin_anywhere(f, axes);
    }
    for (int64_t k = 0; k < f->K; ++k) {
        if (!(f->n[k] > 0)) continue;
        for (int64_t j = 0; j < D; ++j)
            if (f->matrices[k * D * D + j * D + j] < f->least) f->floored[k] = 1;
        gmm_turn(D, axes, f->value + k * D, f->covariance + k * D * D);
        gmm_raise_form(f, k);
    }
}
