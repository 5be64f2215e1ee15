"""Tables of the chapter on data and method."""

from __future__ import annotations

from fmnist.report import text
from fmnist.report.facts import Facts
from fmnist.report.narrative import timing
from fmnist.report.tables.base import Table

DECISIONS_SHOWN = 40


def splits(facts: Facts) -> Table:
    """Images in each split and what it was for."""
    s = facts.run.splits
    chosen = (
        "prunes trials, chooses configuration and epoch" if facts.by_search else "chooses the epoch"
    )
    if facts.metrics is not None and facts.metrics.calibration is not None:
        chosen += ", fits the temperature"
    if facts.experiments is not None and facts.experiments.experiments:
        chosen += ", scores the experiments"
    if facts.refit_used:
        chosen += ", then fits the weights too"
    rows = (
        ("Training", text.count(s.train), "fits the weights"),
        ("Validation", text.count(s.validation), chosen),
        ("Test", text.count(s.test), "measures the chosen network"),
    )
    return Table("The splits of the data", ("Split", "Images", "Use"), rows, numeric=(1,))


def ledger(facts: Facts) -> Table | None:
    """Which split was read for what: equal reads of a stage in one row, with their number."""
    if facts.ledger is None:
        return None
    reads: dict[tuple[str, str, str, str], int] = {}
    first: dict[tuple[str, str, str, str], str] = {}
    for e in facts.ledger:
        key = (e.stage, e.split, text.count(e.n), e.purpose)
        reads[key] = reads.get(key, 0) + 1
        first.setdefault(key, f"{e.at:.10} {e.at[11:16]}")
    rows = tuple((*key[:3], text.count(times), first[key], key[3]) for key, times in reads.items())
    head = ("Stage", "Split", "Images", "Reads", "First (UTC)", "Purpose")
    return Table("Selection ledger: which split was read for what", head, rows, numeric=(2, 3))


def stages(facts: Facts) -> Table | None:
    """Time spent in each stage before this report was made, beside what was planned for it."""
    if facts.stages is None:
        return None
    spent = timing.spent(facts)
    given = {p.stage: p.seconds for p in facts.plan.planned} if facts.plan else {}
    names = dict.fromkeys([*spent, *given])
    rows = [_stage_row(name, given.get(name), spent.get(name), spent) for name in names]
    limited = [s for s in given.values() if s is not None]
    whole = sum(limited) if given and len(limited) == len(given) else None
    rows.append(_stage_row("total", whole, sum(spent.values()), spent))
    if not given:
        plain = tuple((name, taken, share) for name, _, taken, share in rows)
        head = ("Stage", "Time", "Share")
        return Table("Time spent in each stage", head, plain, numeric=(1, 2), foot=1)
    caption = "Time planned at the start and time taken in each stage"
    head_4 = ("Stage", "Planned", "Taken", "Share")
    return Table(caption, head_4, tuple(rows), numeric=(1, 2, 3), foot=1)


def _stage_row(
    name: str, planned: float | None, taken: float | None, spent: dict[str, float]
) -> tuple[str, str, str, str]:
    total = sum(spent.values())
    return (
        name,
        "–" if planned is None else text.duration(planned),
        "–" if taken is None else text.duration(taken),
        "–" if taken is None else text.percent(taken / total if total else 0, digits=0),
    )


def decisions(facts: Facts) -> Table | None:
    """What the planner decided on the way, the first ``DECISIONS_SHOWN``."""
    if facts.plan is None or not facts.plan.decisions:
        return None
    shown = facts.plan.decisions[:DECISIONS_SHOWN]
    rows = tuple((text.duration(d.after_seconds), d.stage, text.sentence(d.text)) for d in shown)
    caption = "What was decided on the way"
    if len(shown) < len(facts.plan.decisions):
        caption += f", the first {len(shown)} of {len(facts.plan.decisions)} (all in plan.json)"
    return Table(caption, ("After", "Stage", "Decision"), rows)
