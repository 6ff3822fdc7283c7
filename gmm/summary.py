"""A report of a mixture that a person reads: components in the data's units, what a fit has to say of itself, and what
to beware of (`gmm.cautions`).

Invariant: standard deviations are taken in the frame and carried out by powers of two, so a mixture whose covariances
float64 cannot hold in the data's units still has a report.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from gmm import criteria
from gmm.cautions import cautions
from gmm.collapse import Collapse
from gmm.convergence import CONVERGED
from gmm.dependence import AT_THE_FLOOR
from gmm.mixture import Mixture

if TYPE_CHECKING:
    from gmm.record import Fit, Record

__all__ = ["describe_collapse", "standard_deviations", "summarize"]

MOST_FEATURES = 6  # columns of the table; more are counted, not shown


def summarize(fit: Fit) -> str:
    """Text of several lines, without a final newline."""
    mixture = fit.mixture
    K, D = mixture.n_components, mixture.n_features
    title = f"Gaussian mixture of {_count(K, 'component')} in {_count(D, 'feature')}, covariance type "
    title += repr(mixture.structure.name)
    lines = [title, *(_record_lines(fit.record, fit.n_parameters) if fit.record else []), "", *_table(fit)]
    floored = fit.record.floored if fit.record else np.zeros(K, bool)
    collapses = fit.record.collapses if fit.record else ()
    lines += describe_collapse(mixture, floored, fit.feature_names, collapses)
    return "\n".join([*lines, *map(str, cautions(fit))])


def standard_deviations(mixture: Mixture) -> np.ndarray:
    """Standard deviation of each feature in each component, (K, D), in the data's units."""
    return np.ldexp(np.sqrt(_variances(mixture)), mixture.frame.exponent)


def describe_collapse(
    mixture: Mixture, floored: np.ndarray, names: Sequence[str] | None = None, collapses: Sequence[Collapse] = ()
) -> list[str]:
    """Sentences on components that lost their rows or rest on the numerical floor; none if there are none.

    Of those that were dropped or restarted, ``collapses`` tells.
    """
    sentences = [
        f"{_numbered(those)} rested on the numerical floor or had no rows and {verb} {became}; collapses_ says why."
        for those, verb, became in _changed(collapses)
    ]
    dead = np.flatnonzero(mixture.parameters.weights == 0)
    if collapses:
        dead = np.setdiff1d(dead, [each.component for each in collapses if each.action == "dropped"])
    if dead.size:
        sentences.append(
            f"{_components(dead)} no rows and mixing weight 0: there are fewer distinct rows than components, or "
            "others took them."
        )
    held = np.flatnonzero(floored & (mixture.parameters.weights > 0))
    if held.size:
        flat = (_variances(mixture)[held] <= AT_THE_FLOOR * mixture.frame.floor).any(axis=0)
        labels = [str(label) for label in _labels(mixture, names)[flat]]
        cause = (
            f"no spread in {', '.join(labels[:MOST_FEATURES])}{', ...' if len(labels) > MOST_FEATURES else ''}"
            if labels
            else "no spread in some direction (dependent or duplicated columns, or too few rows)"
        )
        sentences.append(
            f"{_components(held)} {cause} and rest{'s' * (held.size == 1)} on the numerical floor, so the likelihood "
            "there measures rounding: drop such columns, use fewer components or set reg_covar."
        )
    return sentences


def _changed(collapses: Sequence[Collapse]) -> Iterator[tuple[np.ndarray, str, str]]:
    """Components that were dropped, and those restarted, with the words for it."""
    for action, became in (("dropped", "dropped: mixing weight 0"), ("restarted", "restarted")):
        those = sorted({each.component for each in collapses if each.action == action})
        if those:
            yield np.array(those), "was" if len(those) == 1 else "were", became


def _record_lines(record: Record, count: int) -> list[str]:
    total = record.log_likelihood * record.weight
    weighted = "" if record.weight == record.n_rows else f" of total weight {record.weight:g}"
    likelihood = f"log-likelihood {record.log_likelihood:.6g} nats per row, {total:.8g} in all"
    if not np.isclose(record.trace[-1], record.log_likelihood, rtol=1e-6, atol=1e-6):
        likelihood += f"; objective {record.trace[-1]:.6g} per row"
    ended = "converged" if record.stop_reason == CONVERGED else f"not converged ({record.stop_reason})"
    return [
        f"fitted to {_count(record.n_rows, 'row')}{weighted}; {_count(count, 'free parameter')}",
        likelihood,
        f"AIC {criteria.aic(total, count):.8g}, BIC {criteria.bic(total, count, record.weight):.8g} (lower is better)",
        f"{ended} after {_count(record.n_iter, 'iteration')}; "
        f"best found {record.n_found} of {_count(len(record.restarts), 'time')}",
    ]


def _table(fit: Fit) -> list[str]:
    """A line for each component: mixing weight, effective rows, then mean and standard deviation of each feature."""
    mixture, counted = fit.mixture, fit.record is not None
    rows = fit.component_rows if counted else None
    means, spread = mixture.means, standard_deviations(mixture)
    shown = min(mixture.n_features, MOST_FEATURES)
    names = [str(label) for label in _labels(mixture, fit.feature_names)[:shown]]
    cells = [["component", "weight", *["rows"] * counted, *names]]
    for k in range(mixture.n_components):
        row = [_measured(means[k, j], spread[k, j]) for j in range(shown)]
        count = [f"{rows[k]:.1f}"] if counted else []
        cells.append([str(k), f"{mixture.parameters.weights[k]:.4f}", *count, *row])
    if mixture.parameters.noise is not None:
        weight = mixture.parameters.noise.weight
        count = [f"{fit.record.weight * weight:.1f}"] if counted else []
        cells.append(["noise", f"{weight:.4f}", *count, *[""] * shown])
    widths = [max(len(row[j]) for row in cells) for j in range(len(cells[0]))]
    lines = ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in cells]
    rest = mixture.n_features - shown
    legend = "feature columns: mean ± standard deviation" + (f"; {rest} more features not shown" if rest else "")
    return [*lines, legend]


def _measured(mean: float, spread: float) -> str:
    """Mean and standard deviation to three digits of the latter, as long as both read well without exponents."""
    if 1e-6 < spread < 1e6 and abs(mean) < 1e9:
        decimals = max(0, 2 - int(np.floor(np.log10(spread))))
        return f"{mean:.{decimals}f} ± {spread:.{decimals}f}"
    return f"{mean:.6g} ± {spread:.3g}"


def _variances(mixture: Mixture) -> np.ndarray:
    """Variance of each feature in each component, (K, D), frame units."""
    structure, p = mixture.structure, mixture.parameters
    each = [
        np.diagonal(structure.dense(structure.take(p.covariances, np.array([k])), 1, p.n_features)[0])
        for k in range(p.n_components)
    ]
    return np.array(each)


def _labels(mixture: Mixture, names: Sequence[str] | None) -> np.ndarray:
    return np.array([f"x{j}" for j in range(mixture.n_features)] if names is None else list(names), dtype=object)


def _components(numbers: np.ndarray) -> str:
    return f"{_numbered(numbers)} {'has' if numbers.size == 1 else 'have'}"


def _numbered(numbers: np.ndarray) -> str:
    listed = ", ".join(map(str, numbers[:8])) + (", ..." if numbers.size > 8 else "")
    return f"component{'s' * (numbers.size > 1)} {listed}"


def _count(n: int, noun: str) -> str:
    return f"{n} {noun}{'s' * (n != 1)}"
