"""What went wrong in the processes of a run and how it went on: rows, sentences, tracebacks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from fmnist.report import text
from fmnist.report.facts import Facts
from search.records import Failure, FailureKind, Trial
from search.study.running_trial import is_infeasible

KINDS: dict[str, str] = {kind: kind.phrase for kind in FailureKind}
TRACES_SHOWN = 4
TRACE_LINES = 12
TRACE_WIDTH = 110


@dataclass(frozen=True)
class Trouble:
    """A training that failed, or that ended well after a failure.

    ``name`` says which one; ``failures`` are all of them, the one that ended it last.
    """

    name: str
    trial: Trial
    failures: tuple[Failure, ...]


@dataclass(frozen=True)
class Trace:
    """The end of a traceback, and the trainings in which it stood."""

    names: tuple[str, ...]
    tail: str


def troubles(facts: Facts) -> list[Trouble]:
    """Every training with a failure, in the order of the stages; those not tried left out."""
    found = []
    for name, trial in _trainings(facts):
        last = (trial.failure,) if trial.failure else ()
        failures = (*trial.retries, *last)
        if failures and not not_tried(trial):
            found.append(Trouble(name, trial, failures))
    return found


def _trainings(facts: Facts) -> Iterable[tuple[str, Trial]]:
    yield from ((f"trial {t.number}", t) for t in facts.trials)
    yield from ((_fresh(t), t) for t in facts.confirming)
    if facts.retraining is not None:
        yield "final training", facts.retraining


def _fresh(trial: Trial) -> str:
    """A run of the confirmation: its own number says nothing, whose parameters it has does."""
    if trial.replicate_of is None:
        return "a run on a fresh seed"
    return f"trial {trial.replicate_of} on a fresh seed"


def out_of_time(trial: Trial) -> bool:
    """Whether it was not started, or cut off before its first epoch, to be in time."""
    return trial.failure is not None and trial.failure.kind == "deadline"


def not_tried(trial: Trial) -> bool:
    """Whether nothing was trained, for want of time or as the network is above a limit."""
    return out_of_time(trial) or is_infeasible(trial)


def sentences(facts: Facts) -> list[str]:
    """What else is to be said: trainings taken up again, out of time, the largest process."""
    found = [
        f"{text.sentence(name)[:-1]} was taken up again after "
        f"{text.listing([f'epoch {epoch}' for epoch in trial.resumed])}."
        for name, trial in _trainings(facts)
        if trial.resumed
    ]
    late = sum(out_of_time(t) for t in facts.trials)
    if late:
        found.append(
            f"{text.counted(late, 'more configuration')} {'was' if late == 1 else 'were'} "
            "suggested, but the time left was too short for a trial."
        )
    above = sum(is_infeasible(t) for t in facts.trials)
    if above:
        found.append(
            f"{text.counted(above, 'more configuration')} {'was' if above == 1 else 'were'} "
            "suggested, but not trained: an image takes the network too long."
        )
    return found + _largest(facts)


def final_training(facts: Facts) -> str:
    """What the final training went through, where it did not run straight to its end."""
    trial = facts.retraining
    if trial is None or not (trial.retries or trial.resumed):
        return ""
    parts = []
    if trial.retries:
        times = text.counted(len(trial.retries), "time")
        parts.append(
            f"failed {times} on the way ({text.listing([kind(f) for f in trial.retries])})"
        )
    if trial.resumed:
        epochs = text.listing([f"epoch {epoch}" for epoch in trial.resumed])
        parts.append(f"was taken up again from its checkpoint after {epochs}")
    return f"This training {text.listing(parts)}."


def _largest(facts: Facts) -> list[str]:
    measured = [(t.peak_memory, name) for name, t in _trainings(facts) if t.peak_memory]
    if not measured:
        return []
    peak, name = max(measured, key=lambda pair: pair[0])
    return [f"The largest process held {text.memory(peak)} of memory, in {_the(name)}."]


def _the(name: str) -> str:
    return f"the {name}" if name == "final training" else name


def kind(failure: Failure) -> str:
    """The kind of a failure in words."""
    return KINDS.get(failure.kind, failure.kind)


def traces(facts: Facts) -> list[Trace]:
    """The ends of the different tracebacks, each once, the first few of them."""
    where: dict[str, list[str]] = {}
    for trouble in troubles(facts):
        for failure in trouble.failures:
            tail = _tail(failure.detail)
            if tail and trouble.name not in where.setdefault(tail, []):
                where[tail].append(trouble.name)
    return [Trace(tuple(names), tail) for tail, names in where.items()][:TRACES_SHOWN]


def _tail(detail: str) -> str:
    lines = [line.rstrip() for line in detail.splitlines() if line.strip()]
    kept = [
        line if len(line) <= TRACE_WIDTH else line[: TRACE_WIDTH - 1] + "…"
        for line in lines[-TRACE_LINES:]
    ]
    return "\n".join(["…", *kept] if len(lines) > TRACE_LINES else kept)
