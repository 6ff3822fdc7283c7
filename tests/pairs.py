"""Combinations of options for tests: a covering array of pairs, and the product in an order that mixes.

Choices are a NamedTuple of tuples, what comes out the same NamedTuple with one choice each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import gcd, prod
from typing import Any

import numpy as np

DRAWN = 200


def pairs(choices: Any, *, is_allowed: Callable[[Any], bool] = lambda case: True, seed: int = 0) -> Iterator[Any]:
    """Allowed cases that hold each pair of choices some allowed case holds; greedily, each the best of many drawn.

    What a pair needs beside it to be allowed must be easy to draw.
    """
    rng = np.random.default_rng(seed)
    size = [len(options) for options in choices]
    columns = [(a, b) for a in range(len(size)) for b in range(a)]

    def made(row: list[int]) -> Any:
        return type(choices)(*(options[i] for options, i in zip(choices, row, strict=True)))

    def drawn() -> list[list[int]]:
        return [row for row in rng.integers(size, size=(DRAWN, len(size))).tolist() if is_allowed(made(row))]

    left = {(a, i, b, j) for a, b in columns for i in range(size[a]) for j in range(size[b])}
    while left:
        a, i, b, j = min(left)
        rows = drawn()
        forced = []
        for row in drawn():
            row[a], row[b] = i, j
            if is_allowed(made(row)):
                forced.append(row)
        if not forced:
            left.remove((a, i, b, j))
            continue
        covered = [left & {(a, row[a], b, row[b]) for a, b in columns} for row in rows + forced]
        best = max(range(len(covered)), key=lambda row: len(covered[row]))
        left -= covered[best]
        yield made((rows + forced)[best])


def product_size(choices: Any) -> int:
    """Number of all combinations."""
    return prod(len(options) for options in choices)


def of_product(choices: Any, index: int) -> Any:
    """The combination of this index; steps of a number near the golden section of all, so neighbours share little."""
    total = product_size(choices)
    step = round(total * 0.6180339887)
    while gcd(step, total) > 1:
        step += 1
    at, case = index * step % total, []
    for options in choices:
        at, i = divmod(at, len(options))
        case.append(options[i])
    return type(choices)(*case)
