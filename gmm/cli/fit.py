"""`gmm fit [FILE]`: one covariance structure; the number of components given, or chosen by the criterion."""

from __future__ import annotations

from argparse import Namespace

from gmm.cli import search
from gmm.cli.printing import table
from gmm.selection import Selection


def run(options: Namespace) -> None:
    """Fit a mixture and describe it."""
    search.run(options, [options.covariance], _tried)


def _tried(selection: Selection) -> str | None:
    """A line per number of components; nothing when only one was tried."""
    if len(selection.table) == 1:
        return None
    criterion = selection.criterion
    lines = [["components", "parameters", "log-likelihood", criterion.upper(), ""]]
    for entry in selection.table:
        if entry.error:
            lines.append([str(entry.n_components), "-", "-", "-", "not possible"])
            continue
        remarks = {
            "<- best": entry is selection.best_candidate,
            "(singular)": entry.floored > 0,
            "(not converged)": not entry.converged,
        }
        lines.append(
            [
                str(entry.n_components),
                str(entry.n_parameters),
                f"{entry.log_likelihood:.2f}",
                f"{getattr(entry, criterion):.2f}",
                " ".join(remark for remark, holds in remarks.items() if holds),
            ]
        )
    return table(lines, right=4)
