"""Threads that stop when nobody waits for them."""

import threading
import time

import pytest

from gmm.workers import Stopped, Workers, give_up_if_stopped


def endless(ended):
    try:
        while True:
            give_up_if_stopped()
            time.sleep(0.001)
    except Stopped:
        ended.set()
        raise


def test_results_come_in_the_order_they_are_asked_for():
    with Workers(2) as pool:
        futures = [pool.submit(lambda i=i: i * i) for i in range(20)]
        assert [each.result() for each in futures] == [i * i for i in range(20)]


def test_nothing_stops_where_nobody_said_so():
    give_up_if_stopped()
    with Workers(1) as pool:
        pool.submit(give_up_if_stopped).result()


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError, GeneratorExit])
def test_an_exception_of_the_caller_ends_the_work(error):
    ended, queued = threading.Event(), threading.Event()
    with pytest.raises(error), Workers(1) as pool:
        pool.submit(endless, ended)
        pool.submit(queued.set)
        raise error
    assert ended.is_set()
    assert not queued.is_set()


def test_work_within_work_ends_with_it():
    ended = threading.Event()

    def outer():
        with Workers(1) as inner:
            return inner.submit(endless, ended).result()

    with pytest.raises(KeyboardInterrupt), Workers(1) as pool:
        pool.submit(outer)
        time.sleep(0.05)
        raise KeyboardInterrupt
    assert ended.is_set()
