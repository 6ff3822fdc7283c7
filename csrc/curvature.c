/* curvature.c: pairs of a step and the change of EM's step along it; what they tell of the next. Twin:
 * gmm/curvature.py, where the formulas stand. */
#include "curvature.h"

#include <float.h>
#include <math.h>
#include <string.h>

static const double INDEPENDENT = 1e-5;

gmm_pairs gmm_take_pairs(int64_t size, gmm_workspace *space) {
    gmm_pairs pairs = {.size = size};
    pairs.vectors = gmm_take(space, GMM_PAIR_VECTORS * size, sizeof(double));
    pairs.products = gmm_take(space, GMM_PAIR_VECTORS * GMM_PAIR_VECTORS, sizeof(double));
    return pairs;
}

double gmm_dot(int64_t n, const double *a, const double *b) {
    double sum = 0;
    for (int64_t i = 0; i < n; ++i) sum += a[i] * b[i];
    return sum;
}

static double product(const gmm_pairs *pairs, int64_t i, int64_t j) {
    return pairs->products[i * GMM_PAIR_VECTORS + j];
}

void gmm_add_pair(gmm_pairs *pairs, const double *step, const double *change) {
    const int64_t P = pairs->size;
    if (pairs->n == GMM_PAIRS) {
        --pairs->n;
        memmove(pairs->vectors, pairs->vectors + 2 * P, (size_t)(2 * pairs->n * P) * sizeof(double));
        for (int64_t i = 0; i < 2 * pairs->n; ++i)
            for (int64_t j = 0; j < 2 * pairs->n; ++j)
                pairs->products[i * GMM_PAIR_VECTORS + j] = product(pairs, i + 2, j + 2);
    }
    const int64_t last = 2 * pairs->n++;
    memcpy(pairs->vectors + last * P, step, (size_t)P * sizeof(double));
    memcpy(pairs->vectors + (last + 1) * P, change, (size_t)P * sizeof(double));
    for (int64_t i = last; i < last + 2; ++i)
        for (int64_t j = 0; j <= i; ++j)
            pairs->products[i * GMM_PAIR_VECTORS + j] = pairs->products[j * GMM_PAIR_VECTORS + i] =
                gmm_dot(P, pairs->vectors + i * P, pairs->vectors + j * P);
}

/* Inner product of vector i with f and all shares of the others. */
static double along(const gmm_pairs *pairs, int64_t i, const double *with_pull, const double *share) {
    return with_pull[i] + gmm_dot(2 * pairs->n, pairs->products + i * GMM_PAIR_VECTORS, share);
}

void gmm_newton_step(const gmm_pairs *pairs, const double *pull, double *step) {
    const int64_t P = pairs->size, n = 2 * pairs->n;
    double with_pull[GMM_PAIR_VECTORS], share[GMM_PAIR_VECTORS] = {0}; /* of the vectors in H f - f */
    for (int64_t i = 0; i < n; ++i) with_pull[i] = gmm_dot(P, pairs->vectors + i * P, pull);
    for (int64_t s = n - 2; s >= 0; s -= 2)
        share[s + 1] = -along(pairs, s, with_pull, share) / product(pairs, s, s + 1);
    for (int64_t s = 0; s < n; s += 2)
        share[s] = -share[s + 1] - along(pairs, s + 1, with_pull, share) / product(pairs, s, s + 1);
    memcpy(step, pull, (size_t)P * sizeof(double));
    for (int64_t i = 0; i < n; ++i)
        for (int64_t p = 0; p < P; ++p) step[p] += share[i] * pairs->vectors[i * P + p];
}

double gmm_least_rate(const gmm_pairs *pairs) {
    double least = INFINITY;
    for (int64_t s = 0; s < 2 * pairs->n; s += 2) least = fmin(least, product(pairs, s, s + 1) / product(pairs, s, s));
    return least;
}

typedef double square[GMM_PAIRS][GMM_PAIRS];

/* Eigenvalues of the symmetric A on its diagonal, eigenvectors in the columns of V, by Jacobi's rotations. */
static void diagonalise(int64_t n, square A, square V) {
    enum { MOST_SWEEPS = 30 };
    for (int64_t i = 0; i < n; ++i)
        for (int64_t j = 0; j < n; ++j) V[i][j] = i == j;
    for (int sweep = 0; sweep < MOST_SWEEPS; ++sweep) {
        int turned = 0;
        for (int64_t p = 0; p < n; ++p)
            for (int64_t q = p + 1; q < n; ++q) {
                if (!(fabs(A[p][q]) > DBL_EPSILON * sqrt(fabs(A[p][p] * A[q][q])))) continue;
                const double theta = (A[q][q] - A[p][p]) / (2 * A[p][q]);
                const double t = copysign(1 / (fabs(theta) + sqrt(1 + theta * theta)), theta);
                const double c = 1 / sqrt(1 + t * t), s = t * c;
                turned = 1;
                for (int64_t i = 0; i < n; ++i) {
                    const double x = A[i][p], y = A[i][q];
                    A[i][p] = c * x - s * y;
                    A[i][q] = s * x + c * y;
                }
                for (int64_t i = 0; i < n; ++i) {
                    const double x = A[p][i], y = A[q][i], v = V[i][p], w = V[i][q];
                    A[p][i] = c * x - s * y;
                    A[q][i] = s * x + c * y;
                    V[i][p] = c * v - s * w;
                    V[i][q] = s * v + c * w;
                }
            }
        if (!turned) break;
    }
}

double gmm_slowest(const gmm_pairs *pairs) {
    const int64_t n = pairs->n;
    square gram, basis, bent = {{0}}, V;
    double length[GMM_PAIRS], largest = -INFINITY, least = INFINITY;
    int64_t clear = 0;
    for (int64_t i = 0; i < n; ++i) length[i] = sqrt(product(pairs, 2 * i, 2 * i));
    for (int64_t i = 0; i < n; ++i)
        for (int64_t j = 0; j < n; ++j) gram[i][j] = product(pairs, 2 * i, 2 * j) / (length[i] * length[j]);
    diagonalise(n, gram, V);
    for (int64_t j = 0; j < n; ++j) largest = fmax(largest, gram[j][j]);
    for (int64_t j = 0; j < n; ++j) {
        if (!(gram[j][j] > INDEPENDENT * largest)) continue;
        for (int64_t i = 0; i < n; ++i) basis[i][clear] = V[i][j] / sqrt(gram[j][j]) / length[i];
        ++clear;
    }
    for (int64_t a = 0; a < clear; ++a)
        for (int64_t b = 0; b < clear; ++b)
            for (int64_t i = 0; i < n; ++i)
                for (int64_t j = 0; j < n; ++j)
                    bent[a][b] += basis[i][a] * product(pairs, 2 * i, 2 * j + 1) * basis[j][b];
    for (int64_t a = 0; a < clear; ++a)
        for (int64_t b = 0; b < a; ++b) bent[a][b] = bent[b][a] = (bent[a][b] + bent[b][a]) / 2;
    diagonalise(clear, bent, V);
    for (int64_t a = 0; a < clear; ++a) least = fmin(least, bent[a][a]);
    return least;
}
