"""Many small mixtures: one call of `gmm.fit_many` against a loop over scikit-learn on some of the same groups.

    python benchmarks/groups.py [--groups 10000] [--sample 200] [--threads 2] [--n-init 1 5] [--defaults]

Prints, per group, milliseconds on the clock and of processor time of all threads, the median and range of alternating
repeats, the ratio on the clock, and the mean log-likelihood of the sampled groups on both sides. Both start from
k-means with as many starts and stop at tol=1e-3, or, with --defaults, as each does by itself. scikit-learn uses the
threads that it finds, for k-means and algebra; OMP_NUM_THREADS=1 keeps it from waiting for them.
"""

from __future__ import annotations

import argparse
import statistics
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from sklearn.mixture import GaussianMixture

import gmm


def groups(count: int, n_rows: int, n_features: int, n_components: int) -> list[np.ndarray]:
    """Rows of equal components some three standard deviations apart, other ones in each group."""
    rng = np.random.default_rng(0)
    made = []
    for _ in range(count):
        means = rng.normal(scale=3 / np.sqrt(2), size=(n_components, n_features))
        made.append(rng.normal(size=(n_rows, n_features)) + means[rng.integers(n_components, size=n_rows)])
    return made


@dataclass
class Contender:
    """A way to fit some groups, which returns log-likelihoods, and what it took, in milliseconds a group."""

    name: str
    run: Callable[[], np.ndarray]
    n_groups: int
    clock: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)
    log_likelihood: np.ndarray | None = None

    def measure(self) -> None:
        clock, processor = time.perf_counter(), time.process_time()
        self.log_likelihood = self.run()
        for times, since, now in (
            (self.clock, clock, time.perf_counter()),
            (self.processor, processor, time.process_time()),
        ):
            times.append((now - since) / self.n_groups * 1e3)

    def report(self, sample: int) -> None:
        found = float(np.mean(self.log_likelihood[:sample]))
        print(f"{self.name:14s} {_summary(self.clock)} on the clock, {_summary(self.processor)} of processors", end="")
        print(f"  log-likelihood {found:.6f} nats per row")


def _summary(times: list[float]) -> str:
    return f"{statistics.median(times):7.3f} ms ({min(times):.3f} - {max(times):.3f})"


def compare(given: list[np.ndarray], asked: argparse.Namespace, n_init: int | None) -> None:
    """Print both sides; n_init None: each with its own defaults."""
    same = {} if n_init is None else {"n_init": n_init, "tol": asked.tol, "max_iter": 500}
    theirs = same and {**same, "reg_covar": 0}

    def ours() -> np.ndarray:
        return gmm.fit_many(given, asked.components, n_threads=asked.threads, random_state=0, **same).log_likelihood_

    def loop() -> np.ndarray:
        sampled = given[: asked.sample]
        models = (GaussianMixture(asked.components, random_state=0, **theirs).fit(X) for X in sampled)
        return np.array([model.score(X) for model, X in zip(models, sampled, strict=True)])

    contenders = Contender("gmm.fit_many", ours, len(given)), Contender("scikit-learn", loop, asked.sample)
    print(f"{'defaults of each' if n_init is None else f'n_init={n_init}'}, {len(given)} and {asked.sample} groups")
    for _ in range(asked.repeats):
        for contender in contenders:
            contender.measure()
    for contender in contenders:
        contender.report(asked.sample)
    ratios = [theirs / ours for ours, theirs in zip(*(each.clock for each in contenders), strict=True)]
    print(f"ratio on the clock {statistics.median(ratios):.1f} ({min(ratios):.1f} - {max(ratios):.1f})\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--groups", type=int, default=10_000)
    parser.add_argument("--sample", type=int, default=200, help="groups that scikit-learn fits")
    parser.add_argument("--rows", type=int, default=200)
    parser.add_argument("--features", type=int, default=3)
    parser.add_argument("--components", type=int, default=2)
    parser.add_argument("--threads", type=int, default=2, help="of gmm.fit_many")
    parser.add_argument("--n-init", type=int, nargs="*", default=[1, 5])
    parser.add_argument("--defaults", action="store_true", help="also with the defaults of each side")
    parser.add_argument("--tol", type=float, default=1e-3, help="nats per row, on both sides (default: scikit-learn's)")
    parser.add_argument("--repeats", type=int, default=5)
    asked = parser.parse_args()
    asked.sample = min(asked.sample, asked.groups)
    given = groups(asked.groups, asked.rows, asked.features, asked.components)
    warnings.simplefilter("ignore")
    for n_init in [*asked.n_init, *([None] if asked.defaults else [])]:
        compare(given, asked, n_init)


if __name__ == "__main__":
    main()
