"""`gmm predict MODEL FILE`: one CSV line per row, its component and, on demand, posteriors and log-density.

Numbers are the shortest decimals that read back as the same floats; components are numbered from 0, as everywhere;
noise is -1.
"""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

import gmm
from gmm.cli.columns import NamedRows, Table, Wanted, numbered
from gmm.cli.errors import CommandError
from gmm.cli.model import feature_names, has_noise, read_model
from gmm.cli.output import check_writable, writing
from gmm.cli.reading import read_table
from gmm.progress import Progress

CHUNK_ROWS = 1 << 15


def run(options: Namespace) -> None:
    """Label the rows of a file."""
    model = read_model(options.model)
    model.set_params(n_threads=options.threads)
    check_writable(options.output, options.file, options.model)
    with Progress(shown=options.output is not None) as progress:
        table = _matching(model, options, progress)
        for note in table.notes:
            print(f"note: {note}", file=sys.stderr)
        _write(model, table, options, progress)


def _write(model: gmm.GaussianMixture, table: Table, options: Namespace, progress: Progress) -> None:
    with writing(options.output) as lines:
        lines.write(",".join(_header(model, options)) + "\n")
        for done, columns in _chunks(model, table.data, options):
            lines.writelines(",".join(map(repr, row)) + "\n" for row in zip(*columns, strict=True))
            progress.say(f"{done} of {len(table.data)} rows")


def _matching(model: gmm.GaussianMixture, options: Namespace, progress: Progress) -> Table:
    """The features the model was fitted on: those of `--columns`, those of the same names, or all columns."""
    names = getattr(model, "feature_names_in_", None)
    header = None if options.header is None else options.header == "yes"
    preferred = () if names is None else tuple(names)
    wanted = Wanted(options.columns, header=header, preferred=preferred, gaps=model.missing == "marginalize")
    table = read_table(options.file, wanted, progress.say)
    if len(table.names) != model.n_features_in_:
        fitted = ", ".join(feature_names(model))
        raise CommandError(
            f"{table.title} gives {len(table.names)} columns, the model needs {model.n_features_in_} ({fitted}); "
            "choose them with --columns"
        )
    own = table.names != tuple(numbered(len(table.names)))
    if names is not None and own and options.columns is None and table.names != preferred:
        note = f"the model was fitted on {', '.join(preferred)}; columns {', '.join(table.names)} are taken for them"
        return replace(table, notes=(*table.notes, note))
    return table


def _header(model: gmm.GaussianMixture, options: Namespace) -> list[str]:
    names = [*range(len(model.weights_)), *(["noise"] if has_noise(model) else [])]
    posteriors = [f"posterior_{name}" for name in names] if options.posteriors else []
    return ["component", *posteriors, *(["log_density"] if options.log_density else [])]


def _chunks(model: gmm.GaussianMixture, rows: np.ndarray, options: Namespace) -> Iterator[tuple[int, list[list]]]:
    """Columns of the output, a chunk of rows at a time, so that a memory-mapped file is never held whole."""
    fit = model._fitted()
    names = None if fit.feature_names is None else list(fit.feature_names)
    for start in range(0, len(rows), CHUNK_ROWS):
        part = rows[start : start + CHUNK_ROWS]
        named = part if names is None else NamedRows(part, names)
        columns = [model.predict(named).tolist()]
        if options.posteriors:
            columns += model.predict_proba(named).T.tolist()
        if options.log_density:
            columns.append(model.score_samples(named).tolist())
        yield start + len(part), columns
