"""What ``fmnist import`` does, and what it says."""

from __future__ import annotations

import json
import shlex
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import click

from fmnist.importing.foreign import Study
from fmnist.importing.matching import Wishes, match, read_mapping
from fmnist.importing.sources import open_study
from fmnist.importing.values import Scale, accuracies
from fmnist.importing.writing import write_run
from fmnist.runs import Run, new_name
from fmnist.start import parse_settings
from fmnist.words import counted, percent, settings
from search.records import Trial, best_of


def import_study(
    source: str,
    results: Path,
    study: str | None,
    name: str | None,
    names: Sequence[str],
    mapping: Path | None,
    drop: Sequence[str],
    settings: Sequence[str],
    scale: Scale | None,
    metric: str | None,
    as_json: bool,
) -> int:
    """Read the study in ``source`` and make a run of it; the exit code.

    Raises:
        ForeignError: it cannot be read, or does not fit.
        RunError: there is a run of that name.
    """
    wishes = Wishes(read_mapping(mapping, names), frozenset(drop), parse_settings(settings))
    run = Run.named(results, name or new_name())
    found = open_study(source, study)
    valued = accuracies(found, metric, scale)
    matched = match(found, valued.trials, wishes)
    command = shlex.join(found.source if w == source else w for w in ["fmnist", *sys.argv[1:]])
    trials = write_run(run, found, valued, matched, wishes, command)
    if as_json:
        click.echo(json.dumps(_record(run, found, trials), allow_nan=False))
    else:
        notes = [*found.notes, *valued.notes, *matched.notes]
        click.echo("\n".join(_lines(run, found, trials, matched.names, valued.sentence, notes)))
    return 0


def _counts(trials: Sequence[Trial]) -> dict[str, int]:
    counts = Counter(t.state for t in trials)
    return {state: counts[state] for state in ("complete", "pruned", "failed") if counts[state]}


def _record(run: Run, found: Study, trials: Sequence[Trial]) -> dict[str, object]:
    best = best_of(trials)
    return {
        "run": str(run.path),
        "kind": found.kind,
        "study": found.name,
        "trials": _counts(trials),
        "best": {"trial": best.number, "value": best.value, "params": best.params}
        if best
        else None,
    }


def _lines(
    run: Run,
    found: Study,
    trials: Sequence[Trial],
    names: dict[str, str],
    value: str,
    notes: Sequence[str],
) -> list[str]:
    states = ", ".join(f"{n} {state}" for state, n in _counts(trials).items())
    rows = [
        ("read in", f"{counted(len(trials), 'trial')} ({states}) of the {found.kind} {found.name}"),
        ("into", str(run.path)),
        ("accuracy", value),
    ]
    other = [f"{theirs} as {ours}" for theirs, ours in names.items() if theirs != ours]
    rows += [("taken", ", ".join(other))] if other else []
    rows += [("note", note) for note in notes]
    best = best_of(trials)
    if best:
        rows += [("best", f"trial {best.number}, {percent(best.value)}")]
        rows += [("", settings(best.params))]
    rows += [("not done", "no trial was confirmed, and the test set was not read")]
    rows += [("report", f"fmnist report {run.path}")]
    if best:
        rows += [("search on", f"fmnist run --warm-start {run.path}")]
        rows += [("train it", f"fmnist train --config {run.path / 'best_config.toml'}")]
    return [f"{head:<11}{words}" for head, words in rows]
