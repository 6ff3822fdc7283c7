"""Imports point down only, optional packages are imported inside functions, and files keep their size.

The map below is the architecture; a new module that is not on it fails here, so that someone chooses its room.
"""

import ast
import sys
from pathlib import Path

import pytest

import gmm

LAYERS = [
    ("native", "_native"),
    (
        "model",
        "errors _validation table frame expansion rows parameters noise region labels informed statistics mixture "
        "covariances threads workers model_file patterns missing measured "
        "mixing wishart posteriors belief_file bundle_file",
    ),
    (
        "algorithms",
        "em acceleration curvature small convergence initialization partition rehearsal kmeans subsample distinct "
        "hierarchy agglomeration inference shrinkage restarts foresight draws prepared whole completion agreement "
        "criteria ordering clutter anchors collapse dependence variational moves predictive matching quadratic_form "
        "exchange transplant escape",
    ),
    (
        "estimators",
        "base settings priors restraints starts cautions summary record fitting factor_count factor_attributes "
        "serialization mixture_estimator "
        "gaussian_mixture bayesian_fitting bayesian_mixture",
    ),
    (
        "edges",
        "selection selector likelihood_ratio progress many classes classifier fisher adaptation resampling replicates "
        "recurrence misclassification drawing merging certainty comparison advising class_file loading cli datasets "
        "config",
    ),
]
LEVEL_OF = {module: level for level, (_, modules) in enumerate(LAYERS) for module in modules.split()}
REFERENCE = "reference"
HARD_DEPENDENCIES = {"numpy", "scipy"}
PACKAGE = Path(gmm.__path__[0])
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")


def first_part(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(tree: ast.AST, package: list[str]):
    """Full names of what is imported, with whether it happens when the module is imported."""
    lazy = {
        id(inner)
        for outer in ast.walk(tree)
        if isinstance(outer, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        or (isinstance(outer, ast.If) and ast.unparse(outer.test) == "TYPE_CHECKING")
        for inner in ast.walk(outer)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for name in node.names:
                yield name.name, id(node) not in lazy
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            origin = ".".join([*base, *([node.module] if node.module else [])])
            for name in node.names:
                yield f"{origin}.{name.name}" if origin == "gmm" else origin, id(node) not in lazy


def imports_of(path: Path):
    inside = path.relative_to(PACKAGE)
    return imports(ast.parse(path.read_text(encoding="utf-8")), ["gmm", *inside.parts[:-1]])


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_down(path):
    part = first_part(path)
    if part == REFERENCE:
        return
    assert part in LEVEL_OF, f"{part} has no layer: give it one in {Path(__file__).name}"
    for name, _ in imports_of(path):
        if name.startswith("gmm."):
            used = name.split(".")[1]
            assert used in LEVEL_OF, f"{part} imports {name}, which has no layer"
            assert LEVEL_OF[used] <= LEVEL_OF[part], f"{part} imports {name}, which is above it"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_optional_packages_are_imported_inside_functions(path):
    for name, at_import in imports_of(path):
        top = name.split(".")[0]
        if at_import and top not in HARD_DEPENDENCIES | {"gmm", "__future__"}:
            assert top in sys.stdlib_module_names, f"{name} is imported with the module"


def test_reference_is_numpy_only():
    for path in (PACKAGE / REFERENCE).rglob("*.py"):
        for name, _ in imports_of(path):
            assert not name.startswith("gmm._native"), f"{path.name} imports {name}"


def test_imports_are_found():
    source = "import a.b\nfrom .c import d\nfrom gmm import e\n"
    source += "def f():\n    import g\nif TYPE_CHECKING:\n    import h\n"
    found = set(imports(ast.parse(source), ["gmm", "cli"]))
    assert found == {("a.b", True), ("gmm.cli.c", True), ("gmm.e", True), ("g", False), ("h", False)}
