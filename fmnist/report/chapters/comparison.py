"""The chapter that sets the run beside other runs and published results."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fmnist.report import published
from fmnist.report.concepts import Concept
from fmnist.report.facts import Facts, present
from fmnist.report.figures.forest import leads_figure
from fmnist.report.figures.published import published_figure
from fmnist.report.narrative import comparison as comparing
from fmnist.report.tables import comparison as tables
from fmnist.runs import artifacts


def has_comparison(facts: Facts) -> bool:
    """Whether there is anything to set the run beside."""
    return facts.comparison is not None or published.comparable(facts)


def comparison(facts: Facts, concepts: Sequence[Concept]) -> dict[str, Any]:
    """Other runs on the same test images, and published results."""
    return {**_runs(facts), **_published(facts)}


def _runs(facts: Facts) -> dict[str, Any]:
    found = facts.comparison
    if found is None:
        return {"runs": ""}
    return {
        "runs": comparing.summary(facts),
        "n": found.n,
        "reached": comparing.reached(found),
        "leads": leads_figure(found),
        "accuracies": tables.accuracies(found),
        "tests": tables.tests(found),
        "sources": {s.recipe: s.source for s in found.systems if s.source},
    }


def _published(facts: Facts) -> dict[str, Any]:
    if not published.comparable(facts):
        return {"place": ""}
    test = present(facts.metrics, artifacts.METRICS).test
    rows = published.placed(test, published.load_published())
    return {
        "place": published.place(facts),
        "published": published_figure(test, rows),
        "published_table": tables.published(rows),
        "published_sources": tables.sources(rows),
    }
