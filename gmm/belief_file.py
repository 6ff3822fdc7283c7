"""What a model file holds of a Bayesian mixture beside its mixture: prior and posterior, as numbers and arrays.

The header's "beliefs" are the kind of the mixing prior and four numbers of the prior; the arrays, float64, are

    concentration (K,) or (2, K),  mean_precision (K,),  degrees_of_freedom (K,) or (1,)        of the posterior
    mean (D,),  scatter (D, D), (D,) or (1,)                                                    of the prior

Weights, means and covariances of the posterior are those of the mixture. Invariant: what is restored is bitwise what
was described, and no array is believed before it is a posterior.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gmm.covariances import structure
from gmm.mixing import PRIORS
from gmm.parameters import Kernel, Parameters
from gmm.posteriors import Posterior, Prior
from gmm.wishart import FAMILIES

__all__ = ["Beliefs", "are_beliefs", "shapes"]

STRUCTURES = ("full", "tied", "diag", "spherical")
NUMBERS = ("concentration", "degrees_of_freedom", "mean_precision")


@dataclass(frozen=True, eq=False)
class Beliefs:
    """A prior and the posterior that rows made of it."""

    prior: Prior
    posterior: Posterior

    def described(self) -> dict[str, Any]:
        """What the header says of them."""
        prior = self.prior
        kind = next(name for name, kind in PRIORS.items() if type(prior.mixing) is kind)
        numbers = (prior.mixing.concentration, prior.degrees_of_freedom, prior.mean_precision)
        return {"mixing": kind, **{name: float(value) for name, value in zip(NUMBERS, numbers, strict=True)}}

    def arrays(self) -> list[np.ndarray]:
        """Arrays in the order of the file."""
        prior, posterior = self.prior, self.posterior
        found = [posterior.concentration, posterior.mean_precision, posterior.degrees_of_freedom]
        return [np.atleast_1d(array) for array in (*found, prior.mean, prior.scatter)]

    @classmethod
    def restored(
        cls, described: dict[str, Any], arrays: Sequence[np.ndarray], name: str, mixture: Parameters
    ) -> Beliefs:
        """From a header, arrays of the right shapes, the structure's name and the mixture.

        Raises
        ------
        ValueError
            Naming what is no belief.
        """
        if name not in STRUCTURES:
            raise ValueError(f"{name!r} has no posterior")
        concentration, mean_precision, freedom, mean, scatter = arrays
        D, kernel = mixture.n_features, structure(name).kernel
        family = FAMILIES[kernel]
        least = family.order(D) - 1.0
        for what, array, bound in (
            ("concentration", concentration, 0.0),
            ("mean_precision", mean_precision, 0.0),
            ("degrees_of_freedom", freedom, least),
            ("prior", np.array([described[number] for number in NUMBERS]), 0.0),
            ("prior degrees_of_freedom", np.array(described["degrees_of_freedom"]), least),
        ):
            if not (np.isfinite(array).all() and (array > bound).all()):
                raise ValueError(f"an impossible {what}")
        if not np.isfinite(mean).all():
            raise ValueError("an impossible prior mean")
        family.validate(scatter if family.n_dims else scatter[0], D, "prior scatter")
        prior = Prior(
            kernel,
            PRIORS[described["mixing"]](described["concentration"]),
            described["mean_precision"],
            mean,
            described["degrees_of_freedom"],
            scatter if family.n_dims else scatter[0],
        )
        posterior = Posterior(
            mixture.weights,
            mixture.means,
            mixture.covariances,
            kernel=kernel,
            concentration=concentration,
            mean_precision=mean_precision,
            degrees_of_freedom=freedom[0] if kernel is Kernel.TIED else freedom,
        )
        return cls(prior, posterior)


def are_beliefs(described: Any) -> bool:
    """Whether a header describes beliefs."""
    return (
        isinstance(described, dict)
        and described.keys() == {"mixing", *NUMBERS}
        and isinstance(described["mixing"], str)
        and described["mixing"] in PRIORS
        and all(type(described[name]) is float for name in NUMBERS)
    )


def shapes(described: dict[str, Any], name: str, n_components: int, n_features: int) -> list[tuple[int, ...]]:
    """Shapes of the arrays, in their order in the file."""
    kernel, K = structure(name).kernel, n_components
    of_mixing = (2, K) if described["mixing"] == "dirichlet_process" else (K,)
    freedom = (1,) if kernel is Kernel.TIED else (K,)
    n_dims = FAMILIES[kernel].n_dims
    return [of_mixing, (K,), freedom, (n_features,), (n_features,) * n_dims if n_dims else (1,)]
