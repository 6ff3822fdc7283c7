"""`gmm info MODEL`: what a saved model is."""

from __future__ import annotations

from argparse import Namespace

from gmm.cli.model import as_dict, read_model, report, to_json


def run(options: Namespace) -> None:
    """Describe a saved model."""
    model = read_model(options.model)
    if options.json:
        print(to_json(as_dict(model)))
        return
    fit = model._fitted()
    rows = f", fitted to {fit.record.n_rows} rows" if fit.record else ""
    n_components, n_features = fit.mixture.n_components, fit.mixture.n_features
    print(
        f"{n_components} component{'s' * (n_components != 1)}, {fit.mixture.structure.name} covariance, "
        f"{n_features} feature{'s' * (n_features != 1)}{rows}\n"
    )
    print(report(model))
