"""Seconds for one EM iteration, with set-up cancelled and contenders interleaved.

    seconds = (time of a climb of b iterations - time of a climb of a iterations) / (b - a),     a = 2, b = 12

Slow contenders take fewer iterations (b - a >= 2), fast ones repeat the pair until a turn has lasted ``turn`` seconds.
Contenders take turns, so that a busy machine slows all of them alike; a ratio is the median over turns of ratios
within a turn.

On a machine that others use, ``clock=process_time`` with one thread counts only the processor's time.

Invariant: nothing is timed before its result was checked (`agree`).
"""

from collections.abc import Callable, Mapping
from statistics import median
from time import perf_counter, sleep
from typing import Any

import numpy as np

SHORT, LONG, FEWEST = 2, 12, 2
SETTLE = 0.2  # seconds: idle threads of the contender before spin on for some of them
Clock = Callable[[], float]


def seconds_of(climb: Callable[[int], Any], n_iter: int, clock: Clock = perf_counter) -> float:
    """Seconds of one climb."""
    begin = clock()
    climb(n_iter)
    return clock() - begin


def one_turn(climb: Callable[[int], Any], iterations: int, turn: float, clock: Clock = perf_counter) -> float:
    """Seconds an iteration, the median of as many pairs of climbs as fit into ``turn`` seconds (one at least)."""
    sleep(SETTLE)
    pairs, spent = [], 0.0
    while not pairs or spent < turn:
        short, long = seconds_of(climb, SHORT, clock), seconds_of(climb, SHORT + iterations, clock)
        pairs.append((long - short) / iterations)
        spent += short + long
    return median(pairs)


def interleave(
    climbs: Mapping[str, Callable[[int], Any]],
    *,
    repeats: int,
    turn: float = 0.5,
    patience: float = 8.0,
    clock: Clock = perf_counter,
) -> dict[str, list[float]]:
    """For every contender its seconds an iteration in each of ``repeats`` turns.

    ``patience`` is how long a pair of climbs may last before it is cut to fewer iterations.
    """
    iterations = {}
    for name, climb in climbs.items():
        affordable = patience / max(seconds_of(climb, 1) / 2, 1e-6) - 2 * SHORT
        iterations[name] = int(np.clip(affordable, FEWEST, LONG - SHORT))
    seconds: dict[str, list[float]] = {name: [] for name in climbs}
    for _ in range(repeats):
        for name, climb in climbs.items():
            seconds[name].append(one_turn(climb, iterations[name], turn, clock))
    return seconds


def agree(found: Mapping[str, float], dtype: str) -> None:
    """Refuse to time contenders whose log-likelihoods (nats a row) differ by more than the precision explains."""
    limit = {"float64": 1e-8, "float32": 1e-3}[dtype]
    first = next(iter(found), None)
    for name, value in found.items():
        if not abs(value - found[first]) <= limit:
            raise RuntimeError(f"{name} reaches {value!r} nats a row, {first} {found[first]!r}: not the same EM")
