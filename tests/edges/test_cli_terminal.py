"""The command line at a terminal: signals, pipes, progress, what the README shows."""

import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from console import COMMAND

from gmm.datasets import load_faithful


def test_ctrl_c_is_130_without_a_traceback(tmp_path):
    path = tmp_path / "x.npy"
    np.save(path, np.random.default_rng(0).normal(size=(200_000, 4)))
    arguments = ["fit", str(path), "-k", "50", "--tol", "0", "--max-iter", "100000"]
    process = subprocess.Popen([*COMMAND, *arguments], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    time.sleep(2)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err) == (130, "", "\ninterrupted\n")


def test_a_reader_that_leaves_is_no_error(model, tmp_path):
    path = tmp_path / "x.npy"
    np.save(path, np.tile(load_faithful().data, (2000, 1)))
    with subprocess.Popen(
        [*COMMAND, "predict", model, str(path)], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "component\n"
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 141


class Terminal(io.StringIO):
    """Standard error with somebody looking."""

    def isatty(self) -> bool:
        return True


def test_progress_only_on_a_terminal_and_wiped(run, monkeypatch):
    monkeypatch.setattr("gmm.progress.PATIENCE", 0.0)
    monkeypatch.setattr("gmm.progress.PAUSE", 0.0)
    monkeypatch.setenv("COLUMNS", "40")
    code, out, err = run("fit", "-k", "2,3", "--json")
    assert (code, err) == (0, "")
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    assert run("fit", "-k", "2,3", "--json") == (0, out, "")
    shown = re.split(r"\x1b\[K", terminal.getvalue())
    assert shown[0] == "\rmodel 1 of 2: start 1 of 5, iteration 1"
    assert any(line.startswith("\rmodel 2 of 2: start 5 of 5") for line in shown)
    assert max(map(len, shown)) <= 40
    assert shown[-2:] == ["\r", ""]
    terminal.truncate(0)
    run("fit", "--quiet")
    assert terminal.getvalue() == ""


def test_standard_input(run, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"x\n1\n2\n3\n")))
    assert json.loads(run("fit", "-", "-k", "1", "--json")[1])["best"]["means"] == [[2.0]]


def test_readme_shows_what_the_command_prints(run, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    shown = readme.split("```\nOld Faithful")[1].split("```")[0].replace("(not converged)", "").split()
    printed = run("fit")[1].removeprefix("Old Faithful").replace("(not converged)", "").split()
    number = re.compile(r"-?\d[\d.]*")
    assert [number.sub("#", word) for word in shown] == [number.sub("#", word) for word in printed]
    values = [
        [float(value.rstrip(".")) for word in words for value in number.findall(word)] for words in (shown, printed)
    ]
    # Other releases of NumPy's LAPACK may end an iteration earlier or later.
    np.testing.assert_allclose(*values, rtol=1e-3, atol=1)


def test_an_unknown_instruction_set_is_told_in_one_line():
    for command in ("fit", "config"):
        done = subprocess.run(
            [*COMMAND, command], env={**os.environ, "GMM_ISA": "mmx"}, capture_output=True, text=True, check=False
        )
        assert done.returncode == 2
        assert re.fullmatch(f"gmm {command}: GMM_ISA='mmx' is not one of .*\\n", done.stderr)
