/* standing.c: gmm_accumulate on one thread for many mixtures of the same sizes: arguments are checked, scratch is laid
 * out and, if wanted, rows are packed once. The same kernel, so the same bits. */
#include "standing.h"

#include "dispatch.h"
#include "fit.h"

#include <math.h>
#include <string.h>

gmm_standing gmm_stand(const gmm_rows *rows, gmm_structure structure, gmm_dtype precision, int64_t n_components,
                       int64_t n_features, int keeps_tiles, gmm_workspace *space) {
    gmm_standing pass = {.precision = precision};
    pass.task = (gmm_task){.kernel = gmm_find_kernel(GMM_ACCUMULATE, precision), .structure = structure,
                           .n_components = n_components, .n_features = n_features, .rows = rows,
                           .keeps_tiles = keeps_tiles};
    pass.partial = gmm_take(space, 1, pass.task.kernel->partial_bytes(&pass.task));
    pass.task.kernel->share(&pass.task, space);
    pass.thread = pass.task.kernel->private(&pass.task, space);
    return pass;
}

static int constants_are_usable(int64_t n, const double *log_constant) {
    int finite = 0;
    for (int64_t k = 0; k < n; ++k) {
        if (!(log_constant[k] < INFINITY)) return 0;
        finite |= log_constant[k] > -INFINITY;
    }
    return finite;
}

int gmm_accumulate_again(gmm_standing *pass, const double *log_constant, const double *mean, const double *whitener,
                         gmm_statistics *statistics) {
    gmm_task *task = &pass->task;
    const int64_t K = task->n_components, D = task->n_features, N = task->rows->n_rows;
    const gmm_factors factors = {.structure = task->structure, .precision = pass->precision, .n_components = K,
                                 .n_features = D, .log_constant = log_constant, .mean = mean, .whitener = whitener};
    if (!constants_are_usable(K, log_constant)) return 0;
    memset(statistics->n, 0, (size_t)K * sizeof(double));
    memset(statistics->first, 0, (size_t)(K * D) * sizeof(double));
    memset(statistics->second, 0, (size_t)gmm_covariance_size(task->structure, K, D) * sizeof(double));
    statistics->log_likelihood = statistics->weight = 0;
    task->factors = &factors;
    task->statistics = statistics;
    task->kernel->load(task);
    pass->thread->bad_row = INT64_MAX;
    pass->thread->partial = pass->partial;
    for (int64_t first = 0; first < N; first += GMM_BLOCK_ROWS) {
        const int64_t left = N - first;
        task->kernel->block(task, pass->thread, first, left < GMM_BLOCK_ROWS ? left : GMM_BLOCK_ROWS);
        task->kernel->merge(task, pass->partial);
    }
    task->kernel->finish(task);
    task->is_packed = task->keeps_tiles;
    task->factors = NULL;
    return pass->thread->bad_row == INT64_MAX;
}
