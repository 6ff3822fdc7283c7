"""The tolerances of the test suite: one table, each with its reason. Relative unless the reason says otherwise.

A test that needs another bound gets a named entry here, or states a bound it derives from its own data.
"""

EPS64 = 2.0**-52
EPS32 = 2.0**-23

# ---- compiled path against the NumPy twin, over the size of the terms summed

SUM_FLOAT64 = 1e-12
"""Log-densities carry some D eps of whitening and a row's responsibility that error times its log-density (tens of
nats), so sums of terms of size one agree to about 1e-13; ten times that is asked."""

SUM_FLOAT32 = 2e-5
"""The same in float32: 1e-6 typical, a few 1e-6 at D = 70."""

# ---- whole fits

PARITY_SKLEARN = 1e-8
"""Promised: parameters after 1, 5 and 50 iterations, of standardised float64 data, without a ridge. scikit-learn's
own formula E[x^2] - m^2 (diag, spherical, tied) loses the digits between this and PARITY_TWIN."""

PARITY_TWIN = 1e-10
"""Promised: the same against the NumPy twin, which centres as we do; EM contracts, so rounding does not grow."""

NO_WORSE = 3e-6
"""Nats per row that a fit of real data may lie below another library's best: a climb ends within 3 tol of its optimum
(default tol=1e-6), so the same optimum found by both may differ by that."""

MONOTONE = 1e-11
"""Absolute, nats per row: the largest fall of the objective that rounding may cause (DESIGN contract: monotone EM)."""

WEIGHTED = 1e-10
"""Integer weights against repeated rows from the same start: other block boundaries, else the same sums."""

# ---- model layer, float64

CLOSED_FORM = 1e-12
"""A closed form against the same formula in exact or differently ordered arithmetic; condition of order 10."""

ORACLE_DENSITY = 50 * EPS64
"""Times the condition of the covariance: a log-density against 60-digit arithmetic. The covariance itself is only
given to eps, and an eps of its smallest eigenvalue's direction is multiplied by the condition."""

EXACT = 0.0
"""Bits: changes of units by powers of two, round trips, copies."""

FIVE_SIGMA = 5.0
"""Standard deviations that a count or mean of a seeded sample may be off: 6e-7 for a correct sampler, and the seed is
fixed, so a failure is a change of behaviour."""

# ---- options together

MONOTONE_FLOAT32 = 1e-5
"""Absolute, nats per row: MONOTONE where rows are summed in float32."""

WEIGHTED_FLOAT32 = 2e-5
"""WEIGHTED where rows are rounded to float32 in frames whose centres differ by rounding; 2e-7 typical."""

SAME_SCORE = 1e-11
"""Absolute, nats per row: `log_likelihood_` against `score` of the same rows, in float64."""

SAME_SCORE_FLOAT32 = 1e-5
"""The same in float32."""
