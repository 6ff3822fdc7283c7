"""Arguments for gmm._native, and its formulas written row by row: slow, obvious, and of no use elsewhere."""

from dataclasses import dataclass, replace

import numpy as np

from gmm import _native

FULL, TIED, DIAG, SPHERICAL, LINEAR = range(5)
KERNELS = {"full": FULL, "tied": TIED, "diag": DIAG, "spherical": SPHERICAL, "linear": LINEAR}
WITHOUT_SECOND = (TIED, LINEAR)


def shape_of(kernel, n_components, n_features):
    K, D = n_components, n_features
    return {FULL: (K, D, D), TIED: (D, D), DIAG: (K, D), SPHERICAL: (K,), LINEAR: (K, D)}[kernel]


@dataclass(frozen=True)
class Problem:
    """One call's inputs; the methods make fresh outputs and return them as a dict."""

    X: np.ndarray
    sample_weight: np.ndarray | None
    scale: np.ndarray
    centre: np.ndarray
    kernel: int
    log_constants: np.ndarray
    means: np.ndarray
    whiteners: np.ndarray
    precision: int = 1
    n_threads: int = 2
    log_noise: float | None = None
    log_prior: np.ndarray | None = None

    def change(self, **changes):
        return replace(self, **changes)

    @property
    def sums(self):
        K, D = np.size(self.log_constants), self.X.shape[1]
        second = None if self.kernel in WITHOUT_SECOND else np.zeros(shape_of(self.kernel, K, D))
        return {"n": np.zeros(K), "first": np.zeros((K, D)), "second": second}

    def accumulate(self, **outputs):
        sums = outputs if len(outputs) == 3 else self.sums | outputs
        log_likelihood, weight, noise = _native.accumulate(
            self.X, self.sample_weight, self.scale, self.centre, self.kernel, self.precision, self.log_constants,
            self.means, self.whiteners, *sums.values(), self.n_threads, log_noise=self.log_noise,
            log_prior=self.log_prior,
        )  # fmt: skip
        return sums | {"log_likelihood": log_likelihood, "weight": weight, "noise": noise}

    def moments(self, *, responsibilities=None, labels=None, **outputs):
        sums = outputs if len(outputs) == 3 else self.sums | outputs
        weight = _native.moments(
            self.X, self.sample_weight, self.scale, self.centre, self.kernel, self.precision, self.means,
            responsibilities, labels, *sums.values(), self.n_threads,
        )  # fmt: skip
        return sums | {"weight": weight}

    def score(self, **outputs):
        N, K = len(self.X), len(self.means) + (self.log_noise is not None)
        posterior = np.empty((N, K), [np.float32, np.float64][self.precision])
        scores = {"log_density": np.empty(N), "posterior": posterior, "label": np.empty(N, np.int64)} | outputs
        _native.score(
            self.X, self.scale, self.centre, self.kernel, self.precision, self.log_constants, self.means,
            self.whiteners, *scores.values(), self.n_threads, log_noise=self.log_noise, log_prior=self.log_prior,
        )  # fmt: skip
        return scores

    def assign(self, **outputs):
        (N, D), K = self.X.shape, len(self.means)
        found = outputs or {
            "label": np.empty(N, np.int64), "distance": np.empty(N), "n": np.zeros(K), "sum": np.zeros((K, D)),
        }  # fmt: skip
        inertia = _native.assign(
            self.X, self.sample_weight, self.scale, self.centre, self.precision, self.means, *found.values(),
            self.n_threads,
        )  # fmt: skip
        return found | {"inertia": inertia}

    def seed(self):
        (N, D), C = self.X.shape, len(self.means)
        closest = np.linspace(0.5, 2 * D, N)
        distance, potential = np.empty((N, C)), np.zeros(C)
        _native.seed(
            self.X, self.sample_weight, self.scale, self.centre, self.precision, self.means, closest, distance,
            potential, self.n_threads,
        )  # fmt: skip
        return {"distance": distance, "potential": potential}

    def scan(self):
        return _native.scan(self.X, self.sample_weight, self.n_threads)


def problem(kernel=FULL, *, n_rows=50, n_features=3, n_components=4, seed=0, **changes):
    """Rows off the origin, a frame that is not the identity, and overlapping components."""
    rng = np.random.default_rng([seed, kernel, n_features, n_components])
    N, D, K = n_rows, n_features, n_components
    whiteners = rng.uniform(0.5, 1.5, shape_of(kernel, K, D))
    if kernel in (FULL, TIED):
        whiteners = np.tril(rng.normal(size=whiteners.shape) * 0.3 / np.sqrt(D), -1) + np.eye(D) * whiteners
    made = Problem(
        X=rng.normal(3.0, 2.0, (N, D)),
        sample_weight=rng.uniform(0.0, 2.0, N) * (rng.random(N) > 0.1),
        scale=2.0 ** rng.integers(-2, 1, D),
        centre=rng.normal(size=D),
        kernel=kernel,
        log_constants=rng.normal(size=K),
        means=rng.normal(size=(K, D)),
        whiteners=np.ascontiguousarray(whiteners),
    )
    return made.change(**changes)


def expected_scores(given: Problem):
    """Log-density, posterior and label of each row, by the formula of gmm.h."""
    scores = {"log_density": [], "posterior": [], "label": []}
    for x in given.X.astype(np.float64) * given.scale - given.centre:
        logs = []
        for k, mean in enumerate(given.means):
            W = given.whiteners if given.kernel == TIED else given.whiteners[k]
            y = W @ (x - mean) if given.kernel in (FULL, TIED) else W * (x - mean)
            logs.append(given.log_constants[k] + (W @ x if given.kernel == LINEAR else -y @ y / 2))
        scores["log_density"].append(np.log(np.sum(np.exp(logs))))
        scores["posterior"].append(np.exp(logs) / np.sum(np.exp(logs)))
        scores["label"].append(np.argmax(logs))
    return {name: np.array(values) for name, values in scores.items()}


def expected_sums(given: Problem, responsibilities):
    """n, first, second and weight of the given responsibilities (N, K), by the formula of gmm.h."""
    sums = given.sums | {"weight": 0.0}
    weights = np.ones(len(given.X)) if given.sample_weight is None else given.sample_weight
    points = given.X.astype(np.float64) * given.scale - given.centre
    for x, w, shares in zip(points, weights, responsibilities, strict=True):
        sums["weight"] += w
        for k, share in enumerate(shares):
            c = x if given.kernel == LINEAR else x - given.means[k]
            sums["n"][k] += w * share
            sums["first"][k] += w * share * c
            if given.kernel not in WITHOUT_SECOND:
                square = {FULL: np.outer(c, c), DIAG: c * c, SPHERICAL: c @ c}[given.kernel]
                sums["second"][k] += w * share * square
    return sums


def bits(results):
    """Outputs as bytes, to be compared exactly."""
    return {name: np.asarray(value).tobytes() for name, value in results.items() if value is not None}
