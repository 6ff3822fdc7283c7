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
from gmm.covariances.coded import EEE, VII, VVI, VVV
from gmm.covariances.constrained import EEI, EEV, EII, EVE, EVI, EVV, VEE, VEI, VEV, VVE
from gmm.covariances.diagonal import DIAG
from gmm.covariances.full import FULL
from gmm.covariances.spherical import SPHERICAL
from gmm.covariances.tied import TIED
from gmm.errors import ParameterError
from gmm.parameters import Form

__all__ = [
    "CODES",
    "DIAG",
    "FULL",
    "SPHERICAL",
    "STRUCTURES",
    "TIED",
    "Covariance",
    "climbs_in_core",
    "is_native",
    "structure",
]

STRUCTURES: dict[str, Covariance] = {entry.name: entry for entry in (FULL, TIED, DIAG, SPHERICAL)}
CODES: dict[str, Covariance] = {
    entry.name: entry for entry in (EII, VII, EEI, VEI, EVI, VVI, EEE, VEE, EVE, VVE, EEV, VEV, EVV, VVV)
}
KNOWN = STRUCTURES | CODES


def climbs_in_core(structure: Covariance) -> bool:
    """Whether the core's M-step is that of the structure, so that it may climb there."""
    known = KNOWN.get(structure.name) is structure
    return known and type(structure).maximize is Covariance.maximize


def is_native(structure: Covariance) -> bool:
    """Whether the core knows the structure's starts, too: components share nothing, or all as "tied" does."""
    return climbs_in_core(structure) and structure.form is Form.OWN


def structure(name: str) -> Covariance:
    """Return the covariance structure of that name, or raise a ParameterError that suggests the nearest."""
    if isinstance(name, str) and name in KNOWN:
        return KNOWN[name]
    near = difflib.get_close_matches(name, KNOWN, n=1, cutoff=0.4) if isinstance(name, str) else []
    if isinstance(name, str) and name.upper() in CODES:
        near = [name.upper()]
    hint = f", did you mean {near[0]!r}?" if near else "."
    known = ", ".join(repr(entry) for entry in KNOWN)
    raise ParameterError(f"covariance_type {name!r} is not known{hint} Known: {known}")
