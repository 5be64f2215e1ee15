"""The plan of a run and what became of it, in sentences."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from fmnist.report import text
from fmnist.report.facts import Facts
from fmnist.report.narrative.results import states
from fmnist.runs.records.plan import Plan, Stage

# The stage that makes this report ends after it, so its time cannot stand in it.
LAST_STAGE = "report"
NOT_YET = {
    "best": "the best configuration",
    "history": "the final training",
    "metrics": "the results on the test set",
    "explanation": "the look inside the network",
}


def asked(facts: Facts) -> str:
    """What time was given, and how the run was planned into it."""
    plan = facts.plan
    return " ".join(s for s in (_given(facts), _sizes(facts, plan) if plan else "") if s)


def _given(facts: Facts) -> str:
    plan, request = facts.plan, facts.run.request
    budget = (plan.budget_seconds if plan else None) or (
        facts.stages.budget_seconds if facts.stages else None
    )
    if plan is not None and plan.deadline is not None:
        return f"The run was to end by {text.zoned(plan.deadline)}."
    if budget is not None:
        return f"The run was given {text.duration(budget)}."
    if facts.by_search and request.trials is not None:
        return (
            f"The run had no time limit: {text.counted(request.trials, 'trial')} "
            f"{'was' if request.trials == 1 else 'were'} asked for."
        )
    return ""


def _sizes(facts: Facts, plan: Plan) -> str:
    final = f"the final network {text.counted(plan.sizes.final_epochs, 'epoch')}"
    if not facts.by_search:
        return ""
    threads = f", with {text.counted(plan.threads, 'thread')} each" if plan.threads else ""
    once = f"{plan.jobs} trials at a time" if plan.jobs > 1 else "one trial at a time"
    return (
        f"The plan gave a trial up to {text.count(plan.sizes.trial_images)} images and "
        f"{text.counted(plan.sizes.trial_epochs, 'epoch')}, and {final}. It ran {once}{threads}."
    )


def spent(facts: Facts) -> dict[str, float]:
    """Seconds by stage in the order in which they began, all sessions of the run together."""
    seconds: dict[str, float] = {}
    for stage in _before_the_report(facts):
        seconds[stage.name] = seconds.get(stage.name, 0.0) + stage.seconds
    return seconds


def _before_the_report(facts: Facts) -> Iterable[Stage]:
    return [s for s in (facts.stages.stages if facts.stages else ()) if s.name != LAST_STAGE]


def verdict(facts: Facts) -> str:
    """Whether the deadline was met and by how much; empty without one, or before the end."""
    plan = facts.plan
    if facts.interim or facts.stages is None:
        return ""
    if plan is not None and plan.deadline is not None:
        return _against_deadline(facts, plan.deadline)
    budget = facts.stages.budget_seconds or (plan.budget_seconds if plan else None)
    if budget is None:
        return ""
    used = sum(spent(facts).values())
    words = f"All stages before this report took {text.duration(used)}"
    if used <= budget:
        return f"{words}, {text.duration(budget - used)} less than given: the limit was kept."
    return f"{words}, {text.duration(used - budget)} more than given: the limit was missed."


def _against_deadline(facts: Facts, deadline: str) -> str:
    ends = [e for s in _before_the_report(facts) if (e := _end(s)) is not None]
    due = _moment(deadline)
    if not ends or due is None:
        return ""
    last = max(ends).astimezone(due.tzinfo)
    away = (due - last).total_seconds()
    if away >= 0:
        return (
            f"The last stage before this report ended at {last:%H:%M:%S}, {text.duration(away)} "
            "before the deadline: it was met."
        )
    return (
        f"The last stage before this report ended at {text.zoned(last.isoformat())}, "
        f"{text.duration(-away)} after the deadline: it was missed."
    )


def _end(stage: Stage) -> datetime | None:
    began = _moment(stage.started)
    return began + timedelta(seconds=stage.seconds) if began else None


def _moment(iso: str) -> datetime | None:
    try:
        when = datetime.fromisoformat(iso)
    except ValueError:
        return None
    return when if when.tzinfo else None


def progress(facts: Facts) -> list[str]:
    """Where a run stands that has not ended: its stage, its trials, what is under way."""
    lines = []
    if facts.stages is not None and facts.stages.stages:
        name = facts.stages.stages[-1].name
        used = sum(s.seconds for s in facts.stages.stages)
        lines.append(f"After {text.duration(used)} of work it stood in the stage “{name}”.")
    return [*lines, *([_trials(facts)] if facts.by_search else []), *_flights(facts)]


def missing(facts: Facts) -> str:
    """What a run that has not ended lacks; nothing is to come in one that was read in."""
    if facts.imported:
        return ""
    absent = [words for name, words in NOT_YET.items() if getattr(facts, name) is None]
    return f"Not there yet: {text.listing(absent)}." if absent else ""


def _trials(facts: Facts) -> str:
    counts = [f"{text.count(n)} {state}" for state, n in states(facts.trials).items()]
    if not counts:
        return "No trial has ended yet."
    ended = text.counted(len(facts.trials), "trial")
    has = "has" if len(facts.trials) == 1 else "have"
    sentence = f"{ended} {has} ended ({text.listing(counts)})"
    runs = len(facts.confirming)
    return sentence + (f", and {text.counted(runs, 'run')} on fresh seeds." if runs else ".")


def _flights(facts: Facts) -> list[str]:
    n = facts.run.splits.validation
    under_way = [
        f"{flight.name}, epoch {flight.last.epoch} done, "
        f"{text.percent(flight.last.val_accuracy, n)} on the validation images"
        for flight in facts.in_flight
    ]
    return [f"Under way: {'; '.join(under_way)}."] if under_way else []
