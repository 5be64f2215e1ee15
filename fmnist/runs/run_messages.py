"""What is worth a message about a run: that it began, its first result, trouble, its end."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from fmnist.runs.artifacts import BEST_CONFIG, METRICS, PLAN, RUN, STAGES
from fmnist.runs.folder import Run
from fmnist.runs.records.plan import Plan
from fmnist.text import counted, duration, percent, size
from search.records import Trial
from search.study.running_trial import is_external_failure

FAILURES = 3
"""So many failed trials in a row are trouble."""
LEAST_DISK = 1e9
PDF = "report.pdf"
_BEFORE_THE_PLAN = ("prepare", "preflight", "rehearse")


@dataclass(frozen=True)
class Message:
    """A message: a title of a few words, a text, a file where there is one."""

    title: str
    body: str
    attachment: Path | None = None


@dataclass
class RunMessages:
    """Compares a run with what was told of it; each kind of news is told once."""

    _told: set[str] = field(default_factory=set)

    def rehearsed(self, run: Run) -> Message:
        """That the run begins, and what it has done on a few images."""
        text = "Rehearsed on a few images, from the search to the PDF. Now the run begins."
        return Message(f"{_name(run)}: rehearsed", text)

    def news(self, run: Run) -> Iterator[Message]:
        """What is new since the last call, as messages."""
        stages = run.get(STAGES)
        if stages is None or stages.stages[-1].name in _BEFORE_THE_PLAN:
            return
        trials = run.trials()
        first = next((t for t in trials if t.state == "complete"), None)
        if self._is_new("begun"):
            if first is not None:
                self._told.add("first")
            yield _begun(run, trials)
        if first is not None and self._is_new("first"):
            text = f"Trial {first.number} reached {percent(first.value)} on the validation images."
            yield Message(f"{_name(run)}: first result", text)
        told = [t for t in trials if not is_external_failure(t)]  # no time is no trouble
        failed = [t.failure for t in told[-FAILURES:] if t.failure]
        if len(failed) == FAILURES and self._is_new("failures"):
            kinds = ", ".join(dict.fromkeys(f"{f.kind}: {f.message}" for f in failed))
            yield Message(f"{_name(run)}: {FAILURES} trials in a row failed", kinds)
        free = shutil.disk_usage(run.path).free
        if free < LEAST_DISK and self._is_new("disk"):
            text = f"{size(free)} left where the run lies; without room it stops."
            yield Message(f"{_name(run)}: the disk is nearly full", text)

    def done(self, run: Run) -> Message:
        """The end: accuracy, interval, the report."""
        test = run.read(METRICS).test
        low, high = test.interval
        pdf = run / PDF
        text = (
            f"Test accuracy {percent(test.accuracy)} (95 % interval {100 * low:.2f} to "
            f"{percent(high)}, n = {test.n}).\n{_facts(run)}\n"
            f"Use it again: fmnist train --config {run / BEST_CONFIG.name}"
        )
        title = f"{_name(run)}: done, {percent(test.accuracy)}"
        return Message(title, text, pdf.resolve() if pdf.is_file() else None)

    def stopped(self, run: Run, reason: str) -> Message:
        """The run ended without its report."""
        text = f"{reason}\nThe same command goes on where it stopped."
        return Message(f"{_name(run)}: stopped", text)

    def _is_new(self, kind: str) -> bool:
        new = kind not in self._told
        self._told.add(kind)
        return new


def _begun(run: Run, trials: list[Trial]) -> Message:
    plan, lines = run.get(PLAN), [run.read(RUN).data.name]
    if plan is not None:
        lines += [d.text for d in plan.decisions if d.stage == "preflight"]
        lines += _outlook(plan)
    how = f"goes on after {counted(len(trials), 'trial')}" if trials else "begun"
    return Message(f"{_name(run)}: {how}", "\n".join(lines))


def _outlook(plan: Plan) -> Iterator[str]:
    """What each stage is given, and when all is done."""
    parts = [f"{p.stage} {duration(p.seconds)}" for p in plan.planned if p.seconds]
    if parts:
        yield f"Planned: {', '.join(parts)}."
    if plan.deadline:
        yield f"Done by {datetime.fromisoformat(plan.deadline).astimezone():%a %H:%M}."
    elif plan.budget_seconds:
        yield f"Done within {duration(plan.budget_seconds)}."


def _facts(run: Run) -> str:
    trials = run.trials()
    return f"{counted(len(trials), 'trial')}; all files in {run.path.resolve()}"


def _name(run: Run) -> str:
    return f"fmnist {run.path.resolve().name}"
