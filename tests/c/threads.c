/* threads.c: stands in for csrc/parallel.c where a sanitizer must see every thread begin and end.
 *
 * OpenMP's runtime is not instrumented, so TSan cannot know that its threads wait for each other. These are created and
 * joined in every run, which TSan understands. What is tested is the rest: the order of blocks and merges in
 * csrc/blocks.c, and that kernels write nothing but what is theirs.
 */
#include <pthread.h>
#include <stdlib.h>

#include "gmm.h"
#include "parallel.h"

enum { MOST_THREADS = 16 };

typedef struct {
    void (*work)(void *context, int thread);
    void *context;
    int number;
} worker;

int gmm_has_openmp(void)
{
    return 0;
}

int gmm_max_threads(void)
{
    return MOST_THREADS;
}

int gmm_usable_threads(int n_threads, int64_t n_blocks)
{
    int64_t most = n_threads < MOST_THREADS ? n_threads : MOST_THREADS;
    return (int)(n_blocks < 1 ? 1 : n_blocks < most ? n_blocks : most);
}

static void *begin(void *argument)
{
    worker *w = argument;
    w->work(w->context, w->number);
    return NULL;
}

void gmm_run_threads(void (*work)(void *context, int thread), void *context, int n_threads)
{
    pthread_t thread[MOST_THREADS];
    worker workers[MOST_THREADS];
    for (int t = 0; t < n_threads; ++t) {
        workers[t] = (worker){work, context, t};
        if (t > 0 && pthread_create(&thread[t], NULL, begin, &workers[t]) != 0) {
            abort();
        }
    }
    begin(&workers[0]);
    for (int t = 1; t < n_threads; ++t) {
        pthread_join(thread[t], NULL);
    }
}
