/* exchange.c: two components become one and another is cut in two, to leave a low optimum: gmm/exchange.py once
 * more, step by step, where the reasons stand.
 *
 * Cholesky factors of parts exist: a share of the covariance within components, which has a floor, keeps them regular. */
#include "exchange.h"
#include "fit.h"

#include <math.h>
#include <string.h>

static const double SHARE = 0.1, LEAST = 1e-8, CLEARLY = 1 + 1e-9, OF_WHOLE = 1e-6;
enum { MOST = 4, AXES = 8, TURNS = 5 };

gmm_exchanging gmm_take_exchanging(int64_t N, int64_t K, int64_t D, gmm_workspace *space) {
    const int64_t P = 2 * K, n = K ? N : 0, square = K ? D * D : 0;
    gmm_exchanging room = {.point = gmm_take(space, n * D, sizeof(double)),
                           .turned = gmm_take(space, n * D, sizeof(double))};
    double **const doubles[] = {&room.n, &room.centroid, &room.scatter, &room.cost, &room.gain, &room.loss,
                                &room.within, &room.shape, &room.whitener, &room.half};
    const int64_t sizes[] = {P, P * D, P * square, P, P, K, square, square, square, 2 * P * D + square};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; ++i) *doubles[i] = gmm_take(space, sizes[i], sizeof(double));
    room.owner = gmm_take(space, n, sizeof *room.owner);
    room.row = gmm_take(space, n, sizeof *room.row);
    room.pair = gmm_take(space, P, sizeof *room.pair);
    room.side = gmm_take(space, P * n, 1);
    room.tried = gmm_take(space, n, 1);
    room.turn = gmm_take(space, n, 1);
    return room;
}

/* ---- what parts of the rows cost ---- */

static double weight_of(const gmm_fitting *fit, int64_t i) { return fit->seen.weight ? fit->seen.weight[i] : 1; }

/* Weight, centroid (D,) and scatter (D, D) of m rows. */
static double measure(const gmm_fitting *fit, const int64_t *row, int64_t m, double *centroid, double *scatter) {
    const int64_t D = fit->seen.n_features;
    const double *point = fit->exchanging.point;
    double n = 0;
    memset(centroid, 0, (size_t)D * sizeof *centroid);
    memset(scatter, 0, (size_t)(D * D) * sizeof *scatter);
    for (int64_t r = 0; r < m; ++r) {
        const double weight = weight_of(fit, row[r]);
        n += weight;
        for (int64_t j = 0; j < D; ++j) centroid[j] += weight * point[row[r] * D + j];
    }
    for (int64_t j = 0; j < D; ++j) centroid[j] /= n > 0 ? n : 1;
    for (int64_t r = 0; r < m; ++r) {
        const double *x = point + row[r] * D, weight = weight_of(fit, row[r]);
        for (int64_t i = 0; i < D; ++i)
            for (int64_t j = 0; j < D; ++j)
                scatter[i * D + j] += weight * (x[i] - centroid[i]) * (x[j] - centroid[j]);
    }
    return n;
}

/* The part's covariance, with a share of that within components, to `shape`. */
static void shape_of(const gmm_fitting *fit, double n, const double *scatter) {
    const gmm_exchanging *room = &fit->exchanging;
    const int64_t size = fit->seen.n_features * fit->seen.n_features;
    for (int64_t at = 0; at < size; ++at) room->shape[at] = (scatter[at] + SHARE * room->within[at]) / (n + SHARE);
}

static void whiten(const gmm_fitting *fit) {
    int64_t bad;
    (void)gmm_whiten(1, fit->seen.n_features, fit->exchanging.shape, 1, fit->matrices, fit->matrices_bytes,
                     fit->exchanging.whitener, &bad);
}

/* n log of the determinant of the shape that the structure lets it have. */
static double cost_of(const gmm_fitting *fit, double n, const double *scatter) {
    const gmm_structure structure = gmm_moments_structure(fit->plan->structure);
    const int64_t D = fit->seen.n_features;
    const double *shape = fit->exchanging.shape, *whitener = fit->exchanging.whitener;
    double log_size = 0, trace = 0;
    shape_of(fit, n, scatter);
    if (structure == GMM_FULL) whiten(fit);
    for (int64_t j = 0; j < D; ++j) {
        const int64_t at = j * D + j;
        trace += shape[at];
        log_size += structure == GMM_FULL ? -2 * log(whitener[at]) : log(shape[at]);
    }
    return n * (structure == GMM_SPHERICAL ? (double)D * log(trace / (double)D) : log_size);
}

/* Components a and b as one, to part p. */
static void unite(const gmm_exchanging *room, int64_t D, int64_t a, int64_t b, int64_t p) {
    const double n = room->n[a] + room->n[b], share = room->n[b] / (n > 0 ? n : 1);
    const double *one = room->centroid + a * D, *other = room->centroid + b * D;
    double *scatter = room->scatter + p * D * D;
    for (int64_t i = 0; i < D; ++i)
        for (int64_t j = 0; j < D; ++j)
            scatter[i * D + j] = room->scatter[(a * D + i) * D + j] + room->scatter[(b * D + i) * D + j] +
                                 share * room->n[a] * (other[i] - one[i]) * (other[j] - one[j]);
    for (int64_t j = 0; j < D; ++j) room->centroid[p * D + j] = one[j] + share * (other[j] - one[j]);
    room->n[p] = n;
}

/* Rows of components a and b to `row`; their number. */
static int64_t rows_of(const gmm_fitting *fit, int64_t a, int64_t b) {
    const gmm_exchanging *room = &fit->exchanging;
    int64_t m = 0;
    for (int64_t i = 0; i < fit->seen.n_rows; ++i)
        if (room->owner[i] == a || room->owner[i] == b) room->row[m++] = i;
    return m;
}

/* Components by the rows they own, and what is within them. */
static void measure_components(gmm_fitting *fit) {
    gmm_exchanging *room = &fit->exchanging;
    const int64_t K = fit->plan->n_components, D = fit->seen.n_features, N = fit->seen.n_rows;
    double total = 0;
    for (int64_t i = 0; i < N; ++i)
        for (int64_t j = 0; j < D; ++j)
            room->point[i * D + j] = fit->seen_value[i * D + j] * fit->seen.scale[j] - fit->seen.centre[j];
    memset(room->within, 0, (size_t)(D * D) * sizeof(double));
    for (int64_t k = 0; k < K; ++k) {
        const int64_t m = rows_of(fit, k, k);
        room->n[k] = measure(fit, room->row, m, room->centroid + k * D, room->scatter + k * D * D);
        total += room->n[k];
        for (int64_t at = 0; at < D * D; ++at) room->within[at] += room->scatter[k * D * D + at];
    }
    for (int64_t at = 0; at < D * D; ++at) room->within[at] /= total;
    for (int64_t j = 0; j < D; ++j)
        room->within[j * D + j] += LEAST * (fit->column_variance[j] + OF_WHOLE) + fit->limits.floor[j];
    for (int64_t k = 0; k < K; ++k) room->cost[k] = cost_of(fit, room->n[k], room->scatter + k * D * D);
}

/* The K pairs that lose least by their union, the least first. */
static void measure_pairs(gmm_fitting *fit) {
    gmm_exchanging *room = &fit->exchanging;
    const int64_t K = fit->plan->n_components, D = fit->seen.n_features;
    int64_t kept = 0;
    for (int64_t a = 0; a < K; ++a)
        for (int64_t b = a + 1; b < K; ++b) {
            unite(room, D, a, b, 2 * K - 1);
            const double cost = cost_of(fit, room->n[2 * K - 1], room->scatter + (2 * K - 1) * D * D);
            const double loss = cost - room->cost[a] - room->cost[b];
            int64_t to = kept < K ? kept++ : K;
            for (; to > 0 && loss < room->loss[to - 1]; --to)
                if (to < K) {
                    room->loss[to] = room->loss[to - 1];
                    memcpy(room->pair + 2 * to, room->pair + 2 * (to - 1), 2 * sizeof *room->pair);
                }
            if (to == K) continue;
            room->loss[to] = loss;
            room->pair[2 * to] = a;
            room->pair[2 * to + 1] = b;
        }
    for (int64_t t = 0; t < K; ++t) {
        unite(room, D, room->pair[2 * t], room->pair[2 * t + 1], K + t);
        room->cost[K + t] = cost_of(fit, room->n[K + t], room->scatter + (K + t) * D * D);
    }
}

/* ---- cuts ---- */

/* One turn of 2-means from `tried` to `turn`: weight between the halves, 0 where one is empty. */
static double turn(const gmm_fitting *fit, int64_t m) {
    const gmm_exchanging *room = &fit->exchanging;
    const int64_t D = fit->seen.n_features;
    double n[2] = {0, 0}, *centre = room->half, middle = 0, square = 0;
    memset(centre, 0, (size_t)(2 * D) * sizeof *centre);
    for (int64_t r = 0; r < m; ++r) {
        const double weight = weight_of(fit, room->row[r]);
        double *own = centre + room->tried[r] * D;
        n[room->tried[r]] += weight;
        for (int64_t j = 0; j < D; ++j) own[j] += weight * room->turned[r * D + j];
    }
    if (!(n[0] > 0 && n[1] > 0)) return 0;
    for (int64_t j = 0; j < D; ++j) {
        const double one = centre[j] / n[0], other = centre[D + j] / n[1];
        centre[j] = other - one;
        square += centre[j] * centre[j];
        middle += (one + other) * centre[j] / 2;
    }
    for (int64_t r = 0; r < m; ++r) {
        double along = 0;
        for (int64_t j = 0; j < D; ++j) along += room->turned[r * D + j] * centre[j];
        room->turn[r] = along > middle;
    }
    return n[0] * n[1] / (n[0] + n[1]) * square;
}

/* Part p of the components a and b cut in two, and what that gains; -inf of rows that are alike. */
static void cut(gmm_fitting *fit, int64_t p, int64_t a, int64_t b) {
    gmm_exchanging *room = &fit->exchanging;
    const int64_t D = fit->seen.n_features, N = fit->seen.n_rows, m = rows_of(fit, a, b);
    unsigned char *side = room->side + p * N;
    double most = 0;
    shape_of(fit, room->n[p], room->scatter + p * D * D);
    whiten(fit);
    for (int64_t r = 0; r < m; ++r)
        for (int64_t i = 0; i < D; ++i) {
            double along = 0;
            for (int64_t j = 0; j <= i; ++j)
                along += room->whitener[i * D + j] * (room->point[room->row[r] * D + j] - room->centroid[p * D + j]);
            room->turned[r * D + i] = along;
        }
    for (int64_t axis = 0; axis < D && axis < AXES; ++axis) {
        for (int64_t r = 0; r < m; ++r) room->tried[r] = room->turned[r * D + axis] > 0;
        for (int turns = 0; turns < TURNS; ++turns) {
            const double between = turn(fit, m);
            if (!(between > 0)) break;
            if (between > most * CLEARLY) {
                most = between;
                memset(side, 0, (size_t)N);
                for (int64_t r = 0; r < m; ++r) side[room->row[r]] = room->tried[r];
            }
            if (!memcmp(room->tried, room->turn, (size_t)m)) break;
            memcpy(room->tried, room->turn, (size_t)m);
        }
    }
    room->gain[p] = most > 0 ? room->cost[p] : -INFINITY;
    for (int half = 0; half < 2 && most > 0; ++half) {
        int64_t count = 0;
        for (int64_t i = 0; i < N; ++i)
            if ((room->owner[i] == a || room->owner[i] == b) && side[i] == half) room->row[count++] = i;
        const double n = measure(fit, room->row, count, room->half, room->half + 2 * D);
        room->gain[p] -= cost_of(fit, n, room->half + 2 * D);
    }
}

/* ---- exchanges ---- */

typedef struct {
    double value;
    int64_t pair, part;
} exchange;

/* The most promising ones, the first first; their number. */
static int64_t choose(gmm_fitting *fit, exchange chosen[MOST]) {
    const gmm_exchanging *room = &fit->exchanging;
    const int64_t K = fit->plan->n_components;
    int64_t kept = 0;
    for (int64_t p = 0; p < 2 * K; ++p) {
        const int64_t *own = p < K ? NULL : room->pair + 2 * (p - K);
        cut(fit, p, own ? own[0] : p, own ? own[1] : p);
        if (room->gain[p] == -INFINITY) continue;
        for (int64_t t = 0; t < K; ++t) {
            const int64_t one = room->pair[2 * t], other = room->pair[2 * t + 1];
            if (own ? t != p - K : p == one || p == other) continue;
            const exchange found = {room->gain[p] - room->loss[t], t, p};
            int64_t to = kept < MOST ? kept++ : MOST;
            for (; to > 0 && found.value > chosen[to - 1].value; --to)
                if (to < MOST) chosen[to] = chosen[to - 1];
            if (to < MOST) chosen[to] = found;
        }
    }
    return kept;
}

int64_t gmm_exchange(gmm_fitting *fit, const gmm_mixture *mixture) {
    const gmm_exchanging *room = &fit->exchanging;
    const int64_t N = fit->seen.n_rows;
    exchange chosen[MOST];
    gmm_factors factors;
    int64_t bad;
    gmm_factors_of(fit, mixture, 0, &factors);
    (void)gmm_score(&fit->seen, &factors, 1, fit->pass, fit->pass_bytes, NULL, NULL, room->owner, &bad);
    measure_components(fit);
    measure_pairs(fit);
    const int64_t n = choose(fit, chosen);
    for (int64_t c = 0; c < n; ++c) {
        const int64_t one = room->pair[2 * chosen[c].pair], other = room->pair[2 * chosen[c].pair + 1];
        const unsigned char *side = room->side + chosen[c].part * N;
        for (int64_t i = 0; i < N; ++i) {
            fit->label[i] = room->owner[i] == other ? one : room->owner[i];
            if (side[i]) fit->label[i] = other;
        }
        gmm_begin_labelled(fit, &fit->tried[c].mixture);
    }
    return n;
}
