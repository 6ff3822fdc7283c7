"""Which mixture: every number of components with every covariance structure, compared by a criterion.

    select --> candidates (n_components x covariance_types) --> Selection: one table, ranked, and the best model

| module | what it holds |
|---|---|
| `candidate` | a row of the table: what is known of a model that was tried, and what it is ranked by |
| `search` | `select`: arguments and the table |
| `trials` | every candidate fitted, on threads |
| `shared` | what candidates share: rows in their frames, trees, partitions |
| `ladder` | one structure: numbers of components from the bottom up, starts by trees, splits and merges |
| `folds` | likelihood of rows that a fit did not see |
| `result` | `Selection` |
| `step` | K against K + 1 components: which one splits, and what that gains |
| `picture` | criteria against numbers of components |
"""

from gmm.selection.candidate import CRITERIA, Candidate
from gmm.selection.result import Selection
from gmm.selection.search import checked_structures, select
from gmm.selection.step import Step
from gmm.selection.trials import tried

__all__ = ["CRITERIA", "Candidate", "Selection", "Step", "checked_structures", "select", "tried"]
