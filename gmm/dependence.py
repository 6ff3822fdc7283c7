"""Which features a singular covariance makes dependent: those without spread, or the combination that has none.

Of the correlations R of a component, v with R v = smallest eigenvalue v is the direction of least spread; with s the
standard deviations, sum_j (v_j / s_j) x_j is the combination of features that hardly varies.

Invariant: combinations are in the user's units, up to a factor.
"""

from __future__ import annotations

import numpy as np

from gmm.covariances.base import Covariance
from gmm.frame import Frame
from gmm.parameters import Kernel, Parameters

__all__ = ["AT_THE_FLOOR", "dependence"]

AT_THE_FLOOR = 4.0  # a variance up to this many floors is called flat
NEGLIGIBLE = 1e-3  # of the largest term of a combination, in standard deviations: rounding, or no part of it


def dependence(
    structure: Covariance, parameters: Parameters, frame: Frame, component: int
) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """Numbers of features and their coefficients in a combination without spread; none where there is no such.

    Features that have no spread of their own have no coefficients.

    Examples
    --------
    Features with x1 = 2 x0:

    >>> import numpy as np
    >>> from gmm.covariances import FULL
    >>> from gmm.dependence import dependence
    >>> from gmm.frame import Frame
    >>> from gmm.parameters import Parameters
    >>> covariance = np.array([[1.0, 2.0], [2.0, 4.0 + 1e-12]])
    >>> gaussian = Parameters(np.ones(1), np.zeros((1, 2)), covariance[None])
    >>> columns, coefficients = dependence(FULL, gaussian, Frame.identity(2), 0)
    >>> columns, [round(c, 6) for c in coefficients]
    ((0, 1), [1.0, -0.5])
    """
    D = parameters.n_features
    covariance = structure.take(parameters.covariances, np.array([component]))
    V = structure.dense(covariance, 1, D)[0]
    flat = np.flatnonzero(V.diagonal() <= AT_THE_FLOOR * frame.floor)
    if flat.size:
        return tuple(flat.tolist()), ()
    if structure.kernel not in (Kernel.FULL, Kernel.TIED) or D < 2:
        return (), ()
    s = np.sqrt(V.diagonal())
    v = np.linalg.eigh(V / s[:, None] / s)[1][:, 0]
    part = np.flatnonzero(np.abs(v) > NEGLIGIBLE * np.abs(v).max())
    steps = frame.exponent[part] - frame.exponent[part].min()
    c = np.ldexp(v[part] / s[part], -steps)
    c /= c[np.argmax(np.abs(c))]
    return tuple(part.tolist()), tuple(c.tolist())
