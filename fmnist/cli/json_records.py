"""What commands print with ``--json``, where it is no record of a run; see ``json_schema``."""

from __future__ import annotations

import json
from contextlib import AbstractContextManager, nullcontext, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from typing import TYPE_CHECKING, Any

import click

from fmnist.runs.records.plan import Check, Plan
from fmnist.runs.status import Best

if TYPE_CHECKING:
    from fmnist.report.render import Rendered


@dataclass(frozen=True)
class AnswerRecord:
    """``predict``, a picture a line: what was done to it, and each class's probability."""

    image: str
    steps: tuple[str, ...]
    probabilities: dict[str, float]


@dataclass(frozen=True)
class ImportRecord:
    """``import``: the run that was made, and its finished trials by state."""

    run: str
    kind: str
    study: str
    trials: dict[str, int]
    best: Best | None


@dataclass(frozen=True)
class OptionRecord:
    """An option as it holds now; ``source`` is ``default``, a variable, or a file and its key."""

    command: str
    option: str
    value: str
    source: str
    variable: str


@dataclass(frozen=True)
class ConfigRecord:
    """``config``: the files that were read, and every option."""

    files: tuple[str, ...]
    options: tuple[OptionRecord, ...]


@dataclass(frozen=True)
class ReportRecord:
    """``report``, and the last event of ``experiment``.

    Attributes:
        problem: why there is no PDF; None where there is one.
        pages, words: of the hand-in; None where there is none.
        moved: what was moved to the appendix.
        excess: which limit the hand-in breaks; empty where it keeps both.
    """

    html: str
    pdf: str | None
    appendix: str | None
    problem: str | None
    pages: int | None = None
    words: int | None = None
    moved: tuple[str, ...] = ()
    excess: str = ""


@dataclass(frozen=True)
class CheckRecord:
    """``check``: lines for people on what was repaired, and on what is damaged still."""

    run: str
    repaired: tuple[str, ...]
    problems: tuple[str, ...]


@dataclass(frozen=True)
class RemovalRecord:
    """What goes from one run, or the ``whole`` of it; ``kept``: what no run wrote, which stays."""

    run: str
    paths: tuple[str, ...]
    why: str
    bytes: int
    whole: bool
    kept: tuple[str, ...]


@dataclass(frozen=True)
class CleanRecord:
    """``clean``: what was found, and the bytes that were freed; None where nothing was removed."""

    removals: tuple[RemovalRecord, ...]
    freed: int | None


@dataclass(frozen=True)
class DoctorRecord:
    """``doctor``: the checks, and the commands that ``--fix`` would run for what is missing."""

    checks: tuple[Check, ...]
    repairs: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class DashboardRecord:
    """``dashboard``: the address that it listens on, and the run that it shows."""

    url: str
    run: str


@dataclass(frozen=True, kw_only=True)
class PlanRecord(Plan):
    """``plan``: what ``plan.json`` would hold, and what it rests on.

    Attributes:
        speed: training images of the reference network a second.
        network: fields of the configuration that the search begins with.
        earlier_runs: names of the finished runs that the search would learn from.
    """

    speed: float
    expected_trials: int
    network: dict[str, Any]
    earlier_runs: tuple[str, ...]


@dataclass(frozen=True)
class ServiceRecord:
    """``notify``, a service a line; ``delivered`` is None without ``--test``."""

    service: str
    delivered: bool | None


def only_json(wanted: bool) -> AbstractContextManager[object]:
    """Keep what is printed for people from standard output meanwhile, where JSON is wanted."""
    return redirect_stdout(StringIO()) if wanted else nullcontext()


def print_record(record: Any, event: str = "") -> None:
    """Print a record as one line, with the number of the schema; among events under its name."""
    from fmnist.runs.codec import document

    name = {"event": event} if event else {}
    click.echo(json.dumps({**name, **document(record)}, allow_nan=False))


def report_record(rendered: Rendered) -> ReportRecord:
    """Where the files of a report are, and how long its hand-in is."""
    handin = rendered.handin
    return ReportRecord(
        html=str(rendered.html),
        pdf=str(rendered.pdf) if rendered.pdf else None,
        appendix=str(rendered.appendix) if rendered.appendix else None,
        problem=rendered.problem,
        **{n: getattr(handin, n) for n in ("pages", "words", "moved", "excess") if handin},
    )
