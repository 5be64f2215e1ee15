"""What a comparison of runs says, in sentences that follow from its numbers."""

from __future__ import annotations

from fmnist.report import text
from fmnist.report.facts import Facts
from fmnist.runs.records.comparison import AHEAD, BEHIND, UNDECIDED, Comparison, Lead, System


def summary(facts: Facts) -> str:
    """Whom the run is ahead of, whom it is behind, and from whom it cannot be told apart."""
    return summary_of(facts.comparison) if facts.comparison else ""


def summary_of(found: Comparison) -> str:
    """The same for a comparison that was read or made."""
    clauses = [_clause(found, verdict, words) for verdict, words in _WORDS.items()]
    return f"On the same test images the run is {'; it is '.join(c for c in clauses if c)}."


_WORDS = {AHEAD: "ahead of", BEHIND: "behind", UNDECIDED: "not clearly better or worse than"}


def _clause(found: Comparison, verdict: str, words: str) -> str:
    rows = [(s, lead) for s, lead in found.others if lead.verdict == verdict]
    if not rows:
        return ""
    named = text.listing([f"{label(s, found)} ({_lead(lead)})" for s, lead in rows])
    closing = ": chance alone may explain that" if verdict == UNDECIDED else ""
    return f"{words} {named}{closing}"


def _lead(lead: Lead) -> str:
    return (
        f"{text.signed_points(lead.difference)} points, 95{text.THIN}% interval "
        f"{text.signed_points(lead.interval[0])} to {text.signed_points(lead.interval[1])}"
    )


def label(system: System, found: Comparison) -> str:
    """The recipe, where only one row is of it; else the name of the run."""
    alike = sum(s.recipe == system.recipe for s in found.systems)
    return system.recipe if system.recipe and alike == 1 else system.name


def published_figure(system: System) -> str:
    """The published accuracy of a recipe, its finding in words, or a dash."""
    if system.published:
        return "–".join(f"{100 * figure:g}" for figure in system.published) + f"{text.THIN}%"
    return system.finding or "–"


def reached(found: Comparison) -> list[str]:
    """One sentence a recipe: whether the run of it reached its published accuracy."""
    return [_reached(s) for s in found.systems if s.published]


def _reached(system: System) -> str:
    low, high = system.interval
    figure = f"{system.recipe} is published with {published_figure(system)}"
    here = f"{100 * system.accuracy:.2f}{text.THIN}%"
    if low > system.published[-1]:
        return f"{figure}; its run here lies above that, with {here}."
    if high < system.published[0]:
        return f"{figure}; its run here lies below that, with {here}."
    return f"{figure}; its run here agrees with that, with {here}."
