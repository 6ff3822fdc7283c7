/* draws.h: the uniform numbers of one start, from its seed and a counter; gmm/draws.py is its twin. */
#ifndef GMM_DRAWS_H
#define GMM_DRAWS_H

#include <stdint.h>

typedef struct {
    uint64_t key, counter;
} gmm_draws;

/* splitmix64 (Steele, Lea, Flood 2014) of a seed and of a counter. */
static inline uint64_t gmm_hash(uint64_t seed, uint64_t counter) {
    uint64_t state = seed + (counter + 1) * UINT64_C(0x9E3779B97F4A7C15);
    state = (state ^ (state >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    state = (state ^ (state >> 27)) * UINT64_C(0x94D049BB133111EB);
    return state ^ (state >> 31);
}

/* The seed is hashed first: counters under the seed itself choose a start's rows, see gmm/subsample.py. */
static inline gmm_draws gmm_draws_of(uint64_t seed) { return (gmm_draws){gmm_hash(0, seed), 0}; }

/* Uniform in [0, 1), a multiple of 2^-53. */
static inline double gmm_draw(gmm_draws *draws) {
    return (double)(gmm_hash(draws->key, draws->counter++) >> 11) * 0x1p-53;
}

#endif
