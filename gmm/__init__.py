"""Gaussian mixtures at the speed of the hardware, on data as it really comes.

    >>> import gmm
    >>> from gmm.datasets import load_faithful
    >>> model = gmm.GaussianMixture(2, random_state=0).fit(load_faithful().data)
    >>> sorted(model.weights_.round(2).tolist())
    [0.36, 0.64]

Names are imported when first used, so that `import gmm` costs next to nothing.
"""

from importlib import import_module

TYPE_CHECKING = False  # what type checkers take for typing.TYPE_CHECKING, without the time to import typing

try:
    import_module("gmm._native")  # without it nothing works, and the reason is worth a sentence
except ModuleNotFoundError as error:
    if error.name != "gmm._native":
        raise
    raise ImportError(
        f"gmm is imported from {__path__[0]}, which has no compiled module: a source tree that is not built. "
        "Leave this directory to use an installed gmm, or build in place with: pip install -e ."
    ) from None

if TYPE_CHECKING:
    from gmm import datasets, errors, priors
    from gmm.adaptation import adapt
    from gmm.advising import advice
    from gmm.bayesian_mixture import BayesianGaussianMixture
    from gmm.certainty import uncertainty
    from gmm.classifier import GaussianMixtureClassifier
    from gmm.comparison import compare_kmeans
    from gmm.config import show_config
    from gmm.fisher import fisher_vector
    from gmm.gaussian_mixture import GaussianMixture
    from gmm.likelihood_ratio import LikelihoodRatioTest, likelihood_ratio_test
    from gmm.loading import load
    from gmm.many import FittedGroups, fit_many
    from gmm.merging import merge_components
    from gmm.misclassification import overlap
    from gmm.recurrence import stability
    from gmm.replicates import bootstrap
    from gmm.selection import Selection, select
    from gmm.selector import GaussianMixtureSelector

    __version__: str

__all__ = [
    "BayesianGaussianMixture",
    "FittedGroups",
    "GaussianMixture",
    "GaussianMixtureClassifier",
    "GaussianMixtureSelector",
    "LikelihoodRatioTest",
    "Selection",
    "adapt",
    "advice",
    "bootstrap",
    "compare_kmeans",
    "datasets",
    "errors",
    "fisher_vector",
    "fit_many",
    "likelihood_ratio_test",
    "load",
    "merge_components",
    "overlap",
    "priors",
    "select",
    "show_config",
    "stability",
    "uncertainty",
]

MODULE_OF = {
    "BayesianGaussianMixture": "gmm.bayesian_mixture",
    "FittedGroups": "gmm.many",
    "GaussianMixture": "gmm.gaussian_mixture",
    "GaussianMixtureClassifier": "gmm.classifier",
    "GaussianMixtureSelector": "gmm.selector",
    "LikelihoodRatioTest": "gmm.likelihood_ratio",
    "Selection": "gmm.selection",
    "adapt": "gmm.adaptation",
    "advice": "gmm.advising",
    "bootstrap": "gmm.replicates",
    "compare_kmeans": "gmm.comparison",
    "fisher_vector": "gmm.fisher",
    "fit_many": "gmm.many",
    "likelihood_ratio_test": "gmm.likelihood_ratio",
    "load": "gmm.loading",
    "merge_components": "gmm.merging",
    "overlap": "gmm.misclassification",
    "select": "gmm.selection",
    "show_config": "gmm.config",
    "stability": "gmm.recurrence",
    "uncertainty": "gmm.certainty",
}


def __getattr__(name: str) -> object:
    if name in MODULE_OF:
        found = getattr(import_module(MODULE_OF[name]), name)
    elif name in ("datasets", "errors", "priors"):
        found = import_module(f"gmm.{name}")
    elif name == "__version__":
        found = import_module("importlib.metadata").version("fastgmm")
    else:
        raise AttributeError(f"module 'gmm' has no attribute {name!r}")
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
