"""Random numbers that belong to a row or to a start, not to the order in which they were drawn.

A start looks at no more than `largest(K, D)` rows. Row i is among them when

    splitmix64(seed, i) < 2**64 * largest / N          (Steele, Lea, Flood 2014)

so the choice depends on the seed and on the row's number alone: a fit in batches starts like a fit in memory.

Seeds of restarts come from the first one the same way, and the first is the user's own, so the start that a table of
restarts names by its seed is the start of a fit with ``n_init=1`` and that ``random_state``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gmm._validation import check_seed

__all__ = ["chosen_rows", "generator", "hashed", "largest", "last_hash", "seeds"]

MOST_ROWS = 1 << 15
MOST_VALUES = 1 << 22  # 32 MB of float64
ROWS_PER_COMPONENT = 64
CHUNK = 1 << 14  # hashes stay in cache

Seed = int | np.random.Generator | np.random.RandomState | None


def hashed(seed: int, counter: np.ndarray) -> np.ndarray:
    """Splitmix64 of a seed and of counters: uniform 64-bit words, one for each counter.

    Examples
    --------
    The generator's first word from state 0:

    >>> import numpy as np
    >>> from gmm.subsample import hashed
    >>> hex(int(hashed(0, np.arange(1, dtype=np.uint64))[0]))
    '0xe220a8397b1dcdaf'
    """
    state = np.uint64(seed % (1 << 64)) + (counter + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return state ^ (state >> np.uint64(31))


def largest(n_components: int, n_features: int) -> int:
    """Rows a start looks at: 2**15, fewer when they are wide (32 MB), never below 64 per component."""
    return max(min(MOST_ROWS, MOST_VALUES // n_features), ROWS_PER_COMPONENT * n_components, 1)


def last_hash(size: int, n_rows: int) -> int:
    """The largest hash of a row that is chosen when about ``size`` of ``n_rows`` are to be."""
    return min((size << 64) // max(n_rows, 1), (1 << 64) - 1)


def chosen_rows(n_rows: int, seed: int, size: int, sample_weight: np.ndarray | None = None) -> np.ndarray | None:
    """Numbers of about ``size`` rows of positive weight out of ``n_rows``, ascending; None for all of few rows.

    Examples
    --------
    >>> from gmm.subsample import chosen_rows
    >>> chosen_rows(100, seed=0, size=100) is None
    True
    >>> chosen_rows(10**6, seed=0, size=4)
    array([ 70273, 164256, 390831, 573548])
    """
    if n_rows <= size:
        return None
    eligible = n_rows if sample_weight is None else int(np.count_nonzero(sample_weight))
    last = np.uint64(last_hash(size, eligible))
    chunks = []
    for first in range(0, n_rows, CHUNK):
        number = np.arange(first, min(first + CHUNK, n_rows), dtype=np.uint64)
        taken = hashed(seed, number) <= last
        if sample_weight is not None:
            taken &= sample_weight[first : first + CHUNK] > 0
        chunks.append(number[taken].astype(np.int64))
    return np.concatenate(chunks)


def seeds(random_state: Seed, n: int) -> list[int]:
    """Seeds of ``n`` starts from one ``random_state``; an int is its own first seed, and all fit in 32 bits else.

    Examples
    --------
    >>> from gmm.subsample import seeds
    >>> seeds(7, 3)
    [7, 72105175, 3868737664]
    """
    first = _first_seed(check_seed(random_state))
    counters = np.arange(max(n, 1), dtype=np.uint64)
    children = hashed(first, counters) >> np.uint64(32)
    return [first, *(int(child) for child in children[1:])][:n]


def generator(random_state: Seed) -> np.random.Generator:
    """A Generator from whatever a user may give as ``random_state``; a Generator is used itself."""
    random_state = check_seed(random_state)
    if isinstance(random_state, np.random.Generator):
        return random_state
    return np.random.default_rng(_first_seed(random_state))


def _first_seed(random_state: Any) -> int:
    if random_state is None:
        return int(np.random.SeedSequence().generate_state(1)[0])
    if isinstance(random_state, np.random.Generator):
        return int(random_state.integers(1 << 32))
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(1 << 32, dtype=np.uint64))
    return int(random_state)
