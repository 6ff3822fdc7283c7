/* workspace.h: a bump allocator over scratch that the caller gives.
 *
 * The same layout function runs twice: over an empty workspace (base NULL) it
 * only measures, over real memory it hands out the pieces. So the size asked
 * for and the size used cannot differ.
 *
 * Invariant: every piece starts on a cache line; pieces never overlap. */
#ifndef GMM_WORKSPACE_H
#define GMM_WORKSPACE_H

#include <stddef.h>
#include <stdint.h>

#define GMM_CACHE_LINE ((size_t)64)

typedef struct {
    unsigned char *base; /* cache-line aligned, or NULL: measure only */
    size_t used;         /* bytes, a multiple of the cache line */
} gmm_workspace;

static inline size_t gmm_round_to_line(size_t bytes) {
    return (bytes + GMM_CACHE_LINE - 1) / GMM_CACHE_LINE * GMM_CACHE_LINE;
}

/* First cache line at or after p. */
static inline unsigned char *gmm_align_to_line(void *p) {
    const size_t past = (size_t)((uintptr_t)p % GMM_CACHE_LINE);
    return (unsigned char *)p + (past ? GMM_CACHE_LINE - past : 0);
}

/* count elements of the given size, not initialised; NULL when measuring. */
static inline void *gmm_take(gmm_workspace *space, int64_t count, size_t size) {
    unsigned char *piece = space->base ? space->base + space->used : NULL;
    space->used += gmm_round_to_line((size_t)count * size);
    return piece;
}

#endif
