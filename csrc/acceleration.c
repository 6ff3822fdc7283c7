/* acceleration.c: what a slow climb remembers, and where it leaps. Twin: gmm/acceleration.py, where the method, its
 * source and the reasons for the constants stand. */
#include "acceleration.h"

#include <math.h>
#include <string.h>

static const double SLOW = 0.25, CALM = 0.1, RADIUS = 0.1, LARGEST_RADIUS = 1, REACH = 1, WORTHWHILE = 1.5;
static const double RESOLVED = 16;
enum { LONGEST_PAUSE = 32 };

gmm_memory gmm_take_memory(gmm_structure structure, gmm_form form, int64_t n_components, int64_t n_features,
                           gmm_workspace *space) {
    gmm_memory memory = {.about = gmm_take_coordinates(structure, form, n_components, n_features, space)};
    const int64_t P = memory.about.size;
    memory.pairs = gmm_take_pairs(P, space);
    memory.pull = gmm_take(space, P, sizeof(double));
    memory.taken = gmm_take(space, P, sizeof(double));
    memory.spare = gmm_take(space, P, sizeof(double));
    memory.newton = gmm_take(space, P, sizeof(double));
    return memory;
}

static void forget(gmm_memory *memory) {
    memory->pairs.n = memory->refused = memory->pause = 0;
    memory->has_pull = memory->still = memory->near = memory->converged = 0;
}

void gmm_begin_memory(gmm_memory *memory) {
    forget(memory);
    memory->is_on = 1;
    memory->radius = RADIUS;
    memory->last_leap = 0;
}

static double length_of(const gmm_memory *memory, const double *vector) {
    return sqrt(gmm_dot(memory->about.size, vector, vector));
}

double gmm_rise_left(gmm_memory *memory, double tol) {
    const int64_t P = memory->about.size;
    if (memory->pairs.n < 2) return INFINITY;
    const double square = gmm_dot(P, memory->pull, memory->pull);
    const double quick = square / (2 * fmin(1, gmm_least_rate(&memory->pairs)));
    if (quick > tol && tol > 0) return quick;
    const double slowest = gmm_slowest(&memory->pairs);
    if (!(slowest > 0)) return INFINITY;
    gmm_newton_step(&memory->pairs, memory->pull, memory->newton);
    return fmax(square / (2 * fmin(1, slowest)), gmm_dot(P, memory->pull, memory->newton) / 2);
}

void gmm_remember(gmm_memory *memory, int64_t n_trace, const gmm_mixture *here, const gmm_mixture *image,
                  const unsigned char *floored, double tol, double epsilon) {
    const int64_t P = memory->about.size;
    int trusted = 1;
    memory->n_trace = n_trace;
    for (int64_t k = 0; k < here->n_components; ++k)
        trusted &= !floored[k] && here->weight[k] > 0 && image->weight[k] > 0;
    if (!trusted || !gmm_move_origin(&memory->about, here) || !gmm_vector_of(&memory->about, image, memory->spare)) {
        forget(memory);
        return;
    }
    int straight = 1;
    if (memory->has_pull) {
        for (int64_t p = 0; p < P; ++p) memory->newton[p] = memory->pull[p] - memory->spare[p];
        straight = gmm_dot(P, memory->taken, memory->newton) > 0;
        if (straight) gmm_add_pair(&memory->pairs, memory->taken, memory->newton);
    }
    memcpy(memory->pull, memory->spare, (size_t)P * sizeof(double));
    memcpy(memory->taken, memory->spare, (size_t)P * sizeof(double));
    memory->has_pull = 1;
    memory->pause -= memory->pause > 0;
    memory->still = length_of(memory, memory->pull) <= RESOLVED * epsilon;
    const int was_near = memory->near;
    memory->near = tol > 0 && memory->last_leap > 0 &&
                   (memory->still || (straight && gmm_rise_left(memory, tol) <= tol));
    memory->converged = memory->near && was_near;
}

int gmm_leap(gmm_memory *memory, const double *trace, int64_t n_trace, gmm_mixture *found) {
    const int64_t P = memory->about.size;
    if (memory->pairs.n < 2 || memory->pause) return 0;
    const double *last = trace + n_trace - 1;
    if (!memory->last_leap && !memory->refused && last[0] - last[-1] <= SLOW * (last[-1] - last[-2])) return 0;
    const double square = gmm_dot(P, memory->pull, memory->pull);
    if (memory->still || square > CALM * CALM) return 0;
    gmm_newton_step(&memory->pairs, memory->pull, memory->newton);
    const double reach = gmm_reach_of(&memory->about, memory->newton);
    const double share = fmin(1, fmin(memory->radius / length_of(memory, memory->newton), REACH / reach));
    const double promise = gmm_dot(P, memory->pull, memory->newton) * (share - share * share / 2);
    if (!(promise > WORTHWHILE * square / 2)) return 0;
    for (int64_t p = 0; p < P; ++p) memory->spare[p] = share * memory->newton[p];
    memory->promise = promise;
    memory->shortened = share < 1;
    gmm_mixture_at(&memory->about, memory->spare, found);
    return 1;
}

static void shorten(gmm_memory *memory) {
    memory->radius = fmin(memory->radius, length_of(memory, memory->spare)) / 4;
}

void gmm_keep_leap(gmm_memory *memory, double gain, int64_t iteration) {
    if (memory->shortened && gain > memory->promise / 2) memory->radius = fmin(LARGEST_RADIUS, 2 * memory->radius);
    if (gain < memory->promise / 4) shorten(memory);
    memcpy(memory->taken, memory->spare, (size_t)memory->about.size * sizeof(double));
    memory->refused = 0;
    memory->last_leap = iteration;
}

void gmm_refuse_leap(gmm_memory *memory) {
    ++memory->refused;
    shorten(memory);
    memory->pause = (memory->refused < 6 ? (int64_t)1 << (memory->refused - 1) : LONGEST_PAUSE) + 1;
}

int64_t gmm_steady_entries(const gmm_memory *memory, int64_t n_trace) {
    if (!memory->last_leap) return n_trace;
    return memory->has_pull ? 0 : n_trace - memory->last_leap;
}
