"""The chapter on the experiments: what each part of the configuration is worth."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fmnist.report import text
from fmnist.report.concepts import Concept
from fmnist.report.evidence.ablation import left_out
from fmnist.report.facts import Facts, present
from fmnist.report.figures.ablation import effects_figure
from fmnist.report.narrative.ablation import methods, size
from fmnist.report.tables import ablation as tables
from fmnist.runs import artifacts
from fmnist.runs.records.ablation import BETTER, UNDECIDED, WORSE, Experiments


def has_experiments(facts: Facts) -> bool:
    """Whether experiments were made, or skipped."""
    return facts.experiments is not None


def experiments(facts: Facts, concepts: Sequence[Concept]) -> dict[str, Any]:
    """Every variant beside the configuration, and what was skipped."""
    found = present(facts.experiments, artifacts.EXPERIMENTS)
    made = bool(found.experiments)
    return {
        "intro": _intro(found, facts),
        "outcome": _outcome(found),
        "effects": effects_figure(found) if made else None,
        "measured": tables.measured(found) if made else None,
        "skipped": left_out(found.skipped),
        "methods": methods(found),
    }


def _intro(found: Experiments, facts: Facts) -> str:
    if found.fidelity is None or not found.experiments:
        return "All experiments were skipped."
    images = text.counted(found.fidelity.validation, "validation image")
    return (
        "Each experiment changes one thing of the configuration. The variant and the configuration "
        f"as it is were trained on the same {size(found.fidelity)}, and scored on the same "
        f"{images} after the last epoch. The test set was not read, and nothing was chosen."
    )


def _outcome(found: Experiments) -> str:
    """How many variants are better, worse or neither."""
    verdicts = [e.verdict for e in found.experiments]
    counts = {kind: verdicts.count(kind) for kind in (BETTER, WORSE)}
    parts = [f"{n or 'none'} {'is' if n < 2 else 'are'} {kind}" for kind, n in counts.items()]
    number = text.counted(len(verdicts), "variant")
    neither = verdicts.count(UNDECIDED)
    if neither == len(verdicts):
        return f"Of {number}, none differs from the configuration as far as could be found."
    rest = f"; for the other {neither} no difference was found" if neither else ""
    return f"Of {number}, {text.listing(parts)}{rest}."
