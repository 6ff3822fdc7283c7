/* score.inc.c: log-density, posterior and label of every row; the same densities as accumulate. */

/* Label: the largest log2-density, lowest component on ties; before softmax overwrites the table. */
static void NAME(label_rows)(const gmm_task *task, const NAME(pass_thread) *thread, int64_t *label) {
    const int64_t stride = thread->tile.stride;
    for (int64_t i = 0; i < thread->tile.n_rows; ++i) {
        int64_t best = 0;
        for (int64_t k = 1; k < task->n_components; ++k)
            if (thread->density[k * stride + i] > thread->density[best * stride + i]) best = k;
        label[i] = best;
    }
}

/* A far row keeps one responsibility, and its log2-densities, all -inf, gave no label: take the one that is left. */
static void NAME(label_far_rows)(const gmm_task *task, const NAME(pass_thread) *thread, int64_t *label) {
    const int64_t stride = thread->tile.stride;
    for (int64_t i = 0; i < thread->tile.n_rows; ++i)
        for (int64_t k = 0; thread->density[label[i] * stride + i] == 0 && k < task->n_components; ++k)
            if (thread->density[k * stride + i] > 0) label[i] = k;
}

static void NAME(score_block)(const gmm_task *task, gmm_thread *head, int64_t first, int64_t n_rows) {
    const NAME(pass) *pass = task->shared;
    const int64_t K = task->n_components;
    NAME(pass_thread) *thread = (NAME(pass_thread) *)(void *)head;
    const NAME(tile) *tile = &thread->tile;
    for (int64_t done = 0; done < n_rows; done += pass->tile_rows) {
        const int64_t rows = n_rows - done < pass->tile_rows ? n_rows - done : pass->tile_rows, at = first + done;
        NAME(pass_density)(task, thread, at, rows);
        if (task->label) NAME(label_rows)(task, thread, task->label + at);
        for (int64_t i = 0; i < tile->rows; ++i) thread->weight[i] = 1;
        NAME(pass_softmax)(task, thread, at);
        if (task->label) NAME(label_far_rows)(task, thread, task->label + at);
        for (int64_t i = 0; i < rows; ++i) {
            const REAL *posterior = thread->density + i;
            if (task->log_density) task->log_density[at + i] = (double)thread->log_density[i];
            if (task->posterior)
                for (int64_t k = 0; k < K; ++k) ((REAL *)task->posterior)[(at + i) * K + k] = posterior[k * tile->stride];
        }
    }
}

static void NAME(share_score)(gmm_task *task, gmm_workspace *space) { NAME(share_pass)(task, space, 0); }

static gmm_thread *NAME(private_score)(const gmm_task *task, gmm_workspace *space) {
    return NAME(private_pass)(task, space, 0);
}

static const gmm_kernel NAME(score) = {
    .share = NAME(share_score),
    .private = NAME(private_score),
    .block = NAME(score_block),
};
