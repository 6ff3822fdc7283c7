"""Threads that stop when nobody waits for them."""

import threading
import time

import pytest

from gmm.workers import Stopped, Workers, give_up_if_stopped


class Endless:
    """Work that goes on until it is stopped."""

    def __init__(self):
        self.begun, self.ended = threading.Event(), threading.Event()

    def __call__(self):
        self.begun.set()
        try:
            while True:
                give_up_if_stopped()
                time.sleep(0.001)
        except Stopped:
            self.ended.set()
            raise


def interrupted(error, endless, *work):
    """A caller that begins some work on one thread and is interrupted when the endless part of it is under way."""
    with Workers(1) as pool:
        for each in work:
            pool.submit(each)
        assert endless.begun.wait(10)
        raise error


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
    endless, queued = Endless(), threading.Event()
    with pytest.raises(error):
        interrupted(error, endless, endless, queued.set)
    assert endless.ended.is_set()
    assert not queued.is_set()


def test_work_within_work_ends_with_it():
    endless = Endless()

    def outer():
        with Workers(1) as inner:
            return inner.submit(endless).result()

    with pytest.raises(KeyboardInterrupt):
        interrupted(KeyboardInterrupt, endless, outer)
    assert endless.ended.is_set()
