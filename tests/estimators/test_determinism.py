"""The same seed and rows give the same bits: any number of threads, repeated, pickled, in a forked child."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import threading

import numpy as np
import pytest

from gmm import GaussianMixture

STRUCTURES = ("full", "tied", "diag", "spherical")


def rows(n=5000, D=4, dtype=np.float64):
    rng = np.random.default_rng(0)
    return (rng.normal(size=(n, D)) + rng.integers(0, 3, size=(n, 1)) * 2.0).astype(dtype)


def fit(X, structure="full", random_state=0, **kwargs):
    return GaussianMixture(
        3, covariance_type=structure, random_state=random_state, max_iter=20, tol=0.0, n_init=3, **kwargs
    ).fit(X)


def bits(model, X):
    arrays = (model.weights_, model.means_, model.covariances_, model.lower_bounds_, model.score_samples(X))
    return b"".join(np.ascontiguousarray(a).tobytes() for a in (*arrays, model.predict_proba(X)))


pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


@pytest.mark.parametrize("structure", STRUCTURES)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_threads(structure, dtype):
    X = rows(dtype=dtype)
    weight = np.random.default_rng(1).uniform(size=len(X))
    seen = {
        bits(GaussianMixture(3, covariance_type=structure, random_state=0, max_iter=8, n_init=2, n_threads=n)
             .fit(X, sample_weight=weight), X)
        for n in (1, 2, 3, 4, 7, 8)
    }  # fmt: skip
    assert len(seen) == 1


def test_repeats_of_a_seed():
    X = rows(800)
    assert len({bits(fit(X), X) for _ in range(50)}) == 1


def test_seeds_differ_and_generators_advance():
    X = rows(300)
    one = GaussianMixture(6, random_state=1, max_iter=2, n_init=1, init_params="random_from_data")
    other = GaussianMixture(6, random_state=2, max_iter=2, n_init=1, init_params="random_from_data")
    assert not np.array_equal(one.fit(X).means_, other.fit(X).means_)
    for stream in (np.random.default_rng(5), np.random.RandomState(5)):
        model = GaussianMixture(6, random_state=stream, max_iter=2, n_init=1, init_params="random_from_data")
        first = model.fit(X).means_
        assert not np.array_equal(first, model.fit(X).means_)


@pytest.mark.parametrize("kind", [np.random.default_rng, np.random.RandomState, int, np.int64])
def test_every_kind_of_random_state_reproduces(kind):
    X = rows(400)
    assert bits(fit(X, random_state=kind(3)), X) == bits(fit(X, random_state=kind(3)), X)
    draws = [GaussianMixture(random_state=kind(3)).fit(X).sample(5)[0] for _ in range(2)]
    np.testing.assert_array_equal(*draws)


def test_global_random_state_is_neither_read_nor_moved():
    X = rows(300)
    stream = np.random.mtrand._rand
    before = stream.get_state()[1].copy()
    a = bits(fit(X), X)
    np.testing.assert_array_equal(stream.get_state()[1], before)
    stream.uniform()
    assert bits(fit(X), X) == a


@pytest.mark.parametrize("structure", STRUCTURES)
def test_pickle_and_copy_are_bitwise(structure):
    import copy

    X = rows(500)
    model = fit(X, structure)
    for other in (pickle.loads(pickle.dumps(model)), copy.copy(model), copy.deepcopy(model)):
        assert bits(other, X) == bits(model, X)
        assert other.summary() == model.summary()
        assert other.stop_reason_ == model.stop_reason_
    sizes = [len(pickle.dumps(fit(rows(n), structure))) for n in (500, 4000)]
    assert abs(sizes[0] - sizes[1]) < 2000, "a fitted model must not hold anything as long as its data"


def child_bits(queue):
    X = rows()
    queue.put(bits(fit(X, n_threads=2), X))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform has no fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_child_forked_after_a_fit_can_fit():
    X = rows()
    here = bits(fit(X, n_threads=2), X)
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    child = context.Process(target=child_bits, args=(queue,))
    child.start()
    there = queue.get(timeout=30)
    child.join(timeout=30)
    assert child.exitcode == 0
    assert there == here


def test_threads_predict_while_others_fit():
    X = rows(2000)
    model = fit(X)
    expected, wrong = model.predict_proba(X), []

    def predict():
        for _ in range(5):
            if not np.array_equal(model.predict_proba(X), expected):
                wrong.append("posterior")

    def refit():
        if bits(fit(X), X) != bits(model, X):
            wrong.append("fit")

    workers = [threading.Thread(target=predict) for _ in range(32)] + [threading.Thread(target=refit) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not wrong


@pytest.mark.parametrize("method", ["predict", "predict_proba", "score_samples", "score", "aic", "bic", "icl"])
def test_an_answer_comes_from_one_fit_though_another_thread_refits(method, monkeypatch):
    X = rows(600)
    model = fit(X)
    expected = getattr(model, method)(X)

    read = GaussianMixture._rows

    def refit_in_between(self, X, earlier, *more):
        read_rows = read(self, X, earlier, *more)
        self._result = fit(X * 3.0 + 50.0)._result
        return read_rows

    monkeypatch.setattr(GaussianMixture, "_rows", refit_in_between)
    np.testing.assert_array_equal(getattr(model, method)(X), expected)
