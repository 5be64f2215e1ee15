"""The experiments as evidence: what each showed, and which were skipped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from fmnist.report import text
from fmnist.report.evidence.base import ABSENT, Shown
from fmnist.report.facts import Facts
from fmnist.report.narrative.ablation import informative, span
from fmnist.runs.records.ablation import UNDECIDED, Experiments, Measured, Skipped

NONE_MADE = "No experiment was made on this."
NO_EVIDENCE = "The experiments are too small to be evidence here; their chapter says why."


def with_experiments(shown: Shown, facts: Facts, question: str) -> Shown:
    """The same with what the experiments on this question showed."""
    found = facts.experiments
    if found is None:
        if facts.interim or shown is ABSENT:
            return shown
        return replace(shown, sentences=[*shown.sentences, NONE_MADE])
    if found.of(question) and not informative(facts):
        sentences = [] if shown is ABSENT else shown.sentences
        return replace(shown, sentences=[*sentences, NO_EVIDENCE])
    lines = told(found, found.of(question))
    skipped = left_out(found.skipped_of(question))
    if not lines and not skipped:
        return shown
    sentences = [] if shown is ABSENT else shown.sentences
    return replace(shown, sentences=sentences, measured=lines, skipped=skipped)


def told(found: Experiments, measured: Sequence[Measured]) -> list[str]:
    """How they were made, then one line for each; empty where there is none."""
    return [_how(found), *(line(e, found) for e in measured)] if measured else []


def line(e: Measured, found: Experiments) -> str:
    """Both accuracies, the difference with its interval, and the verdict."""
    accuracy, base = (text.percent(x, digits=e.digits) for x in (e.accuracy, e.base_accuracy))
    difference = text.signed_points(e.difference, digits=e.digits)
    p = text.p_value(e.p_holm)
    p = p if p.startswith("<") else f"= {p}"
    fewer = found.fidelity is not None and e.seeds < found.fidelity.seeds
    seeds = f", {text.counted(e.seeds, 'seed')}" if fewer else ""
    return (
        f"{text.sentence(e.title)[:-1]}: {accuracy} against {base}, a difference of {difference} "
        f"percentage points (corrected interval {span(e, adjusted=True)}, p {p}{seeds}): "
        f"{_verdict(e)}."
    )


def left_out(skipped: Sequence[Skipped]) -> list[str]:
    """A sentence for each reason: experiments are often skipped for the same one."""
    titles: dict[str, list[str]] = {}
    for s in skipped:
        titles.setdefault(s.reason, []).append(f"“{s.title}”")
    return [
        f"The experiment {names[0]} was skipped: {reason}."
        if len(names) == 1
        else f"The experiments {text.listing(names)} were skipped: {reason}."
        for reason, names in titles.items()
    ]


def _verdict(e: Measured) -> str:
    return UNDECIDED if e.verdict == UNDECIDED else f"the variant is {e.verdict}"


def _how(found: Experiments) -> str:
    assert found.fidelity is not None
    return (
        f"Small trainings on {text.counted(found.fidelity.seeds, 'seed')}, each beside the "
        "configuration as it is; p after Holm's correction:"
    )
