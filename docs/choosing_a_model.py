"""The picture of docs/choosing-a-model.md: python docs/choosing_a_model.py"""

from pathlib import Path

import matplotlib as mpl

mpl.use("agg")

from matplotlib import pyplot

import gmm
from gmm.datasets import load_faithful

selection = gmm.select(load_faithful().data, range(1, 10), "mclust", random_state=0)
figure, (left, right) = pyplot.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
selection.plot(ax=left)
selection.plot("icl", ax=right)
right.get_legend().remove()
figure.savefig(Path(__file__).with_name("choosing-a-model.png"), dpi=90)
