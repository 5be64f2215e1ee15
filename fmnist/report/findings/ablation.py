"""Findings of the small experiments around the best configuration."""

from __future__ import annotations

from fmnist.report import text
from fmnist.report.facts import Facts
from fmnist.report.findings.base import NOTE, Finding
from fmnist.runs.records.ablation import BETTER, Measured

SECTION = "experiments"
MOST = 2
"""Variants that are told, the best first: further ones stand in the chapter."""


def better(facts: Facts) -> list[Finding] | None:
    """Variants that did better than the chosen configuration, beyond chance."""
    found = facts.experiments
    if found is None or not found.experiments:
        return None
    ahead = [e for e in found.ranked if e.verdict == BETTER]
    return [_finding(e) for e in ahead[:MOST]]


def _finding(e: Measured) -> Finding:
    sentence = (
        f"In small trainings a variant of the configuration, {e.title}, reached "
        f"{text.points(e.difference)} more than the configuration itself (95{text.THIN}% interval "
        f"{text.point_span(e.interval)}, {text.count(e.validation)} validation images, "
        f"{text.counted(e.seeds, 'seed')}): worth a full training."
    )
    title = f"A variant did better: {e.title}"
    return Finding(f"experiment-{e.key}", title, NOTE, sentence, SECTION)
