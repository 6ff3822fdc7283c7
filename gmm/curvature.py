"""How a surface bends along a climb's last steps: pairs of a step s and the change y = f(before) - f(after) of EM's.

    H f    a quasi-Newton step, by the recursion of L-BFGS with H = 1 before the first pair (Liu and Nocedal 1989)
    b      the smallest eigenvalue of y = B s on the span of the steps (Rayleigh and Ritz)

Both follow from inner products alone, which are kept: a new pair of length P costs 4 m of them, a step 2 m.
Inner products go without BLAS, whose sums depend on its number of threads.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from operator import mul
from typing import Self

import numpy as np

__all__ = ["Pairs", "dot"]

MOST = 8  # on china.jpg, 16 components, 5 to 20 do alike; 3 to 12 on the benchmark's family
INDEPENDENT = 1e-5  # smallest share of the largest eigenvalue: a direction below repeats the others but for rounding


def dot(a: np.ndarray, b: np.ndarray) -> float:
    """Inner product of two vectors."""
    return float(np.einsum("i,i->", a, b))


@dataclass(frozen=True, eq=False)
class Pairs:
    """The last `MOST` pairs.

    Parameters
    ----------
    vectors : ndarray of shape (2 m, P)
        Steps and changes in turn, the oldest first.
    products : ndarray of shape (2 m, 2 m)
        Their inner products.
    """

    vectors: np.ndarray = field(default_factory=lambda: np.empty((0, 0)))
    products: np.ndarray = field(default_factory=lambda: np.empty((0, 0)))

    def __len__(self) -> int:
        return len(self.vectors) // 2

    def followed_by(self, step: np.ndarray, change: np.ndarray) -> Self:
        """These and one more, without the oldest when there are too many."""
        new = np.stack((step, change))
        kept = slice(2 if len(self) == MOST else 0, None)
        vectors = np.concatenate((self.vectors[kept], new)) if len(self) else new
        products = np.empty((len(vectors), len(vectors)))
        products[:-2, :-2] = self.products[kept, kept]
        products[-2:] = np.einsum("ip,jp->ij", new, vectors)
        products[:-2, -2:] = products[-2:, :-2].T
        return type(self)(vectors, products)

    def newton_step(self, pull: np.ndarray) -> np.ndarray:
        """H f, for EM's step f (P,)."""
        G = self.products.tolist()
        along = np.einsum("ip,p->i", self.vectors, pull).tolist()
        shares = [0.0] * len(G)  # of the vectors in H f - f

        def product(i: int) -> float:
            return along[i] + sum(map(mul, G[i], shares))

        for s in reversed(range(0, len(G), 2)):
            shares[s + 1] = -product(s) / G[s][s + 1]
        for s in range(0, len(G), 2):
            shares[s] = -shares[s + 1] - product(s + 1) / G[s][s + 1]
        return pull + np.einsum("i,ip->p", np.array(shares), self.vectors)

    @property
    def rates(self) -> np.ndarray:
        """Rayleigh quotients s'Bs / s's of the steps, (m,)."""
        G = self.products
        return np.diagonal(G, 1)[::2] / np.diagonal(G)[::2]

    @cached_property
    def slowest(self) -> float:
        """The smallest eigenvalue; steps that nearly depend on others do not count."""
        gram, bent = self.products[::2, ::2], self.products[::2, 1::2]
        lengths = np.sqrt(np.diagonal(gram))
        values, vectors = np.linalg.eigh(gram / np.outer(lengths, lengths))
        clear = values > INDEPENDENT * values[-1]
        basis = vectors[:, clear] / np.sqrt(values[clear]) / lengths[:, None]
        projected = basis.T @ bent @ basis
        return float(np.linalg.eigvalsh((projected + projected.T) / 2.0)[0])
