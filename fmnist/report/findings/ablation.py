"""Findings of the small experiments around the best configuration."""

from __future__ import annotations

from fmnist.report import text
from fmnist.report.facts import Facts
from fmnist.report.findings.base import NOTE, Finding
from fmnist.report.narrative import ablation
from fmnist.runs.records.ablation import BETTER, Measured

SECTION = "experiments"
MOST = 2
"""Variants that are told, the best first: further ones stand in the chapter."""


def uninformative(facts: Facts) -> list[Finding] | None:
    """The experiments are too small, or on too few seeds, to tell of the final training."""
    if facts.experiments is None or not facts.experiments.experiments:
        return None
    reason = ablation.doubt(facts)
    if not reason:
        return []
    title, again = "The experiments decide nothing", f"fmnist experiment {_run(facts)} --time 1h"
    sentence = f"{reason} They say nothing about the final training."
    return [Finding("experiments-uninformative", title, NOTE, sentence, SECTION, again)]


def better(facts: Facts) -> list[Finding] | None:
    """Variants that did better than the chosen configuration, beyond chance.

    Leaving out a regulariser is none of them: in short trainings it costs and cannot yet gain.
    """
    found = facts.experiments
    if found is None or not ablation.informative(facts):
        return None
    ahead = [e for e in found.ranked if e.verdict == BETTER and e.question != "overfitting"]
    return [_finding(e, facts) for e in ahead[:MOST]]


def _finding(e: Measured, facts: Facts) -> Finding:
    sentence = (
        f"In small trainings a variant of the configuration, {e.title}, reached "
        f"{text.points(e.difference)} more than the configuration itself ({ablation.INTERVAL} "
        f"{text.point_span(e.shown_interval)}, corrected for the number of experiments; "
        f"{text.count(e.validation)} validation images, {text.counted(e.seeds, 'seed')})."
    )
    title, again = f"A variant did better: {e.title}", f"fmnist experiment {_run(facts)} --time 1h"
    return Finding(f"experiment-{e.key}", title, NOTE, sentence, SECTION, again)


def _run(facts: Facts) -> str:
    return f"results/{facts.run.name}"
