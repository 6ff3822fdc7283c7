/* structures.inc.c: the structures by number. */

static const NAME(structure) *NAME(structure_of)(gmm_structure structure, int64_t n_features) {
    (void)structure;
    return NAME(full)(n_features);
}
