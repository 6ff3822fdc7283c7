"""Constructor arguments, checked once when a fit begins.

An estimator stores whatever it is given; here it becomes values the algorithms can trust, or an error that names the
argument, the value and what is allowed.

Invariant: a `Settings` that exists is valid on its own; what depends on the data is checked when the data are known.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from gmm._validation import check_flag, check_integer, check_real, check_seed
from gmm.base import nearest_name
from gmm.collapse import POLICIES, OnCollapse
from gmm.covariances import FACTORS, Covariance, structure
from gmm.errors import ParameterError
from gmm.initialization import METHODS, Method
from gmm.missing import Missing
from gmm.ordering import OrderBy
from gmm.restraints import restrained
from gmm.rows import Precision

__all__ = ["Settings", "check_missing"]


@dataclass(frozen=True)
class Settings:
    """Arguments of a fit after their checks, in the types the algorithms take."""

    n_components: int
    structure: Covariance
    factor_criterion: str
    tol: float
    reg_covar: float
    missing: Missing
    max_iter: int
    n_init: int
    short_iter: int
    init_params: Method
    weights_init: Any
    means_init: Any
    precisions_init: Any
    covariances_init: Any
    shrinkage: Any
    prior: Any
    on_collapse: OnCollapse
    accelerated: bool
    order_by: OrderBy
    random_state: Any
    warm_start: bool
    noise: bool | float
    n_threads: int | None
    precision: Precision | None
    callbacks: tuple[Callable[..., Any], ...]
    verbose: int
    verbose_interval: int

    @classmethod
    def from_estimator(cls, estimator: Any) -> Settings:
        """Check the arguments an estimator stores.

        Raises
        ------
        ParameterError
            A value of the wrong kind or outside its range; a name that is not known, with the nearest that is.
        """
        given = estimator.get_params()
        reg_covar = given["reg_covar"]
        n_threads = given["n_threads"]
        n_components = check_integer(given["n_components"], "n_components")
        if given["covariances_init"] is not None and given["precisions_init"] is not None:
            raise ParameterError("covariances_init and precisions_init say the same thing: give one of them")
        if given["precisions_init"] is not None and given["covariance_type"] in [*FACTORS]:
            raise ParameterError(
                f"precisions_init with covariance_type={given['covariance_type']!r}: give covariances_init=(loadings, "
                "noise variances)"
            )
        n_factors, factor_criterion = _n_factors(given.get("n_factors"))
        return cls(
            n_components=n_components,
            structure=restrained(structure(given["covariance_type"], n_factors), given),
            factor_criterion=factor_criterion,
            tol=check_real(given["tol"], "tol", allow_infinity=True),
            missing=check_missing(given["missing"]),
            reg_covar=0.0 if reg_covar is None else check_real(reg_covar, "reg_covar"),
            max_iter=check_integer(given["max_iter"], "max_iter", minimum=0),
            n_init=check_integer(given["n_init"], "n_init"),
            short_iter=check_integer(given["short_iter"], "short_iter", minimum=0),
            init_params=_method(given["init_params"]),
            weights_init=given["weights_init"],
            means_init=given["means_init"],
            precisions_init=given["precisions_init"],
            covariances_init=given["covariances_init"],
            shrinkage=given["shrinkage"],
            prior=given["prior"],
            on_collapse=_on_collapse(given["on_collapse"]),
            accelerated=_accelerated(given["acceleration"]),
            order_by=given["order_by"],
            random_state=check_seed(given["random_state"]),
            warm_start=check_flag(given["warm_start"], "warm_start"),
            noise=_noise(given["noise"]),
            n_threads=None if n_threads is None else check_integer(n_threads, "n_threads"),
            precision=_precision(given["dtype"]),
            callbacks=_callables(given["callbacks"]),
            verbose=1 if given["verbose"] is True else check_integer(given["verbose"] or 0, "verbose", minimum=0),
            verbose_interval=check_integer(given["verbose_interval"], "verbose_interval"),
        )


def _n_factors(n_factors: Any) -> tuple[int | None, str]:
    """The number, None where it is open, and the criterion that then chooses it."""
    if n_factors is None:
        return None, "bic"
    if not isinstance(n_factors, str):
        return check_integer(n_factors, "n_factors"), "bic"
    known = ["aic", "bic"]
    if n_factors in known:
        return None, n_factors
    raise ParameterError(
        f"n_factors must be an integer or one of {known}, got {n_factors!r}{nearest_name(n_factors, known)}"
    )


def _method(init_params: Any) -> Method:
    known = sorted([*METHODS, "auto"])
    if callable(init_params) or (isinstance(init_params, str) and init_params in known):
        return init_params
    raise ParameterError(
        f"init_params must be one of {known} or a callable, got {init_params!r}{nearest_name(init_params, known)}"
    )


def check_missing(missing: Any) -> Missing:
    """Return what to do about missing values, or a ParameterError that names the choices."""
    known = ["raise", "marginalize"]
    if isinstance(missing, str) and missing in known:
        return missing
    raise ParameterError(f"missing must be one of {known}, got {missing!r}{nearest_name(missing, known)}")


def _accelerated(acceleration: Any) -> bool:
    known = ["auto", "none"]
    if acceleration is None or (isinstance(acceleration, str) and acceleration in known):
        return acceleration == "auto"
    raise ParameterError(
        f"acceleration must be one of {known} or None, got {acceleration!r}{nearest_name(acceleration, known)}"
    )


def _on_collapse(on_collapse: Any) -> OnCollapse:
    if isinstance(on_collapse, str) and on_collapse in POLICIES:
        return on_collapse
    raise ParameterError(
        f"on_collapse must be one of {list(POLICIES)}, got {on_collapse!r}{nearest_name(on_collapse, POLICIES)}"
    )


def _noise(noise: Any) -> bool | float:
    if isinstance(noise, (bool, np.bool_)):
        return bool(noise)
    density = check_real(noise, "noise")
    if density == 0.0:
        raise ParameterError("noise=0 is no density: give a positive one, True for a box around the rows, or False")
    return density


def _precision(dtype: Any) -> Precision | None:
    if dtype is None:
        return None
    try:
        name = np.dtype(dtype).name
    except TypeError:
        name = None
    if name not in ("float32", "float64"):
        raise ParameterError(f"dtype must be None, 'float32' or 'float64', got {dtype!r}")
    return name


def _callables(callbacks: Any) -> tuple[Callable[..., Any], ...]:
    """Callbacks as a tuple; one callable alone is a list of one."""
    listed = () if callbacks is None else (callbacks,) if callable(callbacks) else callbacks
    if not isinstance(listed, (list, tuple)) or not all(map(callable, listed)):
        raise ParameterError(f"callbacks must be None or a list of callables, got {callbacks!r}")
    return tuple(listed)
