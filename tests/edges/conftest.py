"""The command line run in this process, and a model that it saved."""

import pytest

from gmm.cli import main


@pytest.fixture
def run(capsys):
    def runner(*arguments: str) -> tuple[int, str, str]:
        try:
            code = main(arguments)
        except SystemExit as error:  # argparse
            code = error.code
        return code, *capsys.readouterr()

    return runner


@pytest.fixture
def model(run, tmp_path):
    path = str(tmp_path / "faithful.gmm")
    assert run("fit", "-k", "2", "-o", path, "--quiet") == (0, "", "")
    return path
