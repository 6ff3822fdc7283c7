/* fit.h: what the steps of a whole fit of few rows share: distinct.c, cluster.c, begin.c, rehearse.c, race.c, exchange.c,
 * escape.c, fit.c; and those of a start of many: sketch.c, start.c.
 *
 * Everything runs on one thread, in the scratch of one `gmm_fitting`. Functions that return int return 0 where
 * something is out of the ordinary; the caller of gmm_fit then goes the long way. */
#ifndef GMM_FIT_H
#define GMM_FIT_H

#include "climb.h"
#include "dispatch.h"
#include "draws.h"
#include "exchange.h"
#include "fits.h"

typedef enum { GMM_SPREAD_SD, GMM_SPREAD_RANGE, GMM_SPREAD_COMMON } gmm_spread;

/* How a mixture to climb from comes about; KMEANS and SEEDS in the structure's usual spread. */
typedef enum { GMM_BEGIN_KMEANS, GMM_BEGIN_RANGE, GMM_BEGIN_DATA, GMM_BEGIN_SEEDS, GMM_BEGIN_RANDOM } gmm_kind;

typedef struct {
    uint64_t key; /* of the value in the first column */
    int64_t row;
} gmm_sorted;

/* What a start sees in each round of its rehearsal, and for how many iterations. */
typedef struct {
    int64_t n_candidates; /* in the first round */
    int64_t n_rounds;
    int64_t n_iter[GMM_MOST_ROUNDS];
    int64_t n_rows[GMM_MOST_ROUNDS]; /* the first so many of `seen` */
    int sees_all[GMM_MOST_ROUNDS];
} gmm_rounds;

/* A fit of one group. N rows, n_seen different ones, K components, D features, C candidates of a seed. */
typedef struct {
    const gmm_plan *plan;
    gmm_limits limits;                                  /* tol and max_iter are those of the call at hand */
    gmm_rounds rounds;
    gmm_rows rows, seen, view;                          /* all; each different one once, or a sketch; those in units of
                                                           a spread */
    double *scatter, *seen_scatter;                     /* (D, D) total scatters of rows and seen, of GMM_TIED */
    double *seen_value, *seen_weight, *drawn_value;     /* (N, D), (N,), (2 K (D + 1), D) */
    gmm_sorted *sorted;                                 /* (2 N,) */
    double *column_mean, *column_variance;              /* (D,) of seen, in the frame */
    gmm_statistics total;                               /* of seen as one component about column_mean */
    double *view_scale, *view_centre;                   /* (D,) */
    double *centre, *candidate, *sum, *n, *potential;   /* k-means: (K, D), (K or C, D), (K, D), (K,), (C,) */
    double *closest, *cumulative, *distance;            /* (N,), (N,), (N, C) */
    int64_t *label, *spare_label;                       /* (max(N, 2 K (D + 1)),) */
    gmm_statistics sums;                                /* of a partition, about mean (K, D) */
    double *mean, *count, *pooled, *unused, *agreeing;  /* (K, D), (K,), (D, D), a covariance, (K, K) */
    double *log_constant, *whitener;                    /* (K,), (K, D, D) */
    unsigned char *floored;                             /* (K,) */
    gmm_path *start, *tried;                            /* (n_starts,) and a spare one if it looks for neighbours;
                                                           (n_candidates,) */
    gmm_exchanging exchanging;
    gmm_climber over_rows, over_seen;
    void *pass, *matrices;                              /* scratch of entry points */
    size_t pass_bytes, matrices_bytes;
} gmm_fitting;

int64_t gmm_covariance_size(gmm_structure structure, int64_t K, int64_t D);

/* Room for fits of at most N rows; n_starts and max_iter of the plan may be 0 where there is no race. */
void gmm_take_fitting(const gmm_plan *plan, const gmm_rounds *rounds, int64_t N, int64_t D, gmm_workspace *space,
                      gmm_fitting *fitting);

/* Sum of w x' x'^T about the frame's centre (D, D), in double. */
int gmm_measure_scatter(gmm_fitting *fit, const gmm_rows *rows, double *scatter);

/* One value of rows, as a double. */
double gmm_value_at(const gmm_rows *rows, int64_t i, int64_t j);

/* What to ask gmm_moments for, and rows in general position that make a covariance regular. */
gmm_structure gmm_moments_structure(gmm_structure structure);
int64_t gmm_rows_needed(gmm_structure structure, int64_t n_features);

/* seen from rows: each different one once; or the sketches of a seed, 0 when they have too many rows. */
void gmm_see_distinct(gmm_fitting *fit);
int gmm_see_sketches(gmm_fitting *fit, const gmm_rehearsal *rehearsal, uint64_t seed);

/* Mean, variance and total of seen. */
int gmm_measure_columns(gmm_fitting *fit);

/* k-means: view; centre by greedy k-means++; centre and label by Lloyd's iterations; label of the nearest centre. */
void gmm_standardise(gmm_fitting *fit, gmm_spread spread);
void gmm_seed_centres(gmm_fitting *fit, gmm_draws *draws);
void gmm_lloyd(gmm_fitting *fit);
void gmm_label_nearest(gmm_fitting *fit);

/* Row whose share of the mass, as running totals (n,), a uniform number in [0, 1) falls into. */
int64_t gmm_drawn_row(const double *cumulative, int64_t n, double uniform);

void gmm_begin(gmm_fitting *fit, gmm_kind kind, gmm_draws *draws, gmm_mixture *begun);

/* From labels of seen, every component topped up to twice the rows it needs. */
void gmm_begin_labelled(gmm_fitting *fit, gmm_mixture *begun);

/* The mixture that one start of the plan's method begins with; iterations of any candidate, at most. */
int64_t gmm_longest_rehearsal(const gmm_rounds *rounds);
int gmm_rehearse(gmm_fitting *fit, uint64_t seed, gmm_mixture *begun);

/* A climb that is to begin at its mixture. */
void gmm_begin_anew(gmm_path *path);

/* Climb, or climb on, until max_iter iterations in all, or until the plan's patience ends, after which the path's
 * memory, if it has one, lets it leap; a climb that has ended stays. n_trace = 0 begins. */
int gmm_climb_on(gmm_fitting *fit, gmm_climber *over, gmm_path *path, double tol, int64_t max_iter);

/* Factors of a mixture that was climbed to, so that there are any, and passes over the rows end well: tied ones as such,
 * or `centred` as K copies for the kernel of prediction. */
void gmm_factors_of(gmm_fitting *fit, const gmm_mixture *mixture, int centred, gmm_factors *factors);

/* Log-likelihood of such a mixture without penalties, nats per unit of sample weight. */
double gmm_likelihood_of(gmm_fitting *fit, const gmm_mixture *mixture, int centred);

/* Number of the likeliest of the starts when nothing is left to be found out, neighbours included, or -1; then the table
 * of all. */
int64_t gmm_race(gmm_fitting *fit, int64_t n_started);
void gmm_tabulate(gmm_fitting *fit, const gmm_group *group);

/* Whether a fit looks on among the neighbours of the mixture that has won. */
int gmm_has_neighbours(const gmm_plan *plan);

/* Mixtures that differ from one by an exchange of components, to `tried`, the most promising first; their number. */
int64_t gmm_exchange(gmm_fitting *fit, const gmm_mixture *mixture);

/* The best of the race, if it has converged, becomes the best climb that is found from there; 0 when something is out
 * of the ordinary. */
int gmm_escape(gmm_fitting *fit, gmm_path *best);

/* What climbs are ranked by: components on the floor or too thin, then the objective; same ends tie. */
int64_t gmm_n_degenerate(const gmm_path *path);
int gmm_is_better(const gmm_path *path, const gmm_path *other);
double gmm_objective(const gmm_path *path);
double gmm_promise(const gmm_path *path);

#endif
