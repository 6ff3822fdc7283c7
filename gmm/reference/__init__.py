"""The NumPy twin: every sum over rows written the plain way, in float64, to be read and to be trusted.

`Rows` has the methods of `gmm.rows.Rows` and takes its place in any algorithm, so one EM loop can run on the compiled
kernels and on NumPy; `factorize` and `maximize` are the rest of an iteration. `fit` is a whole EM of its own, in user
coordinates, which shares no code with the package: the oracle for parity and a contender in the benchmarks.

Nothing in the package imports this; tests and benchmarks do. Invariant: NumPy is all it needs besides the package's
own plain records.
"""

from gmm.reference.em import fit, log_densities
from gmm.reference.rows import Rows
from gmm.reference.structures import factorize, maximize

__all__ = ["Rows", "factorize", "fit", "log_densities", "maximize"]
