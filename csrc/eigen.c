/* eigen.c: S = Q' diag(value) Q of a symmetric matrix: reflections to a tridiagonal T = Q S Q' (Householder 1958), then
 * plane rotations that chase a shifted QL step through T (Francis 1961, with Wilkinson's shift) until it is diagonal.
 *
 * Rows of Q are the vectors throughout, so that reflections and rotations run along contiguous memory. Errors are some
 * eps of the largest eigenvalue. */
#include "eigen.h"

#include <float.h>
#include <math.h>
#include <string.h>

enum { MOST_STEPS = 60 }; /* of one eigenvalue; two are usual */

int64_t gmm_eigen_space(int64_t n_features) { return n_features * n_features + 3 * n_features; }

/* v with (I - tau v v') x = -+|x| e_1; returns tau, 0 where x is that already. v may be x. */
static double reflector(int64_t n, const double *x, double *v, double *image) {
    double rest = 0;
    for (int64_t i = 1; i < n; ++i) rest += x[i] * x[i];
    const double first = x[0], length = sqrt(first * first + rest);
    memmove(v, x, (size_t)n * sizeof *v);
    *image = first;
    if (!(rest > 0)) return 0;
    *image = first > 0 ? -length : length;
    v[0] = first - *image;
    return 2 / (v[0] * v[0] + rest);
}

/* A (D, D) is left tridiagonal in diagonal (D,) and beside (D,), of which the last is 0; Q (D, D) with Q A Q' = T. */
static void tridiagonalise(int64_t D, double *A, double *Q, double *diagonal, double *beside, double *image) {
    memset(Q, 0, (size_t)(D * D) * sizeof *Q);
    for (int64_t i = 0; i < D; ++i) Q[i * D + i] = 1;
    for (int64_t k = 0; k + 1 < D; ++k) {
        const int64_t n = D - k - 1;
        double *v = A + k * D + k + 1; /* the row is done with once it is reflected */
        const double tau = reflector(n, v, v, beside + k);
        if (tau == 0) continue;
        double inner = 0;
        for (int64_t i = 0; i < n; ++i) {
            const double *row = A + (k + 1 + i) * D + k + 1;
            double sum = 0;
            for (int64_t j = 0; j < n; ++j) sum += row[j] * v[j];
            image[i] = tau * sum;
            inner += image[i] * v[i];
        }
        for (int64_t i = 0; i < n; ++i) image[i] -= tau * inner / 2 * v[i];
        for (int64_t i = 0; i < n; ++i) {
            double *row = A + (k + 1 + i) * D + k + 1;
            for (int64_t j = 0; j < n; ++j) row[j] -= v[i] * image[j] + image[i] * v[j];
        }
        memset(image, 0, (size_t)D * sizeof *image);
        for (int64_t i = 0; i < n; ++i)
            for (int64_t j = 0; j < D; ++j) image[j] += v[i] * Q[(k + 1 + i) * D + j];
        for (int64_t i = 0; i < n; ++i)
            for (int64_t j = 0; j < D; ++j) Q[(k + 1 + i) * D + j] -= tau * v[i] * image[j];
    }
    beside[D - 1] = 0;
    for (int64_t i = 0; i < D; ++i) diagonal[i] = A[i * D + i];
}

static int is_negligible(const double *diagonal, const double *beside, int64_t i) {
    return fabs(beside[i]) <= DBL_EPSILON * (fabs(diagonal[i]) + fabs(diagonal[i + 1]));
}

/* One QL step on rows first..last of T, from the last row up. */
static void chase(int64_t D, int64_t first, int64_t last, double *diagonal, double *beside, double *Q) {
    const double half = (diagonal[first + 1] - diagonal[first]) / (2 * beside[first]);
    const double shift = diagonal[first] - beside[first] / (half + copysign(hypot(half, 1), half));
    double bulge = diagonal[last] - shift, c = 1, s = 1, moved = 0;
    int64_t i = last - 1;
    for (; i >= first; --i) {
        const double out = s * beside[i], in = c * beside[i], length = hypot(out, bulge);
        beside[i + 1] = length;
        if (length == 0) break; /* T falls into parts */
        s = out / length;
        c = bulge / length;
        const double rest = diagonal[i + 1] - moved, turn = (diagonal[i] - rest) * s + 2 * c * in;
        moved = s * turn;
        diagonal[i + 1] = rest + moved;
        bulge = c * turn - in;
        double *upper = Q + i * D, *lower = Q + (i + 1) * D;
        for (int64_t j = 0; j < D; ++j) {
            const double kept = lower[j];
            lower[j] = s * upper[j] + c * kept;
            upper[j] = c * upper[j] - s * kept;
        }
    }
    diagonal[i + 1] -= moved;
    beside[i + 1] = bulge;
    beside[last] = 0;
}

void gmm_eigen(int64_t n_features, double *S, double *value, double *space) {
    const int64_t D = n_features;
    double *Q = space, *beside = Q + D * D, *image = beside + D, *kept = image + D;
    tridiagonalise(D, S, Q, value, beside, image);
    for (int64_t first = 0; first < D; ++first)
        for (int step = 0; step < MOST_STEPS; ++step) {
            int64_t last = first;
            while (last + 1 < D && !is_negligible(value, beside, last)) ++last;
            if (last == first) break;
            chase(D, first, last, value, beside, Q);
        }
    for (int64_t i = 0; i < D; ++i) { /* by rising value */
        int64_t least = i;
        for (int64_t j = i + 1; j < D; ++j)
            if (value[j] < value[least]) least = j;
        const double moving = value[least];
        value[least] = value[i];
        value[i] = moving;
        memcpy(S + i * D, Q + least * D, (size_t)D * sizeof *S);
        memcpy(kept, Q + i * D, (size_t)D * sizeof *kept);
        memcpy(Q + least * D, kept, (size_t)D * sizeof *Q);
    }
}
