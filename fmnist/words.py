"""Numbers and outcomes in words, for the views."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from search.records import Trial

if TYPE_CHECKING:
    from fmnist.report.render import Rendered


def result_text(run: Path, test: dict[str, Any], rendered: Rendered) -> str:
    """The last words of a job: where the reports are, the accuracy, how to go on."""
    low, high = test["interval"]
    lines = [
        f"test accuracy  {percent(test['accuracy'])}  (95 % interval {100 * low:.2f} to "
        f"{percent(high)}, n = {test['n']})",
        f"HTML report    {rendered.html}",
        f"PDF report     {rendered.pdf or rendered.problem}",
        f"use it again   fmnist train --config {run / 'best_config.toml'}",
    ]
    return "\n".join(lines)


def outcome(trial: Trial) -> str:
    """State and value of a trial in a few words."""
    if trial.failure:
        return f"failed ({trial.failure.kind})"
    mark = "" if trial.state == "complete" else " pruned"
    return f"{percent(trial.value)}{mark}"


def settings(params: dict[str, Any]) -> str:
    """Parameters as ``name value, name value``."""
    return ", ".join(f"{name} {cell(value)}" for name, value in params.items())


def percent(fraction: float | None) -> str:
    """A fraction as a percentage with two decimals."""
    return "–" if fraction is None else f"{100 * fraction:.2f} %"


def duration(seconds: float) -> str:
    """Seconds as ``45 s``, ``9 min 30 s`` or ``8 h 0 min``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def clock(seconds: float) -> str:
    """Seconds as ``H:MM:SS``."""
    whole = int(seconds)
    return f"{whole // 3600}:{whole % 3600 // 60:02d}:{whole % 60:02d}"


def cell(value: Any) -> str:
    """A value of a hyperparameter, short."""
    return f"{value:.3g}" if isinstance(value, float) else str(value)
