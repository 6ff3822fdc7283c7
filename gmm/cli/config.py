"""`gmm config`: how this copy was built and what it runs on."""

from __future__ import annotations

from argparse import Namespace

import gmm


def run(options: Namespace) -> None:
    """Show versions, instruction set and threads."""
    gmm.show_config()
