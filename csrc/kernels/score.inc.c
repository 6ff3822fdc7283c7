/* score.inc.c: log-density, posterior and label of every row; the same responsibilities as accumulate. */

static void NAME(score_block)(const gmm_task *task, gmm_thread *head, int64_t first, int64_t n_rows) {
    const NAME(pass) *pass = task->shared;
    const int64_t K = task->n_components, columns = K + task->has_noise;
    NAME(pass_thread) *thread = (NAME(pass_thread) *)(void *)head;
    for (int64_t done = 0; done < n_rows; done += pass->tile_rows) {
        const int64_t rows = NAME(pass_pack)(task, thread, first, done, n_rows), at = first + done;
        for (int64_t i = 0; i < thread->tile.rows; ++i) thread->weight[i] = 1;
        NAME(pass_responsibilities)(task, thread, at, task->label ? thread->label : NULL);
        for (int64_t i = 0; task->log_density && i < rows; ++i)
            task->log_density[at + i] = (double)thread->log_density[i];
        for (int64_t i = 0; task->label && i < rows; ++i) task->label[at + i] = (int64_t)thread->label[i];
        REAL *posterior = (REAL *)task->posterior + (task->posterior ? at * columns : 0);
        for (int64_t k = 0; task->posterior && k < columns; ++k) {
            const REAL *column = k < K ? thread->density + k * thread->tile.stride : thread->noise;
            for (int64_t i = 0; i < rows; ++i) posterior[i * columns + k] = column[i];
        }
    }
}

static void NAME(share_score)(gmm_task *task, gmm_workspace *space) { NAME(share_pass)(task, space, 0); }

static void NAME(load_score)(gmm_task *task) { NAME(load_pass)(task, 0); }

static gmm_thread *NAME(private_score)(const gmm_task *task, gmm_workspace *space) {
    return NAME(private_pass)(task, space, 0);
}

static const gmm_kernel NAME(score) = {
    .share = NAME(share_score),
    .load = NAME(load_score),
    .private = NAME(private_score),
    .block = NAME(score_block),
};
