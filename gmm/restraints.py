"""From constructor arguments to a structure under restraints: what is held finds its values, shrinkage its target.

    equal_weights, eigen_ratio, shrinkage, fixed --> Restrained, at once, so that rows get the frame it needs
    prior                                        --> Conjugate about it, see `gmm.priors`
    rows, given arrays or an earlier fit         --> its values in that frame

Invariant: where nothing is asked for, the structure is the plain one, and all that is quick remains so.
"""

from __future__ import annotations

import numbers
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from gmm._validation import check_flag, check_integer, check_real
from gmm.base import nearest_name
from gmm.covariances import Covariance, is_native
from gmm.covariances.conjugate import Conjugate
from gmm.covariances.eigen_ratio import ROUNDING
from gmm.covariances.restrained import Held, Restrained
from gmm.errors import ParameterError
from gmm.parameters import Kernel
from gmm.priors import with_prior
from gmm.rows import Rows
from gmm.shrinkage import AUTO, shrinkage_of

__all__ = ["holding", "restrained", "shrinking"]

HOLDABLE = ("weights", "means", "covariances")
SOURCE = {"weights": "weights_init", "means": "means_init", "covariances": "covariances_init or precisions_init"}


def restrained(plain: Covariance, given: Mapping[str, Any]) -> Covariance:
    """The structure under the restraints that constructor arguments ask for; held values are still to be found.

    Raises
    ------
    ParameterError
        A value of the wrong kind or outside its range; a name that is not known, with the nearest that is.
    """
    K = given["n_components"]
    equal = check_flag(given["equal_weights"], "equal_weights")
    ratio = None if given["eigen_ratio"] is None else _ratio(given["eigen_ratio"])
    shrunken = _intensity(given["shrinkage"]) is not None
    which = _which(given["fixed"], K, plain.kernel)
    if equal and "weights" in which:
        raise ParameterError("equal_weights=True and fixed weights both say what mixing weights are: give one of them")
    prior = given["prior"]
    if not (equal or ratio is not None or shrunken or which):
        return plain if prior is None else with_prior(plain, prior)
    if not is_native(plain):
        for name, wanted in {
            "eigen_ratio": ratio is not None, "shrinkage": shrunken, "fixed covariances": "covariances" in which
        }.items():  # fmt: skip
            if wanted:
                raise ParameterError(
                    f"{name} with covariance_type={plain.name!r}: only structures whose components share no part of "
                    "their covariances, or all of it as 'tied', can be so restrained"
                )
    waiting = {name: Held(mask, np.empty(0)) for name, mask in which.items()}
    structure = Restrained(plain, equal, ratio, shrunken, held=waiting)
    if prior is None:
        return structure
    if structure.is_regular:
        raise ParameterError(
            "prior and eigen_ratio or shrinkage both keep covariances from collapsing: give one of them"
        )
    return with_prior(structure, prior)


def holding(structure: Covariance, values: Mapping[str, np.ndarray]) -> Covariance:
    """The structure with what it holds at ``values``, fields of `Parameters` in the frame of the fit.

    Raises
    ------
    ParameterError
        Nothing says at what to hold a parameter, or what is held breaks the eigenvalue ratio.
    """
    if isinstance(structure, Conjugate):
        return replace(structure, inner=holding(structure.inner, values))
    if not isinstance(structure, Restrained) or not structure.held:
        return structure
    for name in structure.held:
        if name not in values:
            raise ParameterError(
                f"fixed holds the {name}, but nothing says at what: give {SOURCE[name]}, or continue a fit with "
                "warm_start=True"
            )
    kept = {name: Held(which, values[name]) for name, (which, _) in structure.held.items()}
    if structure.eigen_ratio is not None and "covariances" in kept:
        which, given = kept["covariances"]
        matrices = given[None] if structure.kernel is Kernel.TIED else given
        e = np.linalg.eigvalsh(matrices[which]) if matrices.ndim == 3 else matrices[which]
        if e.max() > e.min() * structure.eigen_ratio * (1.0 + 64.0 * ROUNDING):
            raise ParameterError(
                f"eigen_ratio={structure.eigen_ratio:g}, but eigenvalues of the fixed covariances have the ratio "
                f"{e.max() / e.min():g}"
            )
    return replace(structure, held=kept)


def shrinking(structure: Covariance, intensity: Any, rows: Rows, n_components: int) -> Covariance:
    """The structure with the shrinkage of this intensity, or "auto", for the rows."""
    if not isinstance(structure, Restrained) or not structure.is_shrunken:
        return structure
    return replace(structure, shrinkage=shrinkage_of(rows, structure.kernel, n_components, _intensity(intensity)))


def _ratio(eigen_ratio: Any) -> float:
    return check_real(eigen_ratio, "eigen_ratio", minimum=1.0)


def _intensity(shrinkage: Any) -> float | str | None:
    """A share in (0, 1), "auto", or None for none."""
    if shrinkage is None:
        return None
    if isinstance(shrinkage, str):
        if shrinkage == AUTO:
            return shrinkage
        raise ParameterError(
            f"shrinkage must be None, {AUTO!r} or a number in [0, 1), got {shrinkage!r}"
            f"{nearest_name(shrinkage, [AUTO])}"
        )
    share = check_real(shrinkage, "shrinkage")
    if share >= 1.0:
        raise ParameterError(
            f"shrinkage must be below 1, which would leave nothing of the rows, got {shrinkage!r}; to hold covariances "
            "give covariances_init and fixed=('covariances',)"
        )
    return share or None


def _which(fixed: Any, n_components: int, kernel: Kernel) -> dict[str, np.ndarray]:
    """Name of a parameter to the components (K,) that keep it; of a covariance that all share, (1,)."""
    named = {fixed: "all"} if isinstance(fixed, str) else fixed
    if not isinstance(named, Mapping):
        if not isinstance(named, (tuple, list, set, frozenset)):
            raise _not_fixed(fixed)
        named = dict.fromkeys(named, "all")
    found = {}
    for name, components in named.items():
        if name not in HOLDABLE:
            raise ParameterError(
                f"fixed knows {HOLDABLE}, not {name!r}{nearest_name(name, HOLDABLE)}"
            )  # fmt: skip
        shared = name == "covariances" and kernel is Kernel.TIED
        mask = np.ones(1 if shared else n_components, bool)
        if not (isinstance(components, str) and components == "all"):
            if shared:
                raise ParameterError("fixed: a tied covariance is one for all components: give 'all', or leave it out")
            mask[:] = False
            mask[_numbers(name, components, n_components)] = True
        if mask.any():
            found[name] = mask
    return found


def _numbers(name: str, components: Any, n_components: int) -> list[int]:
    if isinstance(components, numbers.Integral) and not isinstance(components, bool):
        components = [components]
    if isinstance(components, str) or not hasattr(components, "__iter__"):
        raise ParameterError(f"fixed[{name!r}] must be 'all' or numbers of components, got {components!r}")
    return [check_integer(k, f"fixed[{name!r}]", minimum=0, maximum=n_components - 1) for k in components]


def _not_fixed(fixed: Any) -> ParameterError:
    return ParameterError(
        f"fixed must be names out of {HOLDABLE}, or a dict of such names to 'all' or numbers of components, "
        f"got {fixed!r}"
    )
