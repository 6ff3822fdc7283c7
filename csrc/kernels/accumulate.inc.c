/* accumulate.inc.c: E-step and sufficient statistics in one pass: density, softmax and moments of a tile in cache. */

static void NAME(accumulate_block)(const gmm_task *task, gmm_thread *head, int64_t first, int64_t n_rows) {
    const NAME(pass) *pass = task->shared;
    const NAME(structure) *structure = pass->structure;
    const int64_t K = task->n_components, D = task->n_features;
    NAME(pass_thread) *thread = (NAME(pass_thread) *)(void *)head;
    if (pass->skip.is_on && (pass->skip.is_sure || NAME(block_pays)(task, thread, first, n_rows))) {
        NAME(skip_block)(task, thread, first, n_rows);
        return;
    }
    NAME(start_sums)(task, thread);
    for (int64_t done = 0; done < n_rows; done += pass->tile_rows) {
        NAME(pass_weighted)(task, thread, first, done, n_rows);
        NAME(pass_responsibilities)(task, thread, first + done, NULL);
        NAME(pass_totals)(task, thread, first + done, thread->tile.n_rows, thread->log_density,
                           task->has_noise ? thread->noise : NULL);
        structure->moments(&thread->tile, K, D, pass->factors, thread->density, thread->accumulator);
    }
    NAME(flush_sums)(task, thread);
}

static void NAME(share_accumulate)(gmm_task *task, gmm_workspace *space) { NAME(share_pass)(task, space, 1); }

static void NAME(load_accumulate)(gmm_task *task) { NAME(load_pass)(task, 1); }

static gmm_thread *NAME(private_accumulate)(const gmm_task *task, gmm_workspace *space) {
    return NAME(private_pass)(task, space, 1);
}

static const gmm_kernel NAME(accumulate) = {
    .share = NAME(share_accumulate),
    .load = NAME(load_accumulate),
    .private = NAME(private_accumulate),
    .block = NAME(accumulate_block),
    .partial_bytes = NAME(pass_partial_bytes),
    .merge = NAME(merge_pass),
    .finish = NAME(finish_pass),
};
