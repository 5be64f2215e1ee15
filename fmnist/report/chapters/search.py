"""The chapter of the search: its course, its winner, what mattered, what failed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fmnist.report.concepts import Concept
from fmnist.report.facts import Facts
from fmnist.report.figures import confirmation, contour, parallel_coordinates, search_history
from fmnist.report.figures.importance import importance_bars
from fmnist.report.findings.search import STARTUP_TRIALS
from fmnist.report.narrative import failures, results, training, winner
from fmnist.report.tables import search as tables
from fmnist.report.tables import workers
from search.records import Trial, best_of


def search(facts: Facts, concepts: Sequence[Concept]) -> dict[str, Any]:
    """The course of the search, its winner and what mattered."""
    tried = [t for t in facts.trials if not failures.out_of_time(t)]
    best = best_of(tried)
    return {
        "engine": training.engine(facts.run.request),
        "sampler": training.sampler(facts.run.request) + _startup(facts),
        "imported": facts.imported,
        "course": results.search_course(tried, best) if best else "",
        "effort": results.trial_effort(facts),
        "stopped": " ".join(
            [results.stopped_early(facts), *(winner.ahead(t, facts) for t in _ahead(facts))]
        ).strip(),
        "space": tables.space(facts) if facts.space else None,
        "states": tables.state_counts(facts),
        "enough": len(tried) >= results.FEW_TRIALS,
        "sharing": workers.sentence(facts),
        "workers": workers.workers(facts),
        "history": search_history.search_history(tried) if tried else None,
        **_landscape(facts, tried),
        "edge": " ".join(results.at_the_edge(facts.best, facts.space)) if facts.best else "",
        "best_trials": tables.best_trials(facts),
        **_winner(facts),
        **_importance(facts),
        **_failures(facts),
    }


def _startup(facts: Facts) -> str:
    """From which trial on TPE chooses: before it are the start and random draws."""
    if facts.run.request.sampler != "tpe" or facts.imported:
        return ""
    reached = len(facts.trials) > STARTUP_TRIALS
    later = "" if reached else ", which was not reached"
    return f", which chooses from the {STARTUP_TRIALS + 1}th trial on{later}"


def _ahead(facts: Facts) -> list[Trial]:
    """Trials that the clock cut off while they led, the furthest two."""
    return [] if facts.interim else winner.cut_off_ahead(facts)[:2]


def _landscape(facts: Facts, tried: Sequence[Trial]) -> dict[str, Any]:
    """What the values look like over the hyperparameters: one by one, two together, all."""
    space, chosen = facts.space, facts.winner
    complete = sum(t.state == "complete" for t in tried)
    if space is None or chosen is None or complete < results.FEW_TRIALS:
        return {"slices": (), "mapped": None, "parallel": None}
    return {
        "slices": search_history.slices(tried, space, chosen),
        "mapped": contour.mapped(tried, space, chosen),
        "parallel": parallel_coordinates.parallel(tried, space, chosen),
    }


def _winner(facts: Facts) -> dict[str, Any]:
    found = facts.confirmation
    return {
        "chosen": winner.chosen(facts),
        "noise": winner.noise(facts),
        "candidates": tables.candidates(facts),
        "confirmed": confirmation.confirmed_runs(found) if found and found.tried else None,
    }


def _importance(facts: Facts) -> dict[str, Any]:
    found = facts.importance
    figure = importance_bars(found) if found is not None and found.applicable else None
    return {"importance": found, "importance_figure": figure}


def _failures(facts: Facts) -> dict[str, Any]:
    return {
        "failures": tables.failures(facts),
        "notes": failures.sentences(facts),
        "traces": failures.traces(facts),
    }
