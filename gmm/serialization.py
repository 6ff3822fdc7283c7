"""Mixture estimators to model files and back: what their ``save`` and `gmm.load` go by.

A file holds the mixture bit for bit, the names of its features, the arguments that are plain words and numbers, and the
record of the fit. Arguments that are arrays, callables or random generators are not kept; they come back as defaults,
for they belong to a fit and not to its result. See `gmm.model_file` for the bytes.
Invariant: an estimator that loads predicts the bits that the saved one did, and nothing in a file is executed.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from gmm.base import Estimator
from gmm.bayesian_fitting import BayesianFit
from gmm.belief_file import Beliefs
from gmm.collapse import Collapse
from gmm.convergence import CONVERGED, FALL, LIMIT, STOPPED
from gmm.model_file import Content, ModelFileError, write
from gmm.record import Fit, Record
from gmm.restarts import Restart

if TYPE_CHECKING:
    from gmm.bayesian_mixture import BayesianGaussianMixture
    from gmm.gaussian_mixture import GaussianMixture

__all__ = [
    "content_from",
    "described",
    "fit_from",
    "plain_arguments",
    "restored",
    "save",
    "set_plain_arguments",
]

STOP_REASONS = (CONVERGED, FALL, LIMIT, STOPPED)


def save(estimator: GaussianMixture | BayesianGaussianMixture, path: str | os.PathLike[str]) -> None:
    """Write a fitted estimator; see `GaussianMixture.save`."""
    fit = estimator._fitted()
    extras = {"estimator": type(estimator).__name__, "arguments": plain_arguments(estimator)}
    write(content_from(fit, extras), path)


def content_from(fit: Fit, extras: dict[str, Any]) -> Content:
    """What a model file holds of a fit, and what else is to be said."""
    said = {
        **extras,
        "feature_names": None if fit.feature_names is None else list(fit.feature_names),
        "precision": fit.precision,
        "n_held": fit.n_held,
        "record": None if fit.record is None else _described(fit.record),
    }
    trace = np.empty(0) if fit.record is None else fit.record.trace
    beliefs = Beliefs(fit.prior, fit.posterior) if isinstance(fit, BayesianFit) else None
    return Content(fit.mixture, said, trace, beliefs)


def restored(content: Content) -> GaussianMixture | BayesianGaussianMixture:
    """The estimator that a model file holds, or a ModelFileError."""
    from gmm.bayesian_mixture import BayesianGaussianMixture
    from gmm.gaussian_mixture import GaussianMixture

    known = {kind.__name__: kind for kind in (GaussianMixture, BayesianGaussianMixture)}
    with described():
        kind, arguments = content.extras["estimator"], content.extras["arguments"]
        if not isinstance(kind, str) or kind not in known:
            raise ModelFileError(f"model file of a {str(kind)[:80]}, which this release does not know")
        if (content.beliefs is not None) != (kind == BayesianGaussianMixture.__name__):
            raise ValueError("beliefs")
        model = known[kind]()
        set_plain_arguments(model, arguments)
        model._result = fit_from(content)
    return model


@contextmanager
def described() -> Iterator[None]:
    """Turn whatever goes wrong with a description into a ModelFileError."""
    try:
        yield
    except ModelFileError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise ModelFileError(f"damaged model file: the description of the fit is not one ({error})") from None


def fit_from(content: Content) -> Fit:
    """The fit that a model file holds; errors as of reading it as a description."""
    precision = content.extras["precision"]
    if precision not in (None, "float32", "float64"):
        raise ValueError("precision")
    names = _names(content.extras["feature_names"], content.mixture.n_features)
    record = content.extras["record"]
    recorded = None if record is None else _record(record, content)
    n_held = _typed(content.extras.get("n_held", 0), int)
    if not 0 <= n_held <= content.mixture.n_parameters:
        raise ValueError("n_held")
    what = (content.mixture, names, precision, recorded, n_held)
    beliefs = content.beliefs
    return BayesianFit(*what, prior=beliefs.prior, posterior=beliefs.posterior) if beliefs else Fit(*what)


def plain_arguments(estimator: Estimator) -> dict[str, Any]:
    """Arguments that a file keeps: plain words and numbers."""
    return _without_none({name: _plain(value) for name, value in estimator.get_params().items()})


def set_plain_arguments(estimator: Estimator, arguments: dict[str, Any]) -> None:
    """Set those that the estimator knows; whatever else a file says is left alone."""
    estimator.set_params(**_without_none({name: _plain(arguments.get(name)) for name in estimator.get_params()}))


def _plain(value: Any) -> bool | int | float | str | None:
    """An argument as JSON holds it, None where it is not kept."""
    if isinstance(value, np.generic):
        value = value.item()
    is_plain = isinstance(value, bool | int | str) or (isinstance(value, float) and math.isfinite(value))
    return value if is_plain else None


def _without_none(entries: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in entries.items() if value is not None}


def _described(record: Record) -> dict[str, Any]:
    """A record as JSON holds it; the trace goes to the file's own array."""
    return {
        "log_likelihood": float(record.log_likelihood),
        "stop_reason": record.stop_reason,
        "n_found": int(record.n_found),
        "n_rows": int(record.n_rows),
        "weight": float(record.weight),
        "floored": [bool(flag) for flag in record.floored],
        "segments": [int(begin) for begin in record.segments],
        "collapses": [asdict(collapse) for collapse in record.collapses],
        "restarts": [{name: _plain(value) for name, value in asdict(restart).items()} for restart in record.restarts],
    }


def _record(described: dict[str, Any], content: Content) -> Record:
    if len(content.trace) == 0 or described["stop_reason"] not in STOP_REASONS:
        raise ValueError("stop_reason or trace")
    floored = [_typed(flag, bool) for flag in described["floored"]]
    if len(floored) != content.mixture.n_components:
        raise ValueError("floored")
    segments = [_typed(begin, int) for begin in described.get("segments", [0])]
    if not segments or segments[0] != 0 or segments[-1] >= len(content.trace) or sorted(set(segments)) != segments:
        raise ValueError("segments")
    return Record(
        trace=_read_only(content.trace),
        log_likelihood=_typed(described["log_likelihood"], float),
        stop_reason=described["stop_reason"],
        restarts=tuple(_restart(restart) for restart in described["restarts"]),
        n_found=_typed(described["n_found"], int),
        floored=np.array(floored),
        n_rows=_typed(described["n_rows"], int),
        weight=_typed(described["weight"], float),
        segments=tuple(segments),
        collapses=tuple(_collapse(each, len(floored)) for each in described.get("collapses", [])),
    )


def _collapse(described: dict[str, Any], n_components: int) -> Collapse:
    """A record of a component that collapsed; columns are names or numbers."""
    types = {"component": int, "iteration": int, "cause": str, "n_rows": float, "action": str}
    plain = {name: _typed(described[name], kind) for name, kind in types.items()}
    if not 0 <= plain["component"] < n_components:
        raise ValueError("collapses")
    rows = tuple(_typed(row, int) for row in described["rows"])
    columns = tuple(_typed(column, str if type(column) is str else int) for column in described["columns"])
    coefficients = tuple(_typed(value, float) for value in described["coefficients"])
    return Collapse(**plain, rows=rows, columns=columns, coefficients=coefficients)


def _restart(described: dict[str, Any]) -> Restart:
    types = {"int": int, "float": float, "bool": bool}
    return Restart(**{entry.name: _typed(described[entry.name], types[entry.type]) for entry in fields(Restart)})


def _typed(value: Any, kind: type) -> Any:
    if type(value) is not kind:
        raise TypeError(f"{str(value)[:40]!r} is not {kind.__name__}")
    return value


def _names(names: Any, n_features: int) -> np.ndarray | None:
    if names is None:
        return None
    if type(names) is not list or len(names) != n_features or len(set(names)) != n_features:
        raise ValueError("feature_names")
    array = np.empty(n_features, dtype=object)
    array[:] = [_typed(name, str) for name in names]
    return array


def _read_only(array: np.ndarray) -> np.ndarray:
    array.flags.writeable = False
    return array
