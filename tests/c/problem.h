/* problem.h: generated mixtures and rows in every structure, dtype and memory layout.
 *
 * A recipe says what is wanted; the same recipe always gives the same numbers, whatever the layout.
 */
#ifndef PROBLEM_H
#define PROBLEM_H

#include "gmm.h"

typedef enum {
    LAYOUT_C,
    LAYOUT_F,
    LAYOUT_STRIDED,     /* gaps between rows and between columns */
    LAYOUT_NEGATIVE,    /* both strides negative */
    LAYOUT_MISALIGNED,  /* C order at an odd address */
    N_LAYOUTS
} layout;

typedef enum {
    WEIGHT_NONE,   /* NULL: ones */
    WEIGHT_SOME,   /* in (0, 2), every seventh exactly zero */
    WEIGHT_ZERO    /* all zero */
} weighting;

typedef struct {
    gmm_structure structure;
    gmm_dtype dtype, precision;
    int64_t n, d, k;
    layout layout;
    weighting weighting;
    int plain_frame;   /* scale 1 and centre 0 instead of a mix of powers of two and shifts */
    int dead;          /* component that is switched off by -inf, or -1 */
    uint64_t seed;
} recipe;

typedef struct {
    gmm_rows rows;
    gmm_factors factors;
    double *value;      /* (N, D) row-major, exactly the values the rows hold */
    double *posterior;  /* (N, K) given responsibilities, rows summing to one */
    int64_t *label;     /* (N,) given labels in [-1, K) */
    double *mean, *log_constant, *whitener, *weight, *scale, *centre;
    void *storage;
} problem;

/* A recipe to change by field: full, float64, N = 100, D = 3, K = 4, C order, weighted. */
recipe plain_recipe(void);

problem cook(const recipe *r);

/* Lay p->value out again; the old storage is released. Values must suit the dtype. */
void relay(problem *p, gmm_dtype dtype, layout where);

void discard(problem *p);

const char *layout_name(layout where);
const char *structure_name(gmm_structure structure);
const char *describe(const recipe *r);

/* Factors of GMM_FACTOR that problems of d features have. */
int64_t factor_count(int64_t d);

/* Elements of a whitener or of second moments in this structure's shape. */
size_t structure_size(gmm_structure structure, int64_t k, int64_t d);

/* Uniform in [0, 1) and standard normal numbers from a 64-bit state. */
double uniform(uint64_t *state);
double normal(uint64_t *state);

/* calloc that ends the program instead of failing; n may be zero. */
void *room(size_t n, size_t size);

#endif
