"""The report of a comparison: runs side by side, ``comparison.html`` and ``comparison.pdf``.

It reads the folders of all the runs; the same folders give the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment
from markupsafe import Markup

from fmnist.report import pages, render, text
from fmnist.report.facts import Facts, present
from fmnist.report.figures import image_grids, run_comparison
from fmnist.report.figures.forest import leads_figure
from fmnist.report.figures.style import Tile, drawing
from fmnist.report.glyphs import isolated, texts_of
from fmnist.report.load import load_facts
from fmnist.report.narrative import comparison
from fmnist.report.output.content_policy import guarded
from fmnist.report.output.interactive import screen
from fmnist.report.output.templating import environment_for, source
from fmnist.report.tables import comparison as tables
from fmnist.report.tables import run_comparison as side_tables
from fmnist.runs import artifacts
from fmnist.runs.records.comparison import Comparison
from fmnist.runs.records.metrics import Predictions
from fmnist.runs.records.run import Document

NAME = "comparison"
SHOWN_IMAGES = 12


@dataclass(frozen=True, eq=False)
class Sides:
    """What is compared: the tests, and each run by its name in them, the first in front."""

    found: Comparison
    runs: tuple[tuple[str, Facts], ...]

    @property
    def first(self) -> Facts:
        """The run that all others are compared with."""
        return self.runs[0][1]


@dataclass(frozen=True)
class ReportPart:
    """One chapter; ``slug`` names its anchor and its template."""

    slug: str
    title: str
    build: Callable[[Sides], dict[str, Any]]


@dataclass(frozen=True)
class ComparisonChapter:
    """A part with its number and finished HTML, as the page template wants it."""

    number: str
    section: ReportPart
    html: Markup


def render_comparison(folders: Sequence[Path], found: Comparison, output: Path) -> render.Rendered:
    """Write ``comparison.html`` and ``comparison.pdf``.

    Args:
        folders: of the finished runs, in the order in which ``found`` compares them.
        output: folder to write into; it exists.

    Raises:
        FactsError: a missing or broken file of a run.
    """
    singles = [s for s in found.systems if s.kind != "ensemble"]
    names = [comparison.label(system, found) for system in singles]
    facts = [load_facts(folder) for folder in folders]
    sides = Sides(found, tuple(zip(names, facts, strict=True)))
    environment = environment_for(None)
    with drawing(texts_of(sides.first)):
        html = _html(environment, sides)
    style, created = source(environment, "pdf.css"), pages.created_at(_newest(sides))
    paths = [output / f"{NAME}.html", output / f"{NAME}.pdf"]
    return render.write_both(html, style, created, paths, sides.first.class_names)


def _newest(sides: Sides) -> Facts:
    return max((facts for _, facts in sides.runs), key=pages.created_at)


def _html(environment: Environment, sides: Sides) -> str:
    numbers = pages.Counter()
    chapters = []
    for number, part in enumerate(PARTS, start=1):
        template = environment.get_template(f"compared_{part.slug}.html.j2")
        html = Markup(template.render(numbers=numbers, chapter=number, **part.build(sides)))
        chapters.append(ComparisonChapter(str(number), part, html))
    parts = screen(None)
    page = environment.get_template("comparison.html.j2").render(
        chapters=chapters,
        concepts=(),
        edition="comparison",
        handin="",
        heads=[],
        document=Document(cover=True),
        title=f"{sides.found.data}: {text.counted(len(sides.found.systems), 'system')} compared",
        systems=sides.found.systems,
        n=sides.found.n,
        run=sides.first.run,
        created=pages.created_at(_newest(sides)).isoformat(),
        interim=False,
        styles=pages.styles(environment, texts_of(sides.first)),
        screen=parts,
    )
    return guarded(isolated(page), parts.script, parts.policy)


def _accuracies(sides: Sides) -> dict[str, Any]:
    found = sides.found
    return {
        "first": found.first.name,
        "summary": comparison.summary_of(found),
        "n": found.n,
        "reached": comparison.reached(found),
        "leads": leads_figure(found),
        "accuracies": tables.accuracies(found),
        "tests": tables.tests(found),
        "agreement": side_tables.agreement(found),
        "sources": {s.recipe: s.source for s in found.systems if s.source},
    }


def _classes(sides: Sides) -> dict[str, Any]:
    scores = [(name, present(f.metrics, artifacts.METRICS).test) for name, f in sides.runs]
    if len(scores) < 2:
        return {"recalls": None}
    return {
        "figure": run_comparison.recall_figure(scores),
        "recalls": side_tables.recalls(scores),
    }


def _training(sides: Sides) -> dict[str, Any]:
    histories = [(name, present(f.history, artifacts.HISTORY)) for name, f in sides.runs]
    return {
        "curves": run_comparison.curves_figure(histories),
        "conditions": side_tables.conditions(sides.runs),
    }


def _configuration(sides: Sides) -> dict[str, Any]:
    table = side_tables.configurations(sides.runs)
    unlike = sum(row[1] == side_tables.UNLIKE for row in table.rows)
    return {"table": table, "unlike": unlike, "fields": len(table.rows), "runs": len(sides.runs)}


def _images(sides: Sides) -> dict[str, Any]:
    first = present(sides.first.predictions, artifacts.PREDICTIONS)
    names = sides.first.class_names
    pairs = []
    for name, facts in sides.runs[1:]:
        other = present(facts.predictions, artifacts.PREDICTIONS)
        pairs.append((name, _only(first, other, names), _only(other, first, names)))
    return {"pairs": pairs, "first": sides.found.first.name, "shown": SHOWN_IMAGES}


def _only(right: Predictions, wrong: Predictions, names: Sequence[str]) -> list[Tile]:
    """Test images that only ``right`` classifies correctly, those first of which ``wrong`` is sure.

    Every run keeps the images that it got wrong.
    """
    labels = right.test_labels
    told = np.flatnonzero((right.predicted == labels) & (wrong.predicted != labels))
    certain = wrong.test_probabilities[told].max(axis=1)
    ranked = told[np.argsort(-certain, kind="stable")]
    tiles = [_tile(right, wrong, int(index), names) for index in ranked]
    return [tile for tile in tiles if tile is not None][:SHOWN_IMAGES]


def _tile(right: Predictions, wrong: Predictions, index: int, names: Sequence[str]) -> Tile | None:
    image = wrong.image(index)
    if image is None:
        return None
    true, said = names[int(right.test_labels[index])], names[int(wrong.predicted[index])]
    sure, of_true = (
        text.percent(float(p.test_probabilities[index].max()), digits=0) for p in (wrong, right)
    )
    return Tile(
        image_grids.clothing(image),
        f"Test image {index}: {true}, predicted so by one at {of_true}, as {said} by the other at "
        f"{sure}",
        (f"{true}, {of_true}", f"not {said}, {sure}"),
    )


PARTS = (
    ReportPart("accuracies", "Accuracies and differences", _accuracies),
    ReportPart("classes", "Class by class", _classes),
    ReportPart("training", "Training", _training),
    ReportPart("configuration", "Configurations", _configuration),
    ReportPart("images", "Where one is right and the other wrong", _images),
)
