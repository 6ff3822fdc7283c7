"""Pages of the documentation: links lead somewhere, pictures are small, told in words, and drawn by a script."""

import importlib
import re
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
BENCHMARKS = ROOT / "benchmarks" / "README.md"
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), BENCHMARKS]
PICTURES = sorted((ROOT / "docs").glob("*.png"))
MODULES = sorted({path.stem for path in (ROOT / "docs" / "pictures").glob("*.py")} - {"__main__", "canvas"})
LINK = re.compile(r"!?\[([^\]]*)\]\(([^)\s]+)\)")
LARGEST = 60_000  # bytes
FEWEST_WORDS = 12
SAME = 1.0  # of 255, mean over pixels: letters of another Matplotlib, last bits of another instruction set


def links(page):
    """Words and targets, those of examples left out."""
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    return LINK.findall(text)


def anchors(page):
    """What links may name after "#": headings as GitHub spells them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files_and_headings(page):
    for _, target in links(page):
        file, _, heading = target.partition("#")
        if not file.startswith("http"):
            leads_to = (page.parent / file).resolve() if file else page
            assert leads_to.exists(), target
            assert not heading or heading in anchors(leads_to), target


def test_every_page_is_on_the_first_one():
    listed = {target for _, target in links(ROOT / "docs" / "index.md")}
    assert {page.name for page in (ROOT / "docs").glob("*.md")} - listed == {"index.md"}


def test_the_table_of_starts_is_that_of_the_benchmarks():
    page, benchmarks = (path.read_text(encoding="utf-8") for path in (ROOT / "docs" / "starts.md", BENCHMARKS))
    table = re.search(r"^\| problem, K, structure .*?\n\n", page, flags=re.DOTALL | re.MULTILINE).group(0)
    assert table in benchmarks


@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.stem)
def test_a_picture_is_shown_told_small_and_drawn(picture):
    told = {target: words for words, target in links(picture.with_suffix(".md"))}
    assert len(told[picture.name].split()) >= FEWEST_WORDS
    assert picture.stat().st_size < LARGEST
    assert f"{picture.stem.replace('-', '_')}.py" in {path.name for path in (ROOT / "docs").rglob("*.py")}


@pytest.mark.long
@pytest.mark.parametrize("module", MODULES)
def test_a_picture_is_what_its_module_draws(module, monkeypatch, tmp_path):
    image = pytest.importorskip("PIL.Image")
    picture = ROOT / "docs" / f"{module.replace('_', '-')}.png"
    monkeypatch.syspath_prepend(ROOT / "docs" / "pictures")
    figure = importlib.import_module(module).draw()
    importlib.import_module("canvas").save(figure, tmp_path / picture.name)
    drawn, kept = (np.asarray(image.open(path).convert("L"), float) for path in (tmp_path / picture.name, picture))
    assert drawn.shape == kept.shape
    assert np.abs(drawn - kept).mean() < SAME
