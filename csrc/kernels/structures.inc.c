/* structures.inc.c: the structures by number. */

static const NAME(structure) *NAME(structure_of)(gmm_structure structure, int64_t n_features) {
    switch (structure) {
    case GMM_TIED: return &NAME(tied);
    case GMM_LINEAR: return NAME(linear_of)(n_features);
    case GMM_FACTOR: return &NAME(factor);
    case GMM_DIAG: return &NAME(diag);
    case GMM_SPHERICAL: return &NAME(spherical);
    default: return NAME(full)(n_features);
    }
}
