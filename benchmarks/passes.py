"""One pass of the compiled core over rows, timed next to the peak: what kernels.py, cost.py and roofline.py share.

One thread and its processor time, the least of several passes; the FMA peak (`_native.peak_flops`) just before and
after, so that both see the same clock. Rows are normal: a dense pass does the same work whatever they are.
"""

from functools import partial
from time import process_time
from typing import NamedTuple

import numpy as np
from problems import Shape, flops_per_row_component, make_start

NEVER, AUTO = 1, 0  # gmm_skipping


class Pass(NamedTuple):
    """A timed pass."""

    shape: Shape
    structure: str
    dtype: str
    seconds: float
    peak: float  # flop/s of one thread

    @property
    def rate(self) -> float:
        """Row-components per second."""
        return self.shape.row_components / self.seconds

    @property
    def flops(self) -> float:
        """Flop/s that a dense pass needs."""
        return self.rate * flops_per_row_component(self.shape.n_features, self.shape.n_components, self.structure)

    @property
    def share(self) -> float:
        """Of the FMA peak."""
        return self.flops / self.peak

    @property
    def intensity(self) -> float:
        """Flops per byte of X, which a pass reads once."""
        read = self.shape.n_samples * self.shape.n_features * np.dtype(self.dtype).itemsize
        return self.flops * self.seconds / read


def prepare(shape: Shape, covariance_type: str, dtype: str):
    """Rows read in one thread, and factors of a start, in one frame."""
    from gmm.covariances import structure
    from gmm.parameters import Parameters
    from gmm.rows import Rows

    X = np.random.default_rng(0).standard_normal((shape.n_samples, shape.n_features), np.float64).astype(dtype)
    start = make_start(X, shape.n_components, covariance_type)
    family = structure(covariance_type)
    rows = Rows.from_array(X, scaling=family.scaling, precision=dtype)
    inside = Parameters(
        start.weights, rows.frame.points_in(start.means), family.covariances_in(start.covariances, rows.frame)
    )
    return rows, family.factorize(inside)


def accumulate(rows, factors, skipping):
    """n, first, second and the log-likelihood of one pass."""
    from gmm import _native

    K, D = factors.means.shape
    sums = np.zeros(K), np.zeros((K, D)), np.zeros((K, D, D))
    likelihood, *_ = _native.accumulate(
        rows.X, None, rows.frame.scale, rows.frame.centre, int(factors.kernel), int(rows.precision == "float64"),
        factors.log_constants, factors.means, factors.whiteners, *sums, 1, skipping,
    )  # fmt: skip
    return *sums, likelihood


def time_pass(shape: Shape, covariance_type: str, dtype: str = "float64", *, seconds: float = 0.2) -> Pass:
    """The fastest of the passes that fit into the given seconds, three at least, between two looks at the peak.

    Full covariances leave no term out.
    """
    from gmm import _native

    rows, factors = prepare(shape, covariance_type, dtype)
    dense = covariance_type == "full"
    one_pass = partial(accumulate, rows, factors, NEVER) if dense else partial(rows.accumulate, factors)
    one_pass()  # a tied structure's total scatter too, which is found once a fit
    peaks = [_native.peak_flops(int(dtype == "float64"), 1)]
    times: list[float] = []
    while len(times) < 3 or sum(times) < seconds:
        begin = process_time()
        one_pass()
        times.append(process_time() - begin)
    peaks.append(_native.peak_flops(int(dtype == "float64"), 1))
    return Pass(shape, covariance_type, dtype, min(times), max(peaks))


def shape_of(n_features: int, n_components: int, row_components: float = 2e6) -> Shape:
    """A shape of about as many rows as a pass of 20 ms can take, whole blocks of rows."""
    from gmm._native import BLOCK_ROWS

    work = flops_per_row_component(n_features, n_components, "full") / flops_per_row_component(8, 1, "full")
    blocks = max(8, round(row_components / (n_components * work * BLOCK_ROWS)))
    return Shape(f"D={n_features} K={n_components}", blocks * BLOCK_ROWS, n_features, n_components)
