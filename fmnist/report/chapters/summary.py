"""The first chapter, one page: the result, how it came about, what was found about it."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

from fmnist.report import findings, published, text
from fmnist.report.concepts import Concept
from fmnist.report.facts import Facts
from fmnist.report.findings import Finding
from fmnist.report.narrative import (
    comparison,
    final_model,
    imported,
    results,
    timing,
    training,
    winner,
)
from fmnist.report.narrative import recipe as followed
from fmnist.report.narrative.failures import not_tried
from fmnist.report.tables import results as tables
from search.records import best_of

LINES, ACROSS = 28, 100
"""Lines that story and findings may fill, so that the summary stays on one page, and characters
on a line. Findings for which there is no room are told by their titles."""


def summary(facts: Facts, concepts: Sequence[Concept]) -> dict[str, Any]:
    """What was done, how good it is, and what was found about it."""
    metrics = facts.metrics
    found, story = findings.find(facts), _story(facts)
    shown = _fitting(story, found.found)
    return {
        "test": metrics.test if metrics else None,
        "by_search": facts.by_search,
        "story": story,
        "found": found.found[:shown],
        "further": found.found[shown:],
        "clear": found.subjects_clear,
        "headline": tables.headline(facts),
        "progress": timing.progress(facts) if facts.interim else [],
    }


def _fitting(story: Sequence[tuple[str, str]], found: Sequence[Finding]) -> int:
    """How many findings there is room for; every warning is told in full."""
    room = LINES - sum(_lines(head + sentence) for head, sentence in story)
    heights = itertools.accumulate(_lines(f.title + f.sentence + f.remedy) + 0.3 for f in found)
    warnings = sum(f.severity == findings.WARNING for f in found)
    return max(warnings, sum(height <= room for height in heights))


def _lines(words: str) -> int:
    return math.ceil(len(words) / ACROSS)


def _story(facts: Facts) -> list[tuple[str, str]]:
    """What was done, as heads and sentences; those with nothing to say are left out."""
    searched = _search(facts) if facts.by_search else winner.unsearched(facts)
    network = training.network(facts.best) if facts.best and not facts.imported else ""
    rows = [
        ("Recipe", followed.summary(facts)),
        ("Imported", imported.origin(facts)),
        ("Search" if facts.by_search else "No search", searched),
        ("Winner", winner.short(facts) if facts.by_search else ""),
        ("Network", " ".join(filter(None, [network, final_model.views(facts)]))),
        ("Comparison", _beside(facts)),
        ("Ensemble", final_model.ensemble(facts)),
    ]
    return [(head, sentence) for head, sentence in rows if sentence]


def _beside(facts: Facts) -> str:
    return " ".join(filter(None, [comparison.summary(facts), published.place(facts)]))


def _search(facts: Facts) -> str:
    """How much was tried in what time, and the best of it."""
    tried = [t for t in facts.trials if not not_tried(t)]
    if not tried:
        return "" if facts.interim else "No trial ended."  # the progress says so
    different = len({repr(sorted(t.params.items())) for t in tried})
    repeated = f" of {text.counted(different, 'configuration')}" if different < len(tried) else ""
    what = text.counted(len(tried), "trial" if repeated else "configuration") + repeated
    seconds = timing.spent(facts).get("search") or sum(t.seconds or 0.0 for t in tried)
    time = f" in {text.duration(seconds)}" if seconds else ""
    return (
        f"{what} of the network and its training {'was' if len(tried) == 1 else 'were'} tried"
        f"{time}{_effort(facts)}{_highest(facts)}."
    )


def _effort(facts: Facts) -> str:
    images = results.trial_images(facts)
    epochs = max((len(t.epochs) for t in facts.trials), default=0)
    if images is None or not epochs:
        return ""
    fewer = sum(len(t.epochs) < epochs for t in facts.trials if not not_tried(t))
    cut = f", {text.count(fewer)} of them for fewer" if fewer else ""
    return f", each on {text.count(images)} images for up to {text.counted(epochs, 'epoch')}{cut}"


def _highest(facts: Facts) -> str:
    best = best_of(facts.trials)
    if best is None or best.value is None:
        return ""
    value = text.percent(best.value, facts.run.splits.validation)
    return f"; the highest validation accuracy among the trials was {value}, in trial {best.number}"
