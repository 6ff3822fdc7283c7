"""Statistics add: those of two parts are those of the whole."""

from __future__ import annotations

import numpy as np
import problems
import pytest
from model.labelled import of_labels
from tolerances import CLOSED_FORM

from gmm.errors import ParameterError
from gmm.parameters import Kernel


@pytest.mark.parametrize("kernel", [kernel for kernel in Kernel if kernel is not Kernel.FACTOR])
def test_parts_add_to_the_whole(kernel):
    p = problems.blobs(300, n_features=3)
    weight = np.random.default_rng(1).uniform(0, 2, 300)
    parts = (np.s_[:70], np.s_[70:], np.s_[:])
    a, b, whole = (of_labels(p.X[s], p.labels[s], p.means, kernel, weight[s]) for s in parts)
    for total in (a + b, b.merge(a)):
        for name in ("n", "first", "second", "log_likelihood", "weight"):
            np.testing.assert_allclose(getattr(total, name), getattr(whole, name), rtol=0, atol=CLOSED_FORM * 300)
        assert total.n_rows == 300
        assert total.means is p.means


def test_parts_about_other_means_do_not_add():
    p = problems.blobs(100)
    a = of_labels(p.X, p.labels, p.means, Kernel.FULL)
    for other in (
        of_labels(p.X, p.labels, p.means + 1e-9, Kernel.FULL),
        of_labels(p.X, p.labels, p.means, Kernel.TIED),
        of_labels(p.X, p.labels, p.means[:2], Kernel.FULL),
    ):
        with pytest.raises(ParameterError, match="same means"):
            a.merge(other)
