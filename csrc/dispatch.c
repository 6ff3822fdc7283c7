/* dispatch.c: chooses the ISA once per process. */
#include "dispatch.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#if defined(__AVX__) || defined(__AVX2__) || defined(__AVX512F__)
#error "dispatch.c runs before the ISA is known: compile it without AVX"
#endif

#if defined(__x86_64__)
extern const gmm_isa_row gmm_isa_avx512, gmm_isa_avx2;
#elif defined(__aarch64__)
extern const gmm_isa_row gmm_isa_neon;
#endif
extern const gmm_isa_row gmm_isa_scalar;

/* best first */
static const gmm_isa_row *const compiled[] = {
#if defined(__x86_64__)
    &gmm_isa_avx512, &gmm_isa_avx2,
#elif defined(__aarch64__)
    &gmm_isa_neon,
#endif
    &gmm_isa_scalar,
};

enum { N_COMPILED = (int)(sizeof compiled / sizeof compiled[0]), NOT_CHOSEN = -2, NONE = -1 };

int gmm_choose_isa(const char *wanted, unsigned features) {
    const int any = !wanted || !*wanted;
    for (int i = 0; i < N_COMPILED; ++i)
        if ((compiled[i]->needs & ~features) == 0 && (any || strcmp(wanted, compiled[i]->name) == 0)) return i;
    return NONE;
}

const gmm_isa_row *gmm_active_isa(void) {
    static atomic_int chosen = NOT_CHOSEN;
    int index = atomic_load_explicit(&chosen, memory_order_relaxed);
    if (index == NOT_CHOSEN) { /* every thread that gets here finds the same answer */
        index = gmm_choose_isa(getenv("GMM_ISA"), gmm_cpu_features());
        atomic_store_explicit(&chosen, index, memory_order_relaxed);
    }
    return index == NONE ? NULL : compiled[index];
}

const gmm_kernel *gmm_find_kernel(gmm_operation operation, gmm_dtype precision) {
    const gmm_isa_row *isa = gmm_active_isa();
    return isa ? isa->kernel[operation][precision] : NULL;
}

const char *gmm_isa(void) {
    const gmm_isa_row *isa = gmm_active_isa();
    return isa ? isa->name : NULL;
}

const char *const *gmm_isas(void) {
    /* a processor that has an ISA has all the later ones, so the answer is a tail of this list */
    static const char *const names[] = {
#if defined(__x86_64__)
        "avx512", "avx2",
#elif defined(__aarch64__)
        "neon",
#endif
        "scalar", NULL};
    return names + gmm_choose_isa(NULL, gmm_cpu_features()); /* the last row runs anywhere */
}
