"""``fmnist import``: read in a search of another program."""

from __future__ import annotations

import shlex
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fmnist.cli import options
from fmnist.cli.group import command
from fmnist.cli.json_records import ImportRecord, print_record
from fmnist.runs.status import Best
from fmnist.text import counted, percent
from fmnist.text import settings as describe_settings
from search.records import Trial, best_of

if TYPE_CHECKING:
    from fmnist.importers.external import ExternalStudy
    from fmnist.importers.objective_values import Scale
    from fmnist.runs.folder import Run


@command("import")
@click.argument("source")
@options.RESULTS
@click.option("--study", metavar="NAME", help="Which study, where SOURCE holds several.")
@options.NAME
@click.option(
    "--map",
    "names",
    metavar="NAME=FIELD",
    multiple=True,
    help="Parameter that has another name than our field, such as lr=learning_rate.",
)
@click.option(
    "--mapping",
    metavar="FILE",
    type=options.EXISTING_FILE,
    help='The same from a TOML file of lines such as lr = "learning_rate".',
)
@click.option("--drop", metavar="NAME", multiple=True, help="Parameter to leave out.")
@click.option(
    "--set",
    "settings",
    metavar="FIELD=VALUE",
    multiple=True,
    help="Value that a field had in the study without being searched, such as flip=false.",
)
@click.option(
    "--value",
    "scale",
    type=click.Choice(["accuracy", "percent", "error"]),
    help="What the values of the study are: accuracy (0 to 1), percent, or error (1 - accuracy).",
)
@click.option(
    "--metric",
    metavar="NAME",
    help="Another number of each trial to take: a metric of keras-tuner, a user attribute of "
    "Optuna.",
)
@options.JSON
def import_command(
    source: str,
    *,
    results: Path,
    study: str | None,
    name: str | None,
    names: tuple[str, ...],
    mapping: Path | None,
    drop: tuple[str, ...],
    settings: tuple[str, ...],
    scale: Scale | None,
    metric: str | None,
    as_json: bool,
) -> int:
    """Read in a search of another program, as a run that can be reported on.

    SOURCE is a keras-tuner project folder; an Optuna study in an SQLite or a journal file; or an
    address postgresql+psycopg://USER@HOST/DATABASE, without the password: that comes from
    PGPASSWORD or PGPASSFILE, or the whole address from a file of yours as SOURCE. All are only
    read, also while the search goes on.

    Parameters are taken for our fields of the same name. Nothing is trained, and the test set is
    not read: fmnist run --warm-start RUN searches on from the best trials and tests the winner,
    fmnist train --config RUN trains and tests the best of them as it is.

    \b
    Example: fmnist import tuner/my_project --map lr=learning_rate --drop units2
             fmnist import study.db --study cnn --value percent
    """
    from fmnist.cli.display.tables import facts
    from fmnist.config.overrides import parse_settings
    from fmnist.importers.detect import open_study
    from fmnist.importers.objective_values import accuracies
    from fmnist.importers.parameter_mapping import Wishes, match, read_mapping
    from fmnist.importers.run_writer import write_run
    from fmnist.runs.folder import Run, new_name

    wishes = Wishes(read_mapping(mapping, names), frozenset(drop), parse_settings(settings))
    run = Run.named(results, name or new_name())
    found = open_study(source, study)
    valued = accuracies(found, metric, scale)
    matched = match(found, valued.trials, wishes)
    typed = shlex.join(found.source if w == source else w for w in ["fmnist", *sys.argv[1:]])
    trials = write_run(run, found, valued, matched, wishes, typed)
    if as_json:
        print_record(_record(run, found, trials))
    else:
        notes = [*found.notes, *valued.notes, *matched.notes]
        click.echo(facts(_rows(run, found, trials, matched.names, valued.sentence, notes)))
    return 0


def _counts(trials: Sequence[Trial]) -> dict[str, int]:
    counts = Counter(t.state for t in trials)
    return {state: counts[state] for state in ("complete", "pruned", "failed") if counts[state]}


def _record(run: Run, found: ExternalStudy, trials: Sequence[Trial]) -> ImportRecord:
    best = best_of(trials)
    known = Best(best.number, best.value or 0.0, best.params) if best else None
    return ImportRecord(str(run.path), found.kind, found.name, _counts(trials), known)


def _rows(
    run: Run,
    found: ExternalStudy,
    trials: Sequence[Trial],
    names: dict[str, str],
    value: str,
    notes: Sequence[str],
) -> list[tuple[str, str]]:
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
        rows += [("", describe_settings(best.params))]
    rows += [("not done", "no trial was confirmed, and the test set was not read")]
    rows += [("report", f"fmnist report {run.path}")]
    if best:
        rows += [("search on", f"fmnist run --warm-start {run.path}")]
        rows += [("train it", f"fmnist train --config {run.path / 'best_config.toml'}")]
    return rows
