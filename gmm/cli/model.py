"""Fitted models between the command line and everything else: read from a file, described in text or JSON."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np

import gmm
from gmm import criteria
from gmm.cli.columns import numbered
from gmm.cli.description import Description
from gmm.cli.errors import CommandError
from gmm.cli.printing import components, terminal_width
from gmm.convergence import CONVERGED, LIMIT
from gmm.mixture_estimator import MixtureEstimator
from gmm.model_file import ModelFileError
from gmm.summary import standard_deviations


def read_model(file: str) -> gmm.GaussianMixture:
    """A model that `gmm fit -o` or `GaussianMixture.save` wrote.

    Raises
    ------
    CommandError
        The file cannot be read or is no model.
    """
    try:
        model = gmm.load(file)
    except OSError as error:
        raise CommandError(f"cannot read {file}: {error.strerror or error}") from None
    except ModelFileError as error:
        raise CommandError(f"{file}: {error}") from None
    if not isinstance(model, MixtureEstimator):
        raise CommandError(f"{file} holds a {type(model).__name__}, which only Python can use: gmm.load")
    return model


def feature_names(model: gmm.GaussianMixture) -> tuple[str, ...]:
    """Names of the features, or their numbers from 1."""
    return tuple(getattr(model, "feature_names_in_", numbered(model.n_features_in_)))


def has_noise(model: gmm.GaussianMixture) -> bool:
    """Whether a part of the mixture is noise."""
    return model._fitted().mixture.parameters.noise is not None


def describe(model: gmm.GaussianMixture) -> Description:
    """Components in user units."""
    mixture = model._fitted().mixture
    kind, K, D = mixture.structure, mixture.n_components, mixture.n_features
    matrices = None
    if D <= Description.MOST_CORRELATED:
        matrices = mixture.frame.covariance_out(kind.dense(mixture.parameters.covariances, K, D))
    return Description(
        feature_names(model), model.weights_, model.means_, standard_deviations(mixture), matrices, kind.name
    )


def report(model: gmm.GaussianMixture) -> str:
    """Components and how the fit went, as lines no wider than the terminal."""
    width = terminal_width()
    legend = "Each feature: mean (standard deviation) in its own units."
    record = model._fitted().record
    lines = [components(describe(model), width), wrapped([legend])]
    if has_noise(model):
        lines.append(wrapped([f"{100 * model.noise_weight_:.1f} % of the rows are noise that no component explains."]))
    if record is not None:
        total, count = record.log_likelihood * record.weight, model.n_parameters()
        bic = criteria.bic(total, count, record.weight)
        likelihood = f"Log-likelihood {total:.2f} nats ({record.log_likelihood:.4f} per row), BIC {bic:.2f}."
        lines += ["", wrapped([f"{likelihood} {_how_it_ended(model)}"])]
    return "\n".join(lines)


def _how_it_ended(model: gmm.GaussianMixture) -> str:
    record = model._fitted().record
    iterations = f"{record.n_iter} iteration{'s' * (record.n_iter != 1)}"
    ended = f"{'Converged' if record.converged else 'Not converged'} after {iterations}"
    if record.stop_reason not in (CONVERGED, LIMIT):
        ended += f" ({record.stop_reason})"
    n_starts = len(record.restarts)
    if n_starts == 1:
        return f"{ended}; one start."
    return f"{ended}; {record.n_found} of {n_starts} starts led here."


def as_dict(model: gmm.GaussianMixture) -> dict[str, Any]:
    """Everything `report` says and more, for machines; arrays as nested lists, log-likelihoods in nats."""
    record = model._fitted().record
    described = {
        "n_components": len(model.weights_),
        "n_features": model.n_features_in_,
        "covariance_type": model._fitted().mixture.structure.name,
        "feature_names": feature_names(model),
        "n_parameters": model.n_parameters(),
        "weights": model.weights_,
        "means": model.means_,
        "covariances": model.covariances_,
    }
    if has_noise(model):
        described |= {"noise_weight": model.noise_weight_, "noise_log_volume": model.noise_log_volume_}
    if record is not None:
        total = record.log_likelihood * record.weight
        described |= {
            "n_rows": record.n_rows,
            "total_weight": record.weight,
            "log_likelihood": total,
            "log_likelihood_per_row": record.log_likelihood,
            "aic": criteria.aic(total, described["n_parameters"]),
            "bic": criteria.bic(total, described["n_parameters"], record.weight),
            "converged": record.converged,
            "stop_reason": record.stop_reason,
            "n_iter": record.n_iter,
            "n_starts": len(record.restarts),
            "n_starts_that_found_the_best": record.n_found,
        }
    return described


def to_json(value: Any) -> str:
    """One line of JSON."""
    return json.dumps(value, default=_plain, allow_nan=False)


def _plain(value: Any) -> Any:
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else str(value)


def wrapped(paragraphs: Sequence[str]) -> str:
    """Paragraphs cut to the width of the terminal."""
    width = terminal_width()
    return "\n".join(line for text in paragraphs for line in textwrap.wrap(text, width, break_on_hyphens=False))
