"""``live.html``: what a run is doing, as a page that needs no server; rewritten as it goes on."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from typing_extensions import override

from fmnist.analysis.intervals import wilson_interval
from fmnist.integrations.tracker import Tracker
from fmnist.runs.artifacts import CONFIRMATION, LIVE, METRICS, PLAN, RETRAIN_EPOCHS, RUN, STAGES
from fmnist.runs.folder import Run
from fmnist.runs.next_steps import State, next_steps
from fmnist.runs.run_messages import PDF
from fmnist.runs.status import Status, read_status
from fmnist.text import clock, counted, duration, percent, settings
from search.atomic import write_bytes
from search.records import Trial

_WIDTH, _HEIGHT, _EDGE = 600, 160, 8
_SHARE = 20.0
"""The page takes at most a twentieth of the time between two of them."""


class LivePage(Tracker):
    """Writes the page after each event, more rarely where a run has become large."""

    name = "live page"

    def __init__(self) -> None:
        self._again, self._stage = 0.0, ""

    @override
    def progress(self, run: Run) -> None:
        stages = run.get(STAGES)
        stage = stages.stages[-1].name if stages and stages.stages else ""
        if run.has(RUN) and (stage != self._stage or time.monotonic() >= self._again):
            self._stage = stage
            self._write(run)

    @override
    def finished(self, run: Run) -> None:
        self._write(run, over="finished")

    @override
    def stopped(self, run: Run, reason: str) -> None:
        if run.has(RUN):
            self._write(run, over="stopped")

    def _write(self, run: Run, over: State | None = None) -> None:
        since = time.monotonic()
        status = read_status(run)
        if over:  # this process still holds the folder
            steps = next_steps(run, over, None, run.read(RUN).command)
            status = replace(status, state=over, next=steps)
        page = live_page(run, status)
        write_bytes(run / LIVE, page.encode("utf-8"), noted=False)  # written too often
        self._again = time.monotonic() + _SHARE * (time.monotonic() - since)


def live_page(run: Run, status: Status) -> str:
    """The page, as HTML."""
    trials = run.trials()
    metrics = run.get(METRICS)
    return _template().render(
        status=status,
        now=f"{datetime.now():%Y-%m-%d %H:%M:%S}",
        doing=_doing(status),
        share=_share(status),
        times=_times(status),
        best=_best(run, status),
        curves=_curves(run, trials),
        stages=_stages(run),
        trials=", ".join(f"{number} {kind}" for kind, number in status.trials.items()),
        interval=_span(*metrics.test.interval) if metrics else "",
        pdf=run.has(PDF),
    )


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("report_templates", package_path=""), autoescape=True,
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters["percent"] = percent
    return environment.get_template("live.html.j2")


def _doing(status: Status) -> str:
    if status.state != "running":
        return f"{status.state}, in the stage {status.stage}"
    running = [f"{t.kind} {t.number} after epoch {t.epochs}" for t in status.in_flight]
    return ": ".join(filter(None, (status.stage, ", ".join(running))))


def _share(status: Status) -> float | None:
    if status.time_left is None:
        return None
    return round(status.elapsed / max(1.0, status.elapsed + status.time_left), 3)


def _times(status: Status) -> str:
    parts = [f"{duration(status.elapsed)} so far"]
    if status.time_left is not None:
        parts.append(f"{clock(status.time_left)} left")
    if status.deadline:
        parts.append(f"done by {datetime.fromisoformat(status.deadline).astimezone():%a %H:%M}")
    return ", ".join(parts)


def _best(run: Run, status: Status) -> dict[str, str] | None:
    """The confirmed winner, else the best trial; each with its interval."""
    confirmation = run.get(CONFIRMATION)
    winner = confirmation.confirmed if confirmation else None
    if winner and winner.mean is not None and winner.interval:
        note = f"trial {winner.trial}, mean of {counted(len(winner.values), 'fresh seed')}"
        span, value, params = _span(*winner.interval), winner.mean, winner.params
    elif status.best:
        images = run.read(RUN).splits.validation
        value, params = status.best.value, status.best.params
        span = _span(*wilson_interval(round(value * images), images))
        note = f"trial {status.best.trial}, by its {images} validation images alone"
    else:
        return None
    return {
        "value": percent(value),
        "note": f"95 % interval {span}; {note}",
        "settings": settings(params),
    }


def _span(low: float, high: float) -> str:
    return f"{100 * low:.2f} to {percent(high)}"


@dataclass(frozen=True)
class _Curve:
    """A line over points, in the coordinates of the drawing."""

    title: str
    low: str
    high: str
    points: tuple[tuple[float, float], ...]
    path: str


def _curves(run: Run, trials: Sequence[Trial]) -> list[_Curve]:
    values = [t.value for t in trials if t.state == "complete" and t.value is not None]
    best = [max(values[: i + 1]) for i in range(len(values))]
    final = [e.val_accuracy for e in next(iter(run.epochs(RETRAIN_EPOCHS).values()), [])]
    found = [
        _curve("Trials: validation accuracy, and the best so far", values, best),
        _curve("Final training: validation accuracy by epoch", final, final),
    ]
    return [curve for curve in found if curve]


def _curve(title: str, points: Sequence[float], line: Sequence[float]) -> _Curve | None:
    if len(points) < 2:
        return None
    low, high = min(points), max(points)

    def place(number: int, value: float) -> tuple[float, float]:
        x = _EDGE + (_WIDTH - 2 * _EDGE) * number / (len(points) - 1)
        share = (value - low) / (high - low) if high > low else 0.5
        return round(x, 1), round(_HEIGHT - _EDGE - (_HEIGHT - 2 * _EDGE) * share, 1)

    path = " L ".join(f"{x} {y}" for x, y in (place(i, v) for i, v in enumerate(line)))
    dots = tuple(place(i, v) for i, v in enumerate(points))
    return _Curve(title, percent(low), percent(high), dots, f"M {path}")


def _stages(run: Run) -> list[dict[str, str]]:
    """Every stage with what was planned for it and what it took."""
    plan, spent = run.get(PLAN), run.get(STAGES)
    planned = {p.stage: p.seconds for p in plan.planned} if plan else {}
    taken: dict[str, float] = {}
    for stage in spent.stages if spent else ():
        taken[stage.name] = taken.get(stage.name, 0.0) + stage.seconds
    return [
        {
            "name": name,
            "planned": duration(seconds) if (seconds := planned.get(name)) else "–",
            "taken": duration(taken[name]) if name in taken else "to come",
        }
        for name in [*taken, *(name for name in planned if name not in taken)]
    ]
