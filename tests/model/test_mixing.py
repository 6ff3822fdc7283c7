"""Priors of mixing weights against scipy's distributions and plain integrals."""

import itertools

import numpy as np
import pytest
from scipy import stats
from scipy.integrate import quad
from scipy.special import betaln, gammaln
from tolerances import CLOSED_FORM, FIVE_SIGMA

from gmm.mixing import PRIORS, DirichletDistribution, DirichletProcess, expected_logs

N = np.array([3.0, 0.0, 7.5, 1.25])
QUADRATURE = 1e-8  # what `quad` is asked for


def draws(prior, posterior, size):
    """Mixing weights of the first components, (size, K)."""
    rng = np.random.default_rng(0)
    if isinstance(prior, DirichletDistribution):
        return rng.dirichlet(posterior, size)
    v = rng.beta(*posterior, (size, len(N)))
    return v * np.cumprod(np.hstack([np.ones((size, 1)), 1.0 - v[:, :-1]]), axis=1)


@pytest.mark.parametrize("kind", PRIORS)
@pytest.mark.parametrize("concentration", [0.7, 5.0])
def test_expectations_are_those_of_draws(kind, concentration):
    prior, size = PRIORS[kind](concentration), 100_000
    posterior = prior.posterior(N)
    weights = draws(prior, posterior, size)
    kept = weights.mean(axis=0) / (1.0 - prior.remainder(posterior))
    off = FIVE_SIGMA * weights.std(axis=0) / np.sqrt(size) / (1.0 - prior.remainder(posterior))
    assert (np.abs(prior.mean(posterior) - kept) < off + CLOSED_FORM).all()
    logs = np.log(weights)
    off = FIVE_SIGMA * logs.std(axis=0) / np.sqrt(size)
    assert (np.abs(prior.mean_log(expected_logs(posterior)) - logs.mean(axis=0)) < off).all()
    beyond = 1.0 - weights.sum(axis=1)
    off = FIVE_SIGMA * beyond.std() / np.sqrt(size) + CLOSED_FORM
    assert abs(prior.remainder(posterior) - beyond.mean()) < off
    a, b = prior.marginals(posterior)
    squares = weights**2
    second = a * (a + 1.0) / ((a + b) * (a + b + 1.0))
    assert (np.abs(second - squares.mean(axis=0)) < FIVE_SIGMA * squares.std(axis=0) / np.sqrt(size)).all()


def test_divergence_of_a_process_is_the_integral():
    prior = DirichletProcess(0.7)
    posterior = prior.posterior(N)
    expected = 0.0
    for a, b in posterior.T:
        q, p = stats.beta(a, b), stats.beta(1.0, 0.7)
        expected += quad(lambda v, q=q, p=p: q.pdf(v) * (q.logpdf(v) - p.logpdf(v)), 0, 1, epsabs=1e-10, limit=200)[0]
    assert prior.divergence(posterior, expected_logs(posterior)) == pytest.approx(expected, abs=1e-6)


def test_divergence_of_a_pair_is_the_integral():
    prior = DirichletDistribution(1.5)
    posterior = prior.posterior(np.array([3.0, 0.5]))
    q, p = stats.beta(*posterior), stats.beta(1.5, 1.5)
    expected = quad(lambda v: q.pdf(v) * (q.logpdf(v) - p.logpdf(v)), 0, 1)[0]
    assert prior.divergence(posterior, expected_logs(posterior)) == pytest.approx(expected, abs=QUADRATURE)


def test_divergence_of_many_is_from_entropy():
    prior = DirichletDistribution(0.3)
    posterior = prior.posterior(N)
    q, p = stats.dirichlet(posterior), stats.dirichlet(np.full(4, 0.3))
    crossed = -p.logpdf(np.full(4, 0.25)) + (0.3 - 1.0) * 4 * np.log(0.25)  # log of p's norm, negated
    expected = -q.entropy() + crossed - (0.3 - 1.0) * prior.mean_log(expected_logs(posterior)).sum()
    assert prior.divergence(posterior, expected_logs(posterior)) == pytest.approx(expected, rel=CLOSED_FORM)


@pytest.mark.parametrize("kind", PRIORS)
def test_the_best_order_is_by_size(kind):
    """The gain is that of the probability of the rows' components, n of each, the mixing weights integrated out."""
    prior = PRIORS[kind](0.4)

    def log_probability(n):
        if kind == "dirichlet_distribution":
            return gammaln(4 * 0.4) - gammaln(4 * 0.4 + n.sum()) + (gammaln(0.4 + n) - gammaln(0.4)).sum()
        after = n.sum() - np.cumsum(n)
        return (betaln(1.0 + n, 0.4 + after) - betaln(1.0, 0.4)).sum()

    orders = [np.array(order) for order in itertools.permutations(N)]
    gains = [prior.gain(N, order) for order in orders]
    np.testing.assert_allclose(gains, [log_probability(order) - log_probability(N) for order in orders], atol=1e-12)
    assert prior.gain(N, np.sort(N)[::-1]) == max(gains)


@pytest.mark.parametrize("kind", PRIORS)
def test_nothing_seen_is_no_divergence(kind):
    prior = PRIORS[kind](0.4)
    posterior = prior.posterior(np.zeros(5))
    assert prior.divergence(posterior, expected_logs(posterior)) == pytest.approx(0.0, abs=CLOSED_FORM)


def test_a_stick_counts_what_comes_after_it():
    posterior = DirichletProcess(0.5).posterior(N)
    assert posterior.tolist() == [[4.0, 1.0, 8.5, 2.25], [9.25, 9.25, 1.75, 0.5]]
