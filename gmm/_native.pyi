"""The compiled core: one pass over rows, see csrc/gmm.h for the contract.

Arguments that every function shares
------------------------------------
X : (N, D) buffer of float32 or float64 in native byte order; any strides, alignment and writability; never copied.
sample_weight : (N,) at least 0, or None for ones.
scale, centre : (D,) the frame: the core sees x' = x * scale - centre.
kernel : 0 full, 1 tied, 2 diag, 3 spherical (`gmm.parameters.Kernel`).
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
) -> tuple[float, float]:
    """E-step and sufficient statistics in one pass: adds to n (K,), first (K, D) and second.

    log_constants is (K,), means (K, D). whiteners and second have the kernel's shape: (K, D, D), (D, D), (K, D) or
    (K,). second is None for the tied kernel, which does not write it.

    Returns
    -------
    log_likelihood, weight : float
        Sum of w_i log p(x'_i) and sum of w_i.
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

    Exactly one of the two is not None; kernel is full, diag or spherical. Returns the sum of w_i.
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
) -> None:
    """Write log-densities (N,), posteriors (N, K) in the given precision and labels (N,), each if not None.

    A row's bits do not depend on the other rows.
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
