"""Tables of the search."""

from __future__ import annotations

from collections.abc import Sequence

from fmnist.config.config import fields_help
from fmnist.report import text
from fmnist.report.facts import Facts
from fmnist.report.narrative.failures import KINDS, Trouble, kind, troubles
from fmnist.report.narrative.results import state_of, states
from fmnist.report.tables.base import Table
from search.analysis.results import Candidate
from search.records import Trial
from search.space import Categorical, Parameter

BEST_SHOWN = 10
# With more hyperparameters than fit beside each other trials are columns, and fewer.
_BESIDE, _BEST_BESIDE = 9, 6


def space(facts: Facts) -> Table:
    """The search space."""
    help_texts = fields_help()
    rows = tuple(
        (text.title_case(p.name), _range(p), p.help or help_texts.get(p.name, ""))
        for p in facts.space or ()
    )
    head = ("Hyperparameter", "Searched values", "Meaning")
    return Table("The search space" + _widened(facts), head, rows)


# So many steps of a range at most, and its values are listed.
_LISTED = 3


def chosen_values(facts: Facts) -> Table | None:
    """The searched values with the chosen one of each."""
    if not facts.space or facts.best is None:
        return None
    values = facts.best.values()
    rows = tuple(
        (text.title_case(p.name), _range(p), text.value(values.get(p.name, "–")))
        for p in facts.space
    )
    head = ("Hyperparameter", "Searched values", "Chosen")
    return Table("Searched hyperparameters" + _widened(facts), head, rows, dense=True)


def _widened(facts: Facts) -> str:
    """By how much the network is wider than the filters of the space say."""
    width = facts.best.values().get("width", 1.0) if facts.best else 1.0
    if width == 1 or "width" in facts.searched:
        return ""
    return f"; the networks have {text.value(width)} times as many filters (width)"


def _range(p: Parameter) -> str:
    if isinstance(p, Categorical):
        return ", ".join(text.value(c) for c in p.choices)
    words = f"{text.value(p.low)} to {text.value(p.high)}"
    if p.log:
        return words + " (log)"
    step = getattr(p, "step", 1)
    if step != 1 and p.high <= p.low + _LISTED * step:
        return ", ".join(text.value(v) for v in range(int(p.low), int(p.high) + 1, int(step)))
    return words + (f" in steps of {step}" if step != 1 else "")


def state_counts(facts: Facts) -> Table:
    """Number of trials and time by state."""
    rows = []
    for state, n in states(facts.trials).items():
        chosen = [t for t in facts.trials if state_of(t) == state]
        rows.append(_state_row(state, n, chosen, facts.imported))
    rows.append(_state_row("all", len(facts.trials), facts.trials, facts.imported))
    head = ("State", "Trials", "Epochs", "Time")
    caption = "Trials by state"
    return Table(caption, head, tuple(rows), numeric=(1, 2, 3), foot=1)


def _state_row(
    state: str, n: int, trials: Sequence[Trial], imported: bool = False
) -> tuple[str, ...]:
    """What another program did not keep is not known."""
    epochs = "not known" if imported else text.count(sum(len(t.epochs) for t in trials))
    known = [t.seconds for t in trials if t.seconds is not None]
    return state, text.count(n), epochs, text.duration(sum(known)) if known else "not known"


def best_trials(facts: Facts) -> Table | None:
    """The complete trials of the highest values."""
    complete = [t for t in facts.trials if t.state == "complete" and t.value is not None]
    names = [p.name for p in facts.space or ()]
    shown = BEST_SHOWN if len(names) <= _BESIDE else _BEST_BESIDE
    ranked = sorted(complete, key=lambda t: (-(t.value or 0), t.number))[:shown]
    if not ranked:
        return None
    n = facts.run.splits.validation
    rows = tuple(
        (
            str(t.number),
            text.percent(t.value or 0, n),
            *(text.value(t.params[name]) if name in t.params else "–" for name in names),
        )
        for t in ranked
    )
    head = ("Trial", "Validation accuracy", *(text.title_case(name) for name in names))
    caption = (
        f"The {len(rows)} complete trials of the highest search values"
        if len(rows) > 1
        else "The complete trial"
    )
    table = Table(caption, head, rows, numeric=tuple(range(1, len(head))), dense=True)
    return table if len(names) <= _BESIDE else table.turned()


def candidates(facts: Facts) -> Table | None:
    """The best trials of the search with their runs on fresh seeds, the winner first."""
    if facts.confirmation is None or not facts.confirmation.tried:
        return None
    n = facts.run.splits.validation
    rows = tuple(
        (
            str(c.rank),
            str(c.trial),
            text.percent(c.search_value, n),
            "–" if c.mean is None else text.percent(c.mean, n),
            "–" if c.interval is None else text.interval(c.interval, n),
            _runs(c, n),
        )
        for c in facts.confirmation.ranked
    )
    head = (
        "Rank", "Trial", "Search value", "Mean on fresh seeds", f"95{text.THIN}% interval",
        "Runs on fresh seeds",
    )  # fmt: skip
    caption = "The best trials of the search, trained again on fresh seeds"
    return Table(caption, head, rows, numeric=(1, 2, 3, 4))


def _runs(candidate: Candidate, n: int) -> str:
    values = [text.percent(v, n) for v in candidate.values]
    failed = [
        f"failed ({KINDS[r.failure]})" if r.failure in KINDS else r.failure
        for r in candidate.runs
        if r.failure
    ]
    return ", ".join([*values, *failed]) or "–"


def failures(facts: Facts) -> Table | None:
    """The trainings that failed, or survived a failure, and why."""
    found = troubles(facts)
    if not found:
        return None
    rows = tuple(
        (
            text.sentence(t.name)[:-1],
            t.trial.state,
            text.listing([kind(failure) for failure in t.failures]),
            _message(t),
            str(len(t.trial.retries) + 1),
            "–" if t.trial.peak_memory is None else text.memory(t.trial.peak_memory),
            "–" if t.trial.seconds is None else text.duration(t.trial.seconds),
        )
        for t in found
    )
    head = ("Training", "Ended", "Failure", "Message", "Attempts", "Memory", "Time")
    caption = "Failures, and how each training ended"
    return Table(caption, head, rows, numeric=(4, 5, 6), dense=True)


def _message(trouble: Trouble) -> str:
    """The last message; that of a trial whose parameters were tried again says so."""
    message = text.sentence(trouble.failures[-1].message)
    if trouble.trial.retry_of is not None:
        return f"{message} It tried the parameters of trial {trouble.trial.retry_of} once more."
    return message
