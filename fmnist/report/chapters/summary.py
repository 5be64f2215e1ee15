"""The first chapter: the findings in a few sentences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fmnist.report import (
    comparing,
    final,
    findings,
    followed,
    published,
    recipe,
    text,
    timing,
    winner,
)
from fmnist.report.concepts import Concept
from fmnist.report.records import Facts
from fmnist.report.tables import results as tables
from fmnist.report.trouble import out_of_time
from search.records import best_of


def summary(facts: Facts, concepts: Sequence[Concept]) -> dict[str, Any]:
    """The findings in a few sentences."""
    metrics = facts.metrics
    data: dict[str, Any] = {
        "test": metrics.test if metrics else None,
        "by_search": facts.by_search,
        "followed": followed.summary(facts),
        "search": _search(facts) if facts.by_search else "",
        "winner": winner.chosen(facts),
        "optimism": winner.optimism(facts),
        "overfitting": findings.overfitting(facts.history) if facts.history else None,
        "refit": final.refit(facts),
        "mirrored": final.mirrored(facts),
        "ensemble": final.ensemble(facts),
        "network": recipe.network(facts.best) if facts.best else "",
        "comparison": findings.validation_against_test(facts) if metrics else "",
        "beside": " ".join(filter(None, [comparing.summary(facts), published.place(facts)])),
        "headline": tables.headline(facts),
        "progress": timing.progress(facts) if facts.interim else [],
    }
    if metrics is not None:
        errors = findings.confusions(metrics.test)
        data |= {"hardest": findings.hardest(metrics.test), "worst": errors[0] if errors else None}
    return data


def _search(facts: Facts) -> str:
    """How much was tried in what time, and what became of it."""
    counts = findings.states(facts.trials)
    tried = [t for t in facts.trials if not out_of_time(t)]
    if not tried:
        return "" if facts.interim else "No trial ended."  # the progress says so
    different = len({repr(sorted(t.params.items())) for t in tried})
    repeated = f" of {text.counted(different, 'configuration')}" if different < len(tried) else ""
    what = text.counted(len(tried), "trial" if repeated else "configuration") + repeated
    seconds = timing.spent(facts).get("search") or sum(t.seconds for t in tried)
    parts = [
        f"{what} of the network and its training {'was' if len(tried) == 1 else 'were'} tried in "
        f"{text.duration(seconds)}{_highest(facts)}.",
        findings.trial_effort(facts),
    ]
    if n := counts.get("pruned"):
        parts.append(f"{_trials(n)} stopped early, {recipe.pruning(facts.run.request, n)}.")
    if n := counts.get("failed"):
        parts.append(f"{text.counted(n, 'trial')} failed.")
    return " ".join(part for part in parts if part)


def _highest(facts: Facts) -> str:
    best = best_of(facts.trials)
    if best is None or best.value is None:
        return ""
    value = text.percent(best.value, facts.run.splits.validation)
    return f"; the highest validation accuracy among the trials was {value}, in trial {best.number}"


def _trials(n: int) -> str:
    return f"{text.counted(n, 'trial')} {'was' if n == 1 else 'were'}"
