/* measuring.h: what measured.c and a compiled kernel (kernels/measured.inc.c) agree on.
 *
 * Lower triangles are packed row by row: element (i, j), j <= i, at i (i + 1) / 2 + j. "Vectors" hold one number for each
 * of GMM_MOST_LANES rows at most. Passes are dense where features depend on each other, in the mixture or in the errors. */
#ifndef GMM_MEASURING_H
#define GMM_MEASURING_H

#include "kernel.h"
#include "measured.h"

enum { GMM_MOST_LANES = 8 };

/* A mixture seen through errors; all threads share it. Matrices of a tied mixture are there once. */
typedef struct gmm_measuring {
    const gmm_rows *rows;
    const gmm_errors *errors;
    const gmm_mixture *mixture;
    const double *ridge;  /* (D,) or NULL */
    const gmm_measured_noise *noise; /* or NULL */
    int adds_up;          /* sums are wanted, not scores */
    int is_dense;
    int are_matrices;     /* the second moments: else those of each feature alone */
    int64_t n_matrices;   /* K, or 1 of GMM_TIED */
    int64_t size;         /* of a matrix: D (D + 1) / 2 if dense, else D */
    int64_t moments;      /* of the second moments of a matrix: as many, or D */
    double *log_weight;   /* (K,) */
    double *covariance;   /* (n_matrices, size) S, or its variances */
    double *root;         /* (n_matrices, size) L with S = L L', or standard deviations */
    double *least;        /* dense: (n_matrices, D) pivots of S: no pivot of S + E is smaller */
    double *penalty;      /* (n_matrices,) 1/2 tr(R inverse(S)), of a row without gaps; 0 without a ridge */
    double *share;        /* (K, D) 1/2 R_j / S_j of variances, the parts of the penalty */
    double *whitener;     /* (n_matrices, D, D) of matrices, inverse(L) */
    void *matrices;       /* scratch of gmm_whiten */
    size_t matrices_bytes;
} gmm_measuring;

/* Sums of a block of rows, in units of the roots: y is inverse(L) b. */
typedef struct {
    double *n, *gaps; /* (K,) sum of r, and of r of rows with gaps */
    double *first;    /* (K, D) sum r y */
    double *second;   /* (n_matrices, moments) sum r (y y' + inverse(L) B inverse(L')) */
    double log_likelihood, weight, noise;
} gmm_measured_sums;

/* A thread's scratch. */
typedef struct gmm_measuring_space {
    double *point;    /* (D,) vectors, 0 where missing */
    double *observed; /* (D,) vectors, 1 or 0 */
    double *error;    /* (size,) vectors of E, 0 where a feature is missing */
    double *weight, *n_observed, *gap; /* vectors */
    int has_gaps;     /* some row of the vectors has */
    double *factor;   /* (n_matrices, size) vectors: of S + E = U D U', U below the diagonal and 1 / D on it */
    double *image;    /* (K, D) vectors z = inverse(U) (x - mean) */
    double *log_density; /* (K,) vectors, then responsibilities */
    double *noise;    /* a vector: the same of noise */
    double *whitened; /* (size,) vectors inverse(U) L */
    double *column, *y; /* (D,) vectors */
    double *ridged[3]; /* (size,) vectors each, for rows with gaps under a ridge */
    double *lanes;    /* of all sums, vectors */
    double *total;    /* the same, added up over lanes */
    double *product;  /* (D, D) */
    gmm_measured_sums sums; /* points into total */
} gmm_measuring_space;

/* What a row's scores are written to; each may be NULL. */
typedef struct gmm_measured_scores {
    double *log_density;
    unsigned char *posterior;
    gmm_dtype precision;
    int64_t *label;
} gmm_measured_scores;

/* Rows [first, first + n), n <= lanes, as vectors; lanes beyond hold rows of weight 0. Returns the first row with a value
 * that is not a number, or -1. */
int64_t gmm_pack_measured(const gmm_measuring *all, gmm_measuring_space *own, int64_t first, int64_t n, int64_t lanes);

#endif
