"""The chapter of the search: its course, its winner, what mattered, what failed."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any

from fmnist.config.config import Config, ConfigError, from_dict
from fmnist.models.caps import network_key
from fmnist.models.size import file_bytes, size_of
from fmnist.report.concepts import Concept
from fmnist.report.facts import Facts
from fmnist.report.figures import confirmation, contour, parallel_coordinates, search_history
from fmnist.report.figures.importance import importance_bars
from fmnist.report.narrative import failures, results, training, winner
from fmnist.report.tables import search as tables
from fmnist.report.tables import workers
from search.records import Trial, best_of


def search(facts: Facts, concepts: Sequence[Concept]) -> dict[str, Any]:
    """The course of the search, its winner and what mattered."""
    tried = [t for t in facts.trials if not failures.not_tried(t)]
    best = best_of(tried)
    return {
        "engine": training.engine(facts.run.request),
        "sampler": sampling(facts),
        "imported": facts.imported,
        "course": results.search_course(tried, best) if best else "",
        "effort": results.trial_effort(facts),
        "earlier": results.earlier_runs(facts),
        "stopped": " ".join(
            [results.stopped_early(facts), *(winner.ahead(t, facts) for t in _ahead(facts))]
        ).strip(),
        "space": tables.space(facts) if facts.space else None,
        "states": tables.state_counts(facts),
        "enough": len(tried) >= results.FEW_TRIALS,
        "sharing": workers.sentence(facts),
        "workers": workers.workers(facts),
        "history": search_history.search_history(tried) if tried else None,
        "limits": training.limits(facts.run.request),
        "front": search_history.cost_front(tried, _costs(facts)),
        **_landscape(facts, tried),
        "edge": " ".join(results.at_the_edge(facts)),
        "best_trials": tables.best_trials(facts),
        **_winner(facts),
        **_importance(facts),
        **_failures(facts),
    }


def sampling(facts: Facts) -> str:
    """The sampler, and after how many trials TPE chooses: they are the start and random draws."""
    sampler = training.sampler(facts.run.request)
    if facts.run.request.sampler != "tpe" or facts.imported or facts.prior:
        return sampler
    first = facts.run.startup_trials
    later = "" if len(facts.trials) > first else ", which was not reached"
    return f"{sampler}, which draws at random at first and chooses after {first} trials{later}"


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


def _costs(facts: Facts) -> list[search_history.Cost]:
    """What the networks of the trials cost, as far as it is known."""
    asked, networks, classes = facts.run.request, _networks(facts), len(facts.class_names)
    parameters = {n: size_of(c, classes).parameters for n, c in networks.items()}
    times = {n: t for n, c in networks.items() if (t := facts.latencies.get(network_key(c)))}
    found = [search_history.Cost("Parameters", parameters, asked.max_parameters)]
    if asked.max_size is not None:
        sizes = {n: file_bytes(c, classes) / 1e3 for n, c in networks.items()}
        found.append(search_history.Cost("Size in kB", sizes, asked.max_size / 1e3))
    most = None if asked.max_latency is None else 1e3 * asked.max_latency
    milliseconds = {n: 1e3 * seconds for n, seconds in times.items()}
    return [*found, search_history.Cost("Time for an image in ms", milliseconds, most)]


def _networks(facts: Facts) -> dict[int, Config]:
    """The configurations of the trials, but those of other programs that cannot be built here."""
    found, base = {}, facts.best.values() if facts.best else {}
    for trial in facts.trials:
        with contextlib.suppress(ConfigError):
            found[trial.number] = from_dict({**base, **trial.params})
    return found


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
