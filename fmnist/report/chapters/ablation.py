"""The chapter on the experiments: what each part of the configuration is worth."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fmnist.report import text
from fmnist.report.concepts import Concept
from fmnist.report.evidence.ablation import left_out
from fmnist.report.facts import Facts, present
from fmnist.report.figures.ablation import confusions_figure, effects_figure
from fmnist.report.narrative.ablation import confused, doubt, effort, methods, size
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
        "confusions": confusions_figure(found, facts.class_names),
        "confused": "" if doubt(facts) else _confused(found, facts),
        "measured": tables.measured(found) if made else None,
        "skipped": left_out(found.skipped),
        "methods": methods(found),
        "doubt": doubt(facts),
        "chosen_on_validation": facts.complete_trials > 1,
    }


def _intro(found: Experiments, facts: Facts) -> str:
    if found.fidelity is None or not found.experiments:
        return "All experiments were skipped."
    images = text.counted(found.fidelity.validation, "validation image")
    default = next((len(e.changes) for e in found.experiments if e.key == "default"), 0)
    other = (
        f"; the default configuration of the program differs in {text.counted(default, 'field')}"
        if default
        else ""
    )
    return (
        f"{effort(facts)} Each experiment changes one part of the configuration{other}. The "
        "variant and the configuration as it is were trained on the same "
        f"{size(found.fidelity)}, and scored on the same {images} after the last epoch. The test "
        "set was not read, and nothing was chosen."
    ).strip()


def _confused(found: Experiments, facts: Facts) -> str:
    return " ".join(filter(None, (confused(e, facts.class_names) for e in found.experiments)))


def _outcome(found: Experiments) -> str:
    """How many variants are better, worse or neither."""
    verdicts = [e.verdict for e in found.experiments]
    counts = {kind: verdicts.count(kind) for kind in (BETTER, WORSE)}
    parts = [f"{n or 'none'} {'is' if n < 2 else 'are'} {kind}" for kind, n in counts.items()]
    number = text.counted(len(verdicts), "variant")
    neither = verdicts.count(UNDECIDED)
    if neither == len(verdicts):
        return f"Of {number}, none was found to differ from the configuration: nothing is decided."
    rest = f"; the other {neither} {'is' if neither == 1 else 'are'} not decided" if neither else ""
    return f"Of {number}, {text.listing(parts)}{rest}."
