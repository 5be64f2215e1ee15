"""The chapter on data and method: splits, ledger, recipe, time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fmnist.data.ledger import Entry
from fmnist.report import text
from fmnist.report.concepts import Concept
from fmnist.report.facts import Facts
from fmnist.report.figures import image_grids
from fmnist.report.narrative import final_model, timing, training
from fmnist.report.tables import method as tables

# Stages that choose: what they read, the test set must not be.
CHOOSING = ("search", "confirm", "retrain", "refit", "ensemble")


def method(facts: Facts, concepts: Sequence[Concept]) -> dict[str, Any]:
    """Data, splits, training recipe, time."""
    predictions = facts.predictions
    return {
        "data": facts.run.data,
        "splits": facts.run.splits,
        "request": facts.run.request,
        "examples": image_grids.example_tiles(predictions, facts.class_names)
        if predictions
        else [],
        "splits_table": tables.splits(facts),
        "ledger": tables.ledger(facts),
        "test_reads": test_reads(facts),
        "network": training.network(facts.best) if facts.best else "",
        "recipe": training.sentences(facts.best) if facts.best else [],
        "refitted": facts.refit_used,
        "preset": facts.by_search and facts.run.data.verified and not facts.imported,
        "final": " ".join(s for s in (final_model.refit(facts), final_model.views(facts)) if s),
        "history": facts.history,
        "interim": facts.interim,
        "asked": timing.asked(facts),
        "verdict": timing.verdict(facts),
        "stages": tables.stages(facts),
        "decisions": tables.decisions(facts),
    }


def test_reads(facts: Facts) -> str:
    """Whether the ledger shows the test set read before the last choice."""
    entries = facts.ledger or ()
    if not any(e.split == "test" for e in entries):
        return "The test set has not been read." if entries else ""
    early = early_test_reads(entries)
    if early:
        return (
            f"The test set was read {text.counted(early, 'time')} before the last choice, so "
            "its accuracy is optimistic."
        )
    earlier = facts.metrics.earlier_runs if facts.metrics else 0
    others = (
        f" Before, {text.counted(earlier, 'other finished run')} in this folder had read the same "
        "test images: a run picked by its test figure would be chosen on them."
        if earlier
        else ""
    )
    return (
        "No choice in this run was made on the test set: it was first read after the last choice."
        + others
    )


def early_test_reads(entries: Sequence[Entry]) -> int:
    """How often the test set was read before the last choice, or by a stage that chooses."""
    last = max((i for i, e in enumerate(entries) if e.stage in CHOOSING), default=-1)
    reads = [(i, e) for i, e in enumerate(entries) if e.split == "test"]
    return sum(i < last or e.stage in CHOOSING for i, e in reads)
