"""The compiled core: one pass over rows, see csrc/gmm.h for the contract.

Arguments that every function shares
------------------------------------
X : (N, D) buffer of float32 or float64 in native byte order; any strides, alignment and writability; never copied.
sample_weight : (N,) at least 0, or None for ones.
scale, centre : (D,) the frame: the core sees x' = x * scale - centre.
kernel : 0 full, 1 tied, 2 diag, 3 spherical (`gmm.parameters.Kernel`); 4 linear in a pass over rows (`gmm.expansion`).
precision : 0 float32, 1 float64: the arithmetic on tiles; sums over blocks of rows are float64 in any case.
n_threads : at least 1; results are the same bits for any number.

Arrays are C-contiguous float64 and labels int64. Log-densities are in nats and frame coordinates. Every function raises
TypeError for an array of the wrong type, ValueError for one of the wrong shape and for a row that holds a NaN or an
infinity, and MemoryError, each naming the argument or row. A long call answers Ctrl-C with KeyboardInterrupt; outputs
are then unspecified, as after any other error.
"""

from typing import Any, Final, TypedDict

import numpy as np
from numpy.typing import NDArray

Rows = Any  # any exporter of a 2-D buffer of float32 or float64
Array = NDArray[np.float64]
Labels = NDArray[np.int64]

BLOCK_ROWS: Final[int]
"""Rows that one thread sums at a time; calls may be cut at its multiples without changing a bit."""

RUN_ROWS: Final[int]
"""Rows that a run of `accumulate_missing` may have."""

class Columns(TypedDict):
    """What `scan` finds of each column, (D,), over rows of positive weight, in the user's units."""

    minimum: Array
    maximum: Array
    mean: Array
    scatter: Array
    weight: float
    n_positive: int
    bad_row: int
    bad_column: int

def seed(
    X: Rows,
    sample_weight: Array | None,
    scale: Array,
    centre: Array,
    precision: int,
    candidates: Array,
    closest: Array | None,
    distance: Array,
    potential: Array,
    n_threads: int,
) -> None:
    """Try candidates (C, D) as one more seed of k-means beside those whose nearest is at squared distance closest (N,).

    Writes distance (N, C), the smaller of closest and the squared distance to the candidate, and adds to potential
    (C,) the sums of w_i distance_ic.
    """

def scan(X: Rows, sample_weight: Array | None, n_threads: int) -> Columns:
    """Ranges, weighted means and weighted sums of squares about them; the first NaN or infinity, or -1 and -1.

    When a value is not finite (in a row of any weight) only bad_row and bad_column are specified.
    """

def accumulate(
    X: Rows,
    sample_weight: Array | None,
    scale: Array,
    centre: Array,
    kernel: int,
    precision: int,
    log_constants: Array,
    means: Array,
    whiteners: Array,
    n: Array,
    first: Array,
    second: Array | None,
    n_threads: int,
    skipping: int = 0,
    log_noise: float | None = None,
    log_prior: Array | None = None,
) -> tuple[float, float, float]:
    """E-step and sufficient statistics in one pass: adds to n (K,), first (K, D) and second.

    log_constants is (K,), means (K, D). whiteners and second have the kernel's shape: (K, D, D), (D, D), (K, D) or
    (K,). second is None for the tied kernel, which does not write it. The linear kernel's whiteners are slopes (K, D),
    its second is None, its first moments are about the frame's centre, and its log-likelihood lacks what all components
    share: see gmm.expansion. skipping is 0 where it pays, 1 never, 2 always: whether terms below 2**-58 of a row's
    density are left out (full kernel, more than 8 features; 4 on avx2 and scalar). log_noise is the log of a density
    that is the same for every row, or None for no noise; not for the linear kernel. log_prior (N, K) is added to the
    rows' log-densities.

    Returns
    -------
    log_likelihood, weight, noise : float
        Sum of w_i log p(x'_i), sum of w_i, and the part of it that noise is responsible for.
    """

def moments(
    X: Rows,
    sample_weight: Array | None,
    scale: Array,
    centre: Array,
    kernel: int,
    precision: int,
    means: Array,
    responsibilities: Array | None,
    labels: Labels | None,
    n: Array,
    first: Array,
    second: Array,
    n_threads: int,
) -> float:
    """As `accumulate` with responsibilities (N, K) given, or labels (N,) in [0, K) with -1 for no component.

    Exactly one of the two is not None, or neither with one component, to which every row then belongs; kernel is full,
    diag or spherical. Returns the sum of w_i.
    """

def score(
    X: Rows,
    scale: Array,
    centre: Array,
    kernel: int,
    precision: int,
    log_constants: Array,
    means: Array,
    whiteners: Array,
    log_density: Array | None,
    posterior: NDArray[np.float32] | Array | None,
    label: Labels | None,
    n_threads: int,
    log_noise: float | None = None,
    log_prior: Array | None = None,
) -> None:
    """Write log-densities (N,), posteriors (N, K) in the given precision and labels (N,), each if not None.

    With noise posteriors are (N, K + 1), noise last, and labels -1 where it is the likeliest. A row's bits do not
    depend on the other rows.
    """

def assign(
    X: Rows,
    sample_weight: Array | None,
    scale: Array,
    centre: Array,
    precision: int,
    centres: Array,
    label: Labels | None,
    distance: Array | None,
    n: Array | None,
    sum: Array | None,  # noqa: A002
    n_threads: int,
) -> float:
    """Nearest of the centres (K, D), the lowest on ties, and its squared distance.

    Writes label and distance (N,), adds to n (K,) the weights and to sum (K, D) the weighted x' - centre, each if not
    None. Returns the inertia, sum of w_i distance_i.
    """

def factorize(
    kernel: int,
    weights: Array,
    means: Array,
    covariances: Array,
    ridge: Array | None,
    log_constants: Array,
    whiteners: Array,
    n_threads: int,
) -> int:
    """Write log constants (K,) and whiteners in the shape of the covariances, which is the kernel's.

    ridge is (D,). Returns the first component whose covariance is not positive definite, or -1.
    """

def tied_is_safe(means: Array, covariance: Array, whitener: Array) -> bool:
    """Whether the tied kernel keeps its digits: no mean is too far from the frame's centre."""

def expand(
    log_constants: Array,
    means: Array,
    whitener: Array,
    scatter: Array,
    radius: float,
    constants: Array,
    slopes: Array,
) -> tuple[float, float, float]:
    """Write the linear forms (K,), (K, D) of a tied mixture.

    Returns tr(P T) / 2, P the inverse covariance and T the scatter (D, D) per unit of sample weight, the reach of rows
    within radius, and tr(P T) / 2 of absolute values.
    """

def pool(total: Array, means: Array, n: Array, first: Array, second: Array) -> None:
    """Write the pooled scatter (D, D) of a tied mixture: total scatter minus what lies between the means."""

def accumulate_missing(
    X: Rows,
    sample_weight: Array | None,
    scale: Array,
    centre: Array,
    runs: tuple[Labels, Labels, Labels, Labels, NDArray[np.bool_]],
    kernel: int,
    precision: int,
    weights: Array,
    means: Array,
    covariances: Array,
    ridge: Array | None,
    n: Array,
    first: Array,
    second: Array,
    n_threads: int,
    log_noise: Array | None = None,
    log_prior: Array | None = None,
) -> tuple[float, float, float]:
    """As `accumulate`, of rows with missing values and under a mixture; see `gmm_accumulate_missing`.

    runs is a `gmm.patterns.Runs`: batches (B + 1,), rows (N,), first (R + 1,), pattern (R,) and observed (P, D);
    log_noise (P,) is that of each pattern. Of a tied mixture second is pooled, (D, D), and there is no noise. Raises
    ArithmeticError when the covariance of a component, named, is not positive definite.
    """

def score_missing(
    X: Rows,
    scale: Array,
    centre: Array,
    runs: tuple[Labels, Labels, Labels, Labels, NDArray[np.bool_]],
    kernel: int,
    precision: int,
    weights: Array,
    means: Array,
    covariances: Array,
    log_density: Array | None,
    posterior: NDArray[np.float32] | Array | None,
    label: Labels | None,
    n_threads: int,
    log_noise: Array | None = None,
    log_prior: Array | None = None,
) -> None:
    """As `score`, of rows with missing values and under a mixture; other arguments as for `accumulate_missing`."""

# As the two before, with errors (N, D) or (N, D, D), any strides, in place of runs; sums are always in float64.
def accumulate_measured(X: Rows, sample_weight: Array | None, *rest: Any) -> tuple[float, float, float]: ...
def score_measured(X: Rows, *rest: Any) -> None: ...

def maximize(
    kernel: int,
    n: Array,
    first: Array,
    second: Array,
    about: Array,
    previous_means: Array,
    previous_covariances: Array,
    ridge: Array | None,
    floor: Array,
    epsilon: float,
    weights: Array,
    means: Array,
    covariances: Array,
    floored: NDArray[np.bool_],
    n_threads: int,
    form: int = 0,
) -> None:
    """Write weights (K,), means (K, D), covariances and floored (K,) of the M-step; form is a `gmm.parameters.Form`.

    about (K, D) is what the moments are about; components with n = 0 keep the previous mean and covariance. second has
    the kernel's shape; for the tied kernel also (K, D, D).
    """

def constrain(
    form: int, n: Array, previous: Array | None, floor: Array, epsilon: float, covariances: Array, floored: Array
) -> None:
    """Give scatters the form, in place; previous (K, ...) is where iterations inside begin, floored (K,) is written."""

def whiten(covariances: Array, whiteners: Array, n_threads: int) -> int:
    """Write the whiteners of (K, D, D) matrices; returns the first that is not positive definite, or -1."""

def lift(
    covariances: Array, squares: Array, floor: Array, epsilon: float, floored: NDArray[np.bool_], n_threads: int
) -> None:
    """Raise (K, D, D) matrices to the numerical floor, in place; squares is (K, D), floor (D,), floored (K,)."""

def climb(
    X: Rows,
    sample_weight: Array | None,
    scale: Array,
    centre: Array,
    kernel: int,
    precision: int,
    ridge: Array | None,
    floor: Array,
    total_scatter: Array | None,
    epsilon: float,
    tol: float,
    max_iter: int,
    weights: Array,
    means: Array,
    covariances: Array,
    n: Array,
    first: Array,
    second: Array,
    floored: NDArray[np.bool_],
    trace: Array,
    n_trace: int,
    log_likelihood: float,
    weight: float,
    form: int = 0,
) -> tuple[int, int, float, float]:
    """EM iterations on few rows, in place, from parameters whose statistics and first n_trace objectives are given.

    With n_trace 0 they are not: the first thing done is to find them.

    trace is (max_iter + 1,); total_scatter (D, D) is needed by the tied kernel. Returns n_trace, why it stopped (0 at
    max_iter, 1 converged, 2 before an iteration that is out of the ordinary, 3 the objective fell), log_likelihood and
    weight.
    """

def scan_groups(
    X: list[Rows], minimum: Array, maximum: Array, mean: Array, scatter: Array, weights: Array, finite: Array
) -> None:
    """What `scan` finds of groups of rows with as many columns each, (G, D), (G,); not set where not finite."""

def fit(
    X: list[Rows],
    sample_weight: list[Array | None],
    scale: Array,
    centre: Array,
    floor: Array,
    ridge: Array | None,
    seeds: NDArray[np.int64],
    kernel: int,
    precision: int,
    method: int,
    tol: float,
    max_iter: int,
    short_iter: int,
    patience: int,
    weights: Array,
    means: Array,
    covariances: Array,
    floored: NDArray[np.bool_],
    traces: Array,
    tables: Array,
    log_likelihoods: Array,
    endings: NDArray[np.int64],
    n_threads: int,
    form: int = 0,
) -> None:
    """Fit G groups of few rows with D features each, starts included; `gmm_fit` in csrc/fits.h says how.

    scale, centre, floor, ridge are (G, D), seeds (G, n_starts); method is 0 (kmeans), 1 (k-means++), 2 (random), 3
    (random_from_data) or 4 (weights, means and covariances as they are). Written: weights (G, K), means (G, K, D),
    covariances (G, size of one), floored (G, K), traces (G, max_iter + 1), tables (G, n_starts, 6), log_likelihoods
    (G,), endings (G, 4): why it stopped (2: unusual, and nothing else is set), entries of the trace, starts begun,
    number of the likeliest.
    """

def start(X: Rows, sample_weight: Array | None, *rest: Any) -> None:
    """Rehearse starts of many rows on sketches of them, a start on one thread; `gmm_start` in csrc/fits.h says how.

    rest: scale, centre, floor, ridge, seeds, kernel, precision, n_candidates, n_iter, last, most_rows, weights, means,
    covariances, unusual, n_threads.

    seeds (S,) and last (n_rounds,) hold 64-bit words, n_iter is (n_rounds,), ridge and floor (D,). Written: weights
    (S, K), means (S, K, D), covariances (S, size of one), and unusual (S,): starts of which nothing else holds.
    """

def ward(points: Array, weights: Array | None, pairs: Labels, costs: Array) -> None:
    """Write the merges (N - 1, 2) of Ward's tree of points (N, D) and what they cost (N - 1,), in no order of cost."""

def has_converged(trace: Array, tol: float, epsilon: float) -> bool:
    """The stopping rule of `climb`: `gmm.convergence.has_converged`."""

def isa() -> str:
    """Instruction set in use: "scalar", "avx2", "avx512" or "neon"; the environment's GMM_ISA overrides the best.

    Raises ValueError if GMM_ISA names one that this build or CPU does not have.
    """

def isas() -> tuple[str, ...]:
    """Instruction sets this build holds and this CPU runs, best first."""

def has_openmp() -> bool:
    """Whether this build can use more than one thread."""

def max_threads() -> int:
    """Threads OpenMP would use now: OMP_NUM_THREADS, threadpoolctl's limits and CPU affinity; 1 in a forked child."""

def peak_flops(precision: int, n_threads: int) -> float:
    """Floating-point operations per second of n_threads threads on registers alone, two per fused multiply-add."""
