"""`gmm predict MODEL FILE`: one CSV line per row, its component and, on demand, posteriors and log-density.

Numbers are the shortest decimals that read back as the same floats; components are numbered from 0, as everywhere.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator

import numpy as np

import gmm
from gmm.cli.columns import Table
from gmm.cli.errors import CommandError
from gmm.cli.model import read_model
from gmm.cli.output import check_writable, writing
from gmm.cli.progress import Progress
from gmm.cli.reading import read_table

CHUNK_ROWS = 1 << 15


def run(options: Namespace) -> None:
    """Label the rows of a file."""
    model = read_model(options.model)
    model.set_params(n_threads=options.threads)
    check_writable(options.output)
    table = _matching(model, options)
    with writing(options.output) as lines, Progress(shown=options.output is not None) as progress:
        lines.write(",".join(_header(model, options)) + "\n")
        for done, columns in _chunks(model, table.data, options):
            lines.writelines(",".join(map(repr, row)) + "\n" for row in zip(*columns, strict=True))
            progress.say(f"{done} of {len(table.data)} rows")


def _matching(model: gmm.GaussianMixture, options: Namespace) -> Table:
    """The features the model was fitted on: those of `--columns`, those of the same names, or all columns."""
    names = getattr(model, "feature_names_in_", None)
    table = read_table(options.file, options.columns, header=options.header, preferred=names)
    if len(table.names) != model.n_features_in_:
        fitted = ", ".join(names) if names is not None else "unnamed"
        raise CommandError(
            f"{table.title} gives {len(table.names)} columns, the model needs {model.n_features_in_} ({fitted}); "
            "choose them with --columns"
        )
    return table


def _header(model: gmm.GaussianMixture, options: Namespace) -> list[str]:
    posteriors = [f"posterior_{k}" for k in range(len(model.weights_))] if options.posteriors else []
    return ["component", *posteriors, *(["log_density"] if options.log_density else [])]


def _chunks(model: gmm.GaussianMixture, rows: np.ndarray, options: Namespace) -> Iterator[tuple[int, list[list]]]:
    """Columns of the output, a chunk of rows at a time, so that a memory-mapped file is never held whole."""
    for start in range(0, len(rows), CHUNK_ROWS):
        part = np.asarray(rows[start : start + CHUNK_ROWS])
        columns = [model.predict(part).tolist()]
        if options.posteriors:
            columns += model.predict_proba(part).T.tolist()
        if options.log_density:
            columns.append(model.score_samples(part).tolist())
        yield start + len(part), columns
