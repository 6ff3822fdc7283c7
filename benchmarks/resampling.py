"""How often bootstrap intervals hold the truth, and how often warnings of matching and stability are wrong.

    python benchmarks/resampling.py intervals     # nominal 95%: weighted, parametric, and standard errors with gaps
    python benchmarks/resampling.py matching      # replicates marked as ambiguous, warnings, wrong matches
    python benchmarks/resampling.py alarms        # warnings of a bootstrap, of true components and of some too many
    python benchmarks/resampling.py stability     # components marked as unstable, true ones and one too many

The tables of docs/bootstrap.md. Rows come from bivariate normals of unit covariance, their means at the corners of a
regular polygon of the stated side, in standard deviations; two components have mixing weights 0.4 and 0.6, more are
equal. About an hour of processor time in all.
"""

import argparse
import warnings

import numpy as np
from scipy.optimize import linear_sum_assignment

import gmm
from gmm import GaussianMixture
from gmm.matching import AMBIGUOUS, match, resemblances
from gmm.resampling import Resampler

NAMES = ("weights", "means", "covariances")


def polygon(n_components: int, side: float) -> GaussianMixture:
    """The truth."""
    weights = [0.4, 0.6] if n_components == 2 else np.full(n_components, 1.0 / n_components)
    angle = 2.0 * np.pi * np.arange(n_components) / n_components
    radius = side / (2.0 * np.sin(np.pi / n_components)) if n_components > 1 else 0.0
    means = radius * np.column_stack([np.cos(angle), np.sin(angle)])
    return GaussianMixture.from_parameters(weights, means, np.stack([np.eye(2)] * n_components))


def sampled(truth: GaussianMixture, n_rows: int, seed: int) -> np.ndarray:
    return truth.set_params(random_state=seed).sample(n_rows)[0]


def fitted(X: np.ndarray, n_components: int, **options: object) -> GaussianMixture:
    settings = {"n_init": 5, "random_state": 0, "n_threads": 1} | options
    return GaussianMixture(n_components, **settings).fit(X)


def renumbered(model: GaussianMixture, truth: GaussianMixture) -> np.ndarray:
    """Component of the model for each of the truth's, by their means."""
    apart = ((truth.means_[:, None] - model.means_) ** 2).sum(axis=2)
    return linear_sum_assignment(apart)[1]


def held(intervals: dict, model: GaussianMixture, truth: GaussianMixture) -> list[float]:
    """Share of the parameters of each kind that their intervals hold."""
    order = renumbered(model, truth)
    shares = []
    for name in NAMES:
        low, high = (end[order] for end in intervals[name])
        value = getattr(truth, name + "_")
        shares.append(float(((low <= value) & (value <= high)).mean()))
    return shares


def intervals(n_samples: int, n_replicates: int) -> None:
    print("| rows | distance | method | " + " | ".join(NAMES) + " | failed, ambiguous |")
    print("|---|---|---|---|---|---|---|")
    for n_rows, side in ((1000, 3.0), (500, 3.0), (200, 4.0)):
        truth = polygon(2, side)
        found: dict[str, list] = {}
        marks: dict[str, list] = {}
        for seed in range(n_samples):
            X = sampled(truth, n_rows, seed)
            model = fitted(X, 2, tol=1e-9)
            for method in ("weighted", "parametric"):
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    again = gmm.bootstrap(model, X, n_replicates=n_replicates, method=method, random_state=seed)
                marks.setdefault(method, []).append([again.n_failed, again.ambiguous.mean() * n_replicates])
                found.setdefault(f"{method}, percentile", []).append(held(again.intervals(), model, truth))
                found.setdefault(f"{method}, standard errors", []).append(
                    held(again.standard_errors.intervals(), model, truth)
                )
            gaps = X.copy()
            gaps[np.random.default_rng(seed).random(X.shape) < 0.2] = np.nan
            some = fitted(gaps, 2, tol=1e-9, max_iter=5000, missing="marginalize")
            found.setdefault("observed information", []).append(
                held(model.standard_errors(X).intervals(), model, truth)
            )
            found.setdefault("observed information, 20% missing", []).append(
                held(some.standard_errors(gaps).intervals(), some, truth)
            )
        for method, each in found.items():
            shares = " | ".join(f"{share:.1%}" for share in np.mean(each, axis=0))
            marked = marks.get(method.split(",")[0])
            rates = "" if marked is None else ", ".join(f"{x / n_replicates:.1%}" for x in np.mean(marked, axis=0))
            print(f"| {n_rows} | {side:g} | {method} | {shares} | {rates} |", flush=True)


def matching(n_samples: int, n_replicates: int) -> None:
    """Rows drawn from the fit have known components: a match is wrong where it is not the one that these vote for."""
    print("| components | rows | distance | ambiguous | of right matches | wrong matches | marked of these | warned |")
    print("|---|---|---|---|---|---|---|---|")
    for n_components, n_rows in ((2, 200), (3, 300), (3, 1000)):
        for side in (4.0, 3.0, 2.5, 2.0, 1.5):
            truth = polygon(n_components, side)
            flags, wrong, warned = [], [], []
            for sample in range(n_samples):
                X = sampled(truth, n_rows, sample)
                model = fitted(X, n_components)
                resampler = Resampler.of(model, X, "parametric")
                reference, mine = model.predict_proba(X), []
                for seed in range(n_replicates):
                    drawn, labels = model._fitted().mixture.sample(n_rows, np.random.default_rng(seed))
                    fit = resampler.again(seed)
                    if not hasattr(fit, "mixture"):
                        continue
                    found = match(resemblances(reference, fit.mixture.posterior(X)))
                    votes = np.eye(n_components)[labels].T @ fit.mixture.posterior(drawn)
                    mine.append(found.margin < AMBIGUOUS)
                    wrong.append(not np.array_equal(linear_sum_assignment(votes, maximize=True)[1], found.order))
                flags += mine
                warned.append(np.mean(mine) > 0.05)
            flagged, missed = np.array(flags), np.array(wrong)
            of_wrong = f"{flagged[missed].mean():.0%}" if missed.any() else "-"
            print(
                f"| {n_components} | {n_rows} | {side:g} | {flagged.mean():.1%} | {flagged[~missed].mean():.1%} "
                f"| {missed.mean():.2%} | {of_wrong} | {np.mean(warned):.0%} |",
                flush=True,
            )


def alarms(n_samples: int, n_replicates: int) -> None:
    print("| true components | rows | distance | fitted | ambiguous | seldom the same | collapsed |")
    print("|---|---|---|---|---|---|---|")
    for n_components, n_rows in ((1, 300), (3, 300), (3, 1000)):
        for side in (4.0, 3.0) if n_components > 1 else (0.0,):
            truth = polygon(n_components, side)
            for extra in (0, 1, 2):
                found = []
                for sample in range(n_samples):
                    X = sampled(truth, n_rows, sample)
                    with warnings.catch_warnings():
                        warnings.simplefilter("ignore")
                        model = fitted(X, n_components + extra)
                        again = gmm.bootstrap(model, X, n_replicates=n_replicates, random_state=sample)
                    lost = again.lost_components.any()
                    found.append([again.ambiguous.mean() > 0.05, lost, again.n_failed > 0.05 * n_replicates])
                rates = " | ".join(f"{rate:.0%}" for rate in np.mean(found, axis=0))
                print(f"| {n_components} | {n_rows} | {side:g} | {n_components + extra} | {rates} |", flush=True)


def stability(n_samples: int, n_resamples: int) -> None:
    print("| true components | rows | distance | fitted | samples with one that is not to be trusted | mean ARI |")
    print("|---|---|---|---|---|---|")
    for n_components, n_rows in ((3, 300), (5, 1000)):
        for side in (5.0, 4.0, 3.0):
            truth = polygon(n_components, side)
            for extra in (0, 1):
                marked, indices = [], []
                for sample in range(n_samples):
                    X = sampled(truth, n_rows, sample)
                    model = fitted(X, n_components + extra)
                    with warnings.catch_warnings():
                        warnings.simplefilter("ignore")
                        found = gmm.stability(model, X, n_resamples=n_resamples, random_state=sample)
                    marked.append(found.unstable.any())
                    indices.append(found.adjusted_rand.mean())
                print(
                    f"| {n_components} | {n_rows} | {side:g} | {n_components + extra} | {np.mean(marked):.0%} "
                    f"| {np.mean(indices):.2f} |",
                    flush=True,
                )


SIZES = {intervals: (300, 200), matching: (100, 100), alarms: (100, 60), stability: (40, 30)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=[work.__name__ for work in SIZES])
    parser.add_argument("--samples", type=int)
    options = parser.parse_args()
    for work, (n_samples, n_replicates) in SIZES.items():
        if work.__name__ == options.what:
            work(options.samples or n_samples, n_replicates)


if __name__ == "__main__":
    main()
