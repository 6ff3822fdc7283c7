"""The examples of noise that mclust documents: we find the noise that mclust finds, at the likelihood it finds.

chevron: 350 mines in two arms among 754 other things (the minefield of Dasgupta and Raftery 1998); faithful100: Old
Faithful with 100 rows drawn evenly over its range. Of each, mclust 6.0.0's maximum likelihood of two components and
noise, EM run to 1e-10 (tests/golden/mclust/noise.csv). The share that was drawn as noise is not what the likeliest
mixture calls noise, in either package: docs/noise.md.
"""

import csv
from pathlib import Path

import numpy as np
import pytest

from gmm import GaussianMixture

GOLDEN = Path(__file__).parents[1] / "golden" / "mclust"
with (GOLDEN / "noise.csv").open(encoding="utf-8") as lines:
    THEIRS = {(row["set"], row["model"]): row for row in csv.DictReader(lines)}


@pytest.mark.parametrize(
    ("name", "model"),  # the first of each is mclust's own choice, by BIC, among all models of one to nine components
    [("chevron", "EEV"), ("chevron", "VVV"), ("faithful100", "VVE"), ("faithful100", "VVV"), ("faithful100", "EEI")],
)
def test_the_noise_that_mclust_finds(name, model):
    X = np.loadtxt(GOLDEN / f"{name}.csv", delimiter=",", skiprows=1)[:, :2]
    found, theirs = GaussianMixture(2, covariance_type=model, noise=True, random_state=0).fit(X), THEIRS[name, model]
    assert found.n_parameters() == int(theirs["df"])
    assert found.log_likelihood_ * len(X) > float(theirs["loglik"]) - 0.01
    assert abs(found.noise_weight_ - float(theirs["noise"])) < 0.002
