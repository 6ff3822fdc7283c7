"""One module per library, each with the same five names, so that `run.py` needs no word about any of them.

    NAME                                what tables call it
    ALL_ROWS                            whether it is timed on all rows; a slow one shows its rate on the fewest
    missing()                           None, or the reason it cannot run here
    supports(covariance_type, dtype)    whether it has this structure in this precision
    climber(X, start, n_threads)        a function of n_iter that runs that many EM iterations from `start` and
                                        returns (weights, means, covariances) in the structure's own shape

Add a contender: write the module, name it in `ALL`.
"""

from importlib import import_module

ALL = ("gmm", "reference", "sklearn", "onedal")


def contender(name):
    """The module of that name."""
    if name not in ALL:
        raise ValueError(f"no contender {name!r}; there are {', '.join(ALL)}")
    return import_module(f"contenders.{name}")
