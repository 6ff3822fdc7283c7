"""The page "What happens when..." names tests; each of them exists."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "robustness.md"
NAMED = re.compile(r"`(tests/[\w/]+\.(?:py|c))::(\w+)`")


def named_tests():
    return sorted(set(NAMED.findall(PAGE.read_text(encoding="utf-8"))))


@pytest.mark.parametrize(("file", "name"), named_tests())
def test_every_named_test_exists(file, name):
    text = (ROOT / file).read_text(encoding="utf-8")
    if file.endswith(".py"):
        assert name in {node.name for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef)}
    else:
        assert re.search(rf"^(?:static )?void {name}\(", text, flags=re.MULTILINE)


def test_every_row_of_the_tables_names_a_test():
    rows = PAGE.read_text(encoding="utf-8").split("## Beside scikit-learn")[0].splitlines()
    cases = [line for line in rows if line.startswith("| ") and not line.startswith("| when ")]
    assert len(cases) > 50
    assert [line for line in cases if not NAMED.search(line)] == []
