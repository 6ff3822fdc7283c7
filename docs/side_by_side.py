"""What this library and scikit-learn make of the same hard cases: the table of docs/robustness.md.

    python docs/side_by_side.py           prints the table
    python docs/side_by_side.py --write   puts it into docs/robustness.md, between its two marks

A case takes an estimator class and returns a sentence. Both libraries get the same rows, seed and start, and their own
defaults for the rest.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import sklearn
import sklearn.mixture

import gmm
from gmm.datasets import load_faithful

PAGE = Path(__file__).with_name("robustness.md")
MARKS = "<!-- side by side -->", "<!-- end of side by side -->"
STRUCTURES = ("full", "tied", "diag", "spherical")
LIBRARIES = {"gmm": gmm.GaussianMixture, "scikit-learn": sklearn.mixture.GaussianMixture}
PATIENCE = 10  # seconds for a child to answer


def blobs(n: int = 200, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Three unit Gaussians some six standard deviations apart, and their centres."""
    centres = np.array([[0.0, 0.0, 0.0], [6.0, 0.0, 0.0], [0.0, 7.0, 1.0]])
    rng = np.random.default_rng(seed)
    return np.concatenate([rng.normal(c, 1.0, size=(n, 3)) for c in centres]), centres


def score_of(mixture: type, X: np.ndarray, centres: np.ndarray, structure: str) -> tuple[float, np.ndarray]:
    """Log-likelihood per row and labels of a fit that starts from the centres."""
    model = mixture(3, covariance_type=structure, means_init=centres, random_state=0).fit(X)
    return float(model.score(X)), model.predict(X)


def by_structure(measure: Callable[[str], str], structures: tuple[str, ...] = STRUCTURES) -> str:
    """The sentence for each structure, those alike together; an error by its class."""
    found: dict[str, list[str]] = {}
    for structure in structures:
        try:
            said = measure(structure)
        except Exception as error:
            said = type(error).__name__
        found.setdefault(said, []).append(structure)
    if len(found) == 1:
        return next(iter(found))
    return "; ".join(f"{', '.join(names)}: {said}" for said, names in found.items())


def off(value: float, allowance: float = 1e-9) -> str:
    """How far a log-likelihood is off."""
    return "the same" if abs(value) <= allowance else f"{abs(value):.2g} nats a row off"


def shifted(shift: float) -> Callable[[type], str]:
    def run(mixture: type) -> str:
        X, centres = blobs()
        there = X + shift
        here = there - shift  # with the rounding of the input in both

        def measure(structure: str) -> str:
            expected, _ = score_of(mixture, here, centres, structure)
            return off(score_of(mixture, there, centres + shift, structure)[0] - expected, 8 * 2.0**-52 * shift + 1e-9)

        return by_structure(measure)

    return run


def narrow_type(shift: float) -> Callable[[type], str]:
    def run(mixture: type) -> str:
        X, centres = blobs()
        X = (X + shift).astype(np.float32)

        def measure(structure: str) -> str:
            wide = X.astype(np.float64)
            centred = wide - shift  # what float64 arithmetic can do, at its best
            expected, _ = score_of(mixture, centred, centres, structure)
            return off(score_of(mixture, X, (centres + shift).astype(np.float32), structure)[0] - expected, 1e-6)

        return by_structure(measure)

    return run


def scaled(units: list[float]) -> Callable[[type], str]:
    def run(mixture: type) -> str:
        X, centres = blobs()

        def measure(structure: str) -> str:
            expected, labels = score_of(mixture, X, centres, structure)
            found, there = score_of(mixture, X * units, centres * units, structure)
            if not np.array_equal(labels, there):
                return f"{np.mean(labels != there):.0%} of the rows in other groups"
            return off(found + np.log(units).sum() - expected)

        # one variance for all columns is another model where they have units of their own
        return by_structure(measure, STRUCTURES if len(set(units)) == 1 else STRUCTURES[:-1])

    return run


def peak(mixture: type) -> str:
    centre, sd = 1e4, 1e-3
    X = centre + sd * np.random.default_rng(0).normal(size=(500, 2))
    if mixture is gmm.GaussianMixture:
        model = mixture.from_parameters([1.0], [[centre] * 2], [[sd**2] * 2], covariance_type="diag")
    else:
        model = mixture(1, covariance_type="diag")
        model.weights_, model.means_ = np.ones(1), np.full((1, 2), centre)
        model.covariances_, model.precisions_cholesky_ = np.full((1, 2), sd**2), np.full((1, 2), 1 / sd)
    above = model.score_samples(X).max() + np.log(2 * np.pi) + 2 * np.log(sd)
    return "below the peak" if above <= 0 else f"{above:.2g} nats above the peak"


def falls(mixture: type) -> str:
    rng = np.random.default_rng(1)
    X = np.concatenate([rng.normal(size=(200, 2)), rng.normal(size=(200, 2)) * 0.02 + 1.0])
    model = mixture(3, reg_covar=0.1, init_params="random", n_init=1, tol=1e-3, random_state=1).fit(X)
    steps = np.diff(model.lower_bounds_)
    largest = -steps.min()
    if largest <= 1e-11:
        return "never falls"
    end = "converged" if model.converged_ else "not converged"
    return f"falls by up to {largest:.2g} nats a row; {end}"


def below_optimum(X: np.ndarray, n_components: int, start: str) -> Callable[[type], str]:
    def run(mixture: type) -> str:
        model = mixture(n_components, init_params=start, n_init=1, random_state=0).fit(X)
        given = {"weights_init": model.weights_, "means_init": model.means_, "precisions_init": model.precisions_}
        on = gmm.GaussianMixture(n_components, tol=1e-12, max_iter=100_000, acceleration=None, **given).fit(X)
        left = (on.score(X) - model.score(X)) * len(X)
        return f"{max(left, 0.0):.2g} nats below, after {model.n_iter_} iterations"

    return run


def far_row(far: float) -> Callable[[type], str]:
    def run(mixture: type) -> str:
        X, centres = blobs()

        def measure(structure: str) -> str:
            model = mixture(3, covariance_type=structure, means_init=centres, random_state=0).fit(X)
            posterior = model.predict_proba(np.array([[far, far, far]]))
            if not np.isfinite(posterior).all():
                return "NaN"
            return "sums to 1" if abs(posterior.sum() - 1) < 1e-9 else f"sums to {posterior.sum():g}"

        return by_structure(measure)

    return run


FORKED = """
import multiprocessing, sys, warnings
import numpy as np
warnings.simplefilter("ignore")
from {module} import GaussianMixture
X = np.random.default_rng(0).normal(size=(20_000, 4))
def fitted(_):
    return GaussianMixture(4, random_state=0, max_iter=10).fit(X).means_.tobytes()
here = fitted(0)
with multiprocessing.get_context("fork").Pool(1) as pool:
    print("the same bits" if pool.map(fitted, [0]) == [here] else "other bits")
"""


def forked(mixture: type) -> str:
    module = "gmm" if mixture is gmm.GaussianMixture else "sklearn.mixture"
    command = [sys.executable, "-W", "ignore", "-c", FORKED.format(module=module)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, start_new_session=True, env=os.environ | {"OMP_NUM_THREADS": "2"}
    ) as process:
        try:
            return process.communicate(timeout=PATIENCE)[0].strip()
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            return f"no answer in {PATIENCE} s"


def pixels(name: str = "china.jpg", every: int = 20) -> np.ndarray:
    from sklearn.datasets import load_sample_image

    return load_sample_image(name).reshape(-1, 3)[::every].astype(np.float64)


def two_gaussians() -> np.ndarray:
    rng = np.random.default_rng(0)
    return np.concatenate([rng.normal(0.0, 1.0, (2000, 1)), rng.normal(1.8, 1.0, (2000, 1))])


def cases() -> dict[str, Callable[[type], str]]:
    return {
        **{f"all columns shifted by {s:g}" + SCORE: shifted(s) for s in (1e4, 1e6, 1e8, 1e10)},
        **{f"float32 rows shifted by {s:g}" + SCORE: narrow_type(s) for s in (1e3, 1e4)},
        **{f"all columns times {s:g}" + GROUPS: scaled([s] * 3) for s in (1e-12, 1e-5, 1e5, 1e12, 1e160, 1e300)},
        "columns times 1e-6, 1, 1e6" + GROUPS: scaled([1e-6, 1.0, 1e6]),
        "log-density of rows about a mean of 1e4 with standard deviation 1e-3": peak,
        "the objective, with reg_covar=0.1 on narrow rows": falls,
        "where defaults end: two Gaussians 1.8 apart, random start": below_optimum(two_gaussians(), 2, "random"),
        "where defaults end: Old Faithful, 3 components": below_optimum(load_faithful().data, 3, "kmeans"),
        "where defaults end: 13,664 pixels of a photograph, 16 components": below_optimum(pixels(), 16, "kmeans"),
        **{f"posterior of a row at {far:g}": far_row(far) for far in (1e6, 1e100, 1e160, 1e308)},
        "a fit in a forked child, after one in its parent": forked,
    }


SCORE = ": the log-likelihood"
GROUPS = ": groups and log-likelihood"


def table() -> str:
    """Markdown: a row for each case, a column for each library."""
    lines = ["| case | " + " | ".join(LIBRARIES) + " |", "|---|" + "---|" * len(LIBRARIES)]
    for name, run in cases().items():
        said = []
        for mixture in LIBRARIES.values():
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                try:
                    said.append(run(mixture))
                except Exception as error:
                    said.append(type(error).__name__)
        lines.append(f"| {name} | " + " | ".join(said) + " |")
        print(lines[-1], flush=True)
    return "\n".join(lines)


def main() -> None:
    made = f"{MARKS[0]}\nscikit-learn {sklearn.__version__}:\n\n{table()}\n{MARKS[1]}"
    if "--write" in sys.argv:
        page = PAGE.read_text(encoding="utf-8")
        PAGE.write_text(re.sub(f"{MARKS[0]}.*{MARKS[1]}", lambda _: made, page, flags=re.DOTALL), encoding="utf-8")


if __name__ == "__main__":
    main()
