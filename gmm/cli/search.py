"""What `gmm fit` and `gmm select` share: read, try models, keep the best, save and print it."""

from __future__ import annotations

import math
import sys
from argparse import Namespace
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

import gmm
from gmm import fitting
from gmm.cli.columns import Table, Wanted
from gmm.cli.description import faithful_sentence, sentence
from gmm.cli.errors import CommandError
from gmm.cli.model import as_dict, describe, report, to_json, wrapped
from gmm.cli.output import check_writable
from gmm.cli.reading import read_table
from gmm.progress import Progress
from gmm.selection import Candidate, Selection
from gmm.summary import describe_collapse

MOST_TRIED = 9
MOST_NAMED = 6


def run(options: Namespace, structures: Sequence[str], show_tried: Callable[[Selection], str | None]) -> None:
    """Try every number of components with every structure, and report on the best."""
    check_writable(options.output, options.file)
    header = None if options.header is None else options.header == "yes"
    with Progress(shown=not options.quiet) as progress:
        wanted = Wanted(options.columns, options.weights, header, gaps=options.missing == "marginalize")
        table = read_table(options.file, wanted, progress.say)
        selection = _search(options, table, structures, progress)
    for note in () if options.quiet else table.notes:
        print(f"note: {note}", file=sys.stderr)
    model = selection.best_
    if options.output is not None:
        _save(model, options.output)
    if options.json:
        print(to_json(_as_dict(options, table, selection)))
    elif not options.quiet:
        print(_text(options, table, selection, show_tried))


def _search(options: Namespace, table: Table, structures: Sequence[str], progress: Progress) -> Selection:
    counts = options.components or range(1, min(MOST_TRIED, len(table.data)) + 1)
    n_models = len(counts) * len(structures)
    shared = options.n_init is None
    trying = 1

    def on_iteration(state: fitting.Progress) -> None:
        at = f"start {state.start + 1} of {options.n_init}, iteration {state.n_iter}"
        progress.say(f"model {trying} of {n_models}: {at}")

    def on_model(done: int, of: int, candidate: Candidate) -> None:
        nonlocal trying
        trying = done + 1
        if shared:
            progress.count(done, of, str(candidate))

    return gmm.select(
        table.named(),
        counts,
        tuple(structures),
        options.criterion,
        sample_weight=table.sample_weight,
        progress=on_model,
        **({} if shared else {"callbacks": [on_iteration], "n_init": options.n_init}),
        random_state=options.seed,
        tol=options.tol,
        max_iter=options.max_iter,
        reg_covar=options.reg_covar,
        noise=options.noise,
        missing=options.missing,
        n_threads=options.threads,
        dtype=options.dtype,
        order_by="mean",
    )


def _save(model: gmm.GaussianMixture, file: str) -> None:
    try:
        model.save(file)
    except OSError as error:
        raise CommandError(f"cannot write {file}: {error.strerror or error}") from None


def _as_dict(options: Namespace, table: Table, selection: Selection) -> dict[str, Any]:
    tried = [{name: _or_none(value) for name, value in asdict(entry).items()} for entry in selection.table]
    return {
        "data": table.title,
        "criterion": options.criterion,
        "models": tried,
        "best": as_dict(selection.best_),
        "model_file": options.output,
    }


def _or_none(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _text(options: Namespace, table: Table, selection: Selection, show_tried: Callable[[Selection], str | None]) -> str:
    model = selection.best_
    fit = model._fitted()
    parts = [wrapped(_opening(options, table)), show_tried(selection), _title(model), report(model)]
    parts += [
        wrapped([f"Note: {text.replace('set reg_covar', 'set --reg-covar')}"])
        for text in describe_collapse(fit.mixture, fit.record.floored, fit.feature_names)
    ]
    parts += [wrapped(_remarks(options, selection))]
    if options.output is not None:
        parts.append(wrapped([f"Model written to {options.output}; use it with: gmm predict {options.output} FILE"]))
    return "\n\n".join(part for part in parts if part)


def _opening(options: Namespace, table: Table) -> list[str]:
    n_rows, n_columns = table.data.shape
    named = ", ".join(table.names[:MOST_NAMED]) + (", ..." if n_columns > MOST_NAMED else "")
    weighted = "" if table.sample_weight is None else f", of total weight {table.sample_weight.sum():g}"
    rows, columns = (f"{n} {noun}{'s' * (n != 1)}" for n, noun in ((n_rows, "row"), (n_columns, "column")))
    lines = [f"{table.title}: {rows}{weighted}, {columns} ({named})"]
    if options.file is None:
        lines.append(f"(No file was given, so this is the shipped example. Yours: gmm {options.command} FILE)")
    return lines


def _remarks(options: Namespace, selection: Selection) -> list[str]:
    """What the components are in plain words, and whether more starts may be worth their time."""
    model = selection.best_
    described = describe(model)
    remarks = []
    if options.file is None and (told := faithful_sentence(described)):
        remarks.append(told)
    elif model.n_components > 1 or len(selection.table) > 1:
        remarks.append(sentence(described))
    record = model._fitted().record
    if record.n_found == 1 < len(record.restarts):
        remarks.append(f"Only one start led here; --n-init {4 * len(record.restarts)} looks for something better.")
    return remarks


def _title(model: gmm.GaussianMixture) -> str:
    mixture = model._fitted().mixture
    n = mixture.n_components
    return f"{n} component{'s' * (n != 1)}, {mixture.structure.name} covariance:"
