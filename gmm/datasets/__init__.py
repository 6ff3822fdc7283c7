"""Two small data sets that come with the package, as plain arrays.

Both are facts published in R's `datasets` package; the files beside this one
hold their rows in the published order, with feature names in the first line.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources

import numpy as np

__all__ = ["Dataset", "load_faithful", "load_iris"]


@dataclass(frozen=True)
class Dataset:
    """Rows with names.

    Attributes
    ----------
    data : ndarray of shape (n_samples, n_features)
        Float64 rows; every call of a loader makes a fresh array.
    feature_names : tuple of str
    units : tuple of str
        Unit of each feature.
    title : str
        What a row is.
    source : str
        Where the measurements were published.
    """

    data: np.ndarray
    feature_names: tuple[str, ...]
    units: tuple[str, ...]
    title: str
    source: str


def load_faithful() -> Dataset:
    """Eruptions of the Old Faithful geyser, Yellowstone: 272 rows, 2 features.

    `eruptions` is how long an eruption lasted, `waiting` the time until the next one, both in minutes.

    Examples
    --------
    >>> from gmm.datasets import load_faithful
    >>> faithful = load_faithful()
    >>> faithful.data.shape, faithful.feature_names
    ((272, 2), ('eruptions', 'waiting'))
    """
    return _load(
        "faithful.csv",
        units=("minutes", "minutes"),
        title="Old Faithful geyser eruptions",
        source="Azzalini and Bowman (1990), Applied Statistics 39, 357-365; Haerdle (1991), Smoothing Techniques; "
        "as `faithful` in R's datasets",
    )


def load_iris() -> Dataset:
    """Iris flowers, 50 each of setosa, versicolor and virginica in this order: 150 rows, 4 features.

    Examples
    --------
    >>> from gmm.datasets import load_iris
    >>> load_iris().data.mean(axis=0).round(2)
    array([5.84, 3.06, 3.76, 1.2 ])
    """
    return _load(
        "iris.csv",
        units=("cm", "cm", "cm", "cm"),
        title="iris flowers",
        source="Anderson (1935), Bulletin of the American Iris Society 59, 2-5; "
        "Fisher (1936), Annals of Eugenics 7, 179-188; as `iris` in R's datasets",
    )


def _load(name: str, *, units: tuple[str, ...], title: str, source: str) -> Dataset:
    with resources.files(__name__).joinpath(name).open(encoding="ascii") as lines:
        feature_names = tuple(next(lines).strip().split(","))
        data = np.loadtxt(lines, delimiter=",")
    return Dataset(data, feature_names, units, title, source)
