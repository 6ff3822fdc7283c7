"""`gmm select [FILE]`: numbers of components and covariance structures compared, and the best described."""

from __future__ import annotations

from argparse import Namespace

from gmm.cli import search
from gmm.cli.model import wrapped
from gmm.selection import Selection


def run(options: Namespace) -> None:
    """Compare mixtures and describe the best."""
    search.run(options, options.covariance, _tried)


def _tried(selection: Selection) -> str:
    """The criterion of every model, and by how much the best one leads."""
    criterion, best = selection.criterion, selection.best_candidate
    rivals = [entry for entry in selection.table if entry is not best and entry.sound]
    lead = f"Lowest {criterion.upper()}: {best.n_components} with {best.covariance_type} covariance"
    if rivals:
        rival = min(rivals, key=lambda entry: getattr(entry, criterion))
        lead += (
            f"; next {rival.n_components} with {rival.covariance_type}, "
            f"{getattr(rival, criterion) - getattr(best, criterion):.2f} higher"
        )
    return f"{selection}\n{wrapped([lead + '.'])}"
