"""Covariance structures by name. A closed registry: add a class in its own file and list it here.

Examples
--------
>>> from gmm.covariances import structure
>>> structure("tied").shape(3, 2)
(2, 2)
>>> structure("sperical")
Traceback (most recent call last):
    ...
gmm.errors.ParameterError: covariance_type 'sperical' is not known, did you mean 'spherical'? Known: 'full', ...
"""

from __future__ import annotations

import difflib

from gmm.covariances.base import Covariance
from gmm.covariances.diagonal import DIAG
from gmm.covariances.full import FULL
from gmm.covariances.spherical import SPHERICAL
from gmm.covariances.tied import TIED
from gmm.errors import ParameterError

__all__ = ["DIAG", "FULL", "SPHERICAL", "STRUCTURES", "TIED", "Covariance", "structure"]

STRUCTURES: dict[str, Covariance] = {entry.name: entry for entry in (FULL, TIED, DIAG, SPHERICAL)}


def structure(name: str) -> Covariance:
    """Return the covariance structure of that name, or raise a ParameterError that suggests the nearest."""
    if isinstance(name, str) and name in STRUCTURES:
        return STRUCTURES[name]
    near = difflib.get_close_matches(name, STRUCTURES, n=1, cutoff=0.4) if isinstance(name, str) else []
    hint = f", did you mean {near[0]!r}?" if near else "."
    known = ", ".join(repr(entry) for entry in STRUCTURES)
    raise ParameterError(f"covariance_type {name!r} is not known{hint} Known: {known}")
