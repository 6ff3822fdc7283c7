"""Errors are what a caller would catch, and survive a trip between processes."""

import pickle
import subprocess
import sys

import pytest

from gmm import errors
from gmm.errors import GmmError, NotFittedError, convergence_warning, not_fitted

ALSO = {
    "DataError": ValueError,
    "DataTypeError": TypeError,
    "ParameterError": ValueError,
    "RepresentationError": ValueError,
    "NotFittedError": AttributeError,
}


@pytest.mark.parametrize("name", ALSO)
def test_every_error_is_ours_and_a_built_in_one(name):
    assert issubclass(getattr(errors, name), GmmError)
    assert issubclass(getattr(errors, name), ALSO[name])


def test_namesakes_of_scikit_learn():
    exceptions = pytest.importorskip("sklearn.exceptions")
    error = not_fitted("call fit first")
    assert isinstance(error, NotFittedError)
    assert isinstance(error, exceptions.NotFittedError)
    assert str(error) == "call fit first"
    back = pickle.loads(pickle.dumps(error))
    assert type(back) is type(error)
    assert back.args == error.args
    assert issubclass(convergence_warning(), (errors.ConvergenceWarning, exceptions.ConvergenceWarning))


def test_scikit_learn_is_not_imported():
    program = (
        "import sys; from gmm.errors import *; error = not_fitted('x');"
        "assert type(error) is NotFittedError and convergence_warning() is ConvergenceWarning;"
        "assert 'sklearn' not in sys.modules"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_errors_are_reached_from_the_package_alone():
    program = "import warnings, gmm; warnings.simplefilter('ignore', gmm.errors.CollapseWarning)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
