"""The options of every command, and what their values may be."""

from __future__ import annotations

import argparse
import re
from typing import NoReturn

STRUCTURES = ("full", "tied", "diag", "spherical")
CODES = ("EII", "VII", "EEI", "VEI", "EVI", "VVI", "EEE", "VEE", "EVE", "VVE", "EEV", "VEV", "EVV", "VVV")
CRITERIA = ("bic", "aic", "aicc", "icl", "nec", "cv")
MOST_COMPONENTS = 100_000

DATA_HELP = "CSV (plain or gzip), .npy or Parquet; - reads CSV from standard input"


class Parser(argparse.ArgumentParser):
    """An argument parser whose complaints are one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message} (see {self.prog} --help)\n")


def parser(version: str) -> argparse.ArgumentParser:
    """The parser of `gmm`; the chosen command is in `command`."""
    root = Parser(prog="gmm", description="Gaussian mixture models from the command line.")
    root.add_argument("--version", action="version", version=f"gmm {version}")
    commands = root.add_subparsers(dest="command", metavar="COMMAND")

    fit = _command(commands, "fit", "fit a mixture and describe it", "Without a file: the shipped Old Faithful data.")
    _add_data(fit, nargs="?")
    fit.add_argument(
        "-k", "--components", type=counts, metavar="K",
        help="how many components; a range (1-9) or list (2,3,5) lets the criterion choose (default: 1-9)",
    )  # fmt: skip
    fit.add_argument(
        "--covariance", choices=STRUCTURES + CODES, default="full", metavar="STRUCTURE",
        help=f"covariance structure: {', '.join(STRUCTURES)} or one of mclust's codes, EII to VVV (default: full)",
    )  # fmt: skip
    _add_fit(fit, n_init=5, starts="starts per model (default: 5)")

    select = _command(
        commands, "select", "compare numbers of components and covariance structures, keep the best",
        "Without a file: the shipped Old Faithful data.",
    )  # fmt: skip
    _add_data(select, nargs="?")
    select.add_argument(
        "-k", "--components", type=counts, metavar="RANGE", help="numbers to try: 1-9 or 2,3,5 (default: 1-9)"
    )
    select.add_argument(
        "--covariance", type=structures, default=STRUCTURES, metavar="LIST",
        help=f"structures to try, mclust for its fourteen codes (default: {','.join(STRUCTURES)})",
    )  # fmt: skip
    _add_fit(select, n_init=None, starts="starts per model, each of its own (default: starts that models share)")

    predict = _command(commands, "predict", "label rows by a saved model", "Writes CSV, one line per row.")
    predict.add_argument("model", metavar="MODEL", help="a file that gmm fit -o wrote")
    _add_data(predict)
    predict.add_argument("--posteriors", action="store_true", help="add the posterior of every component")
    predict.add_argument("--log-density", action="store_true", help="add the log-density of the row, in nats")
    predict.add_argument("--threads", type=positive, metavar="N", help="threads (default: what the machine offers)")
    predict.add_argument("-o", "--output", metavar="FILE", help="where to write (default: standard output)")

    info = _command(commands, "info", "describe a saved model", None)
    info.add_argument("model", metavar="MODEL", help="a file that gmm fit -o wrote")
    info.add_argument("--json", action="store_true", help="print one JSON object")

    _command(commands, "config", "show how this copy of gmm was built and what it runs on", None)
    return root


def _command(commands: argparse._SubParsersAction, name: str, what: str, more: str | None) -> argparse.ArgumentParser:
    description = what[0].upper() + what[1:] + "." + (f" {more}" if more else "")
    return commands.add_parser(name, help=what, description=description)


def _add_data(command: argparse.ArgumentParser, nargs: str | None = None) -> None:
    command.add_argument("file", nargs=nargs, metavar="FILE", help=DATA_HELP)
    command.add_argument("--columns", metavar="LIST", help="columns to use, by name or number: height,weight or 2-4")
    command.add_argument(
        "--header", choices=("yes", "no"), help="whether the first row of a CSV names the columns (default: look)"
    )


def _add_fit(command: argparse.ArgumentParser, n_init: int | None, starts: str) -> None:
    add = command.add_argument
    add("--weights", metavar="COLUMN", help="column of sample weights")
    add("--criterion", choices=CRITERIA, default="bic", help="what chooses between models (default: bic)")
    add("--n-init", type=positive, default=n_init, metavar="N", help=starts)
    add("--seed", type=natural, default=0, metavar="N", help="seed of the starts (default: 0)")
    add("--tol", type=tolerance, default=1e-6, metavar="NATS", help="stop when less than this is to gain per row")
    add("--max-iter", type=natural, default=500, metavar="N", help="EM iterations at most (default: 500)")
    add("--reg-covar", type=tolerance, metavar="VARIANCE", help="added to every variance, in squared data units")
    add("--missing", choices=("raise", "marginalize"), default="raise",
        help="marginalize: empty cells are values that were not observed, not errors")  # fmt: skip
    add("--noise", action="store_true", help="let rows that belong to no component be noise, spread evenly")
    add("--threads", type=positive, metavar="N", help="threads (default: what the machine offers)")
    add("--dtype", choices=("float32", "float64"), help="precision of the arithmetic (default: that of the data)")
    add("-o", "--output", metavar="MODEL", help="write the model to this file")
    shown = command.add_mutually_exclusive_group()
    shown.add_argument("--quiet", action="store_true", help="print nothing but errors")
    shown.add_argument("--json", action="store_true", help="print one JSON object")


def counts(text: str) -> tuple[int, ...]:
    """`3`, `1-9` or `2,3,5-7` as increasing numbers of components."""
    chosen: set[int] = set()
    for word in text.split(","):
        match = re.fullmatch(r"\s*(\d{1,9})(?:-(\d{1,9}))?\s*", word)
        if match is None:
            raise argparse.ArgumentTypeError(f"{text!r} is not a number of components, a range 1-9 or a list 2,3,5")
        first, last = int(match[1]), int(match[2] or match[1])
        if not 1 <= first <= last <= MOST_COMPONENTS:
            raise argparse.ArgumentTypeError(f"{text!r}: components run from 1 to {MOST_COMPONENTS}, upwards")
        chosen.update(range(first, last + 1))
    return tuple(sorted(chosen))


def structures(text: str) -> tuple[str, ...]:
    """A list of covariance structures, in the order given."""
    found: list[str] = []
    for word in (word.strip() for word in text.split(",")):
        if word != "mclust" and word not in STRUCTURES + CODES:
            known = ", ".join((*STRUCTURES, *CODES, "mclust"))
            raise argparse.ArgumentTypeError(f"unknown structure {word!r} (choose from {known})")
        found += CODES if word == "mclust" else (word,)
    return tuple(dict.fromkeys(found))


def positive(text: str) -> int:
    """A whole number from 1."""
    if not re.fullmatch(r"0*[1-9]\d{0,8}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1")
    return int(text)


def natural(text: str) -> int:
    """A whole number from 0."""
    if not re.fullmatch(r"\d{1,9}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0")
    return int(text)


def tolerance(text: str) -> float:
    """A finite number from 0."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0")
    return value
