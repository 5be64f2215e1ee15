"""Numbers and outcomes in words, for the views."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from search.records import Epoch, Trial

if TYPE_CHECKING:
    from fmnist.pipeline.doctor import Check
    from fmnist.report.render import Rendered

_PASSWORD = re.compile(r"(://[^:/@\s]*):.+@")
_IN_QUERY = re.compile(r"(\b\w*(?:password|passwd|secret|token)\w*=)[^&\s]+", re.IGNORECASE)


def result_text(run: Path, metrics: dict[str, Any], rendered: Rendered) -> str:
    """The last words of a job: the accuracy, where the reports are, how to go on."""
    test = metrics["test"]
    low, high = test["interval"]
    lines = [
        f"test accuracy  {percent(test['accuracy'])}  (95 % interval {100 * low:.2f} to "
        f"{percent(high)}, n = {test['n']})",
        *gap_lines(metrics.get("search")),
        *ensemble_lines(metrics.get("ensemble")),
        f"HTML report    {rendered.html}",
        f"PDF report     {rendered.pdf or rendered.problem}",
        f"use it again   fmnist train --config {run / 'best_config.toml'}",
    ]
    return "\n".join(lines)


def gap_lines(search: dict[str, Any] | None) -> list[str]:
    """How the accuracy held from the search to the test; empty where nothing was compared."""
    if not search or search.get("validation_value") is None:
        return []
    steps = [
        ("search", search.get("best_value")),
        ("confirmed", search.get("confirmed_value")),
        ("final", search["validation_value"]),
        ("test", search.get("test_value")),
    ]
    known = [f"{name} {100 * value:.2f}" for name, value in steps if value is not None]
    lines = [f"on the way     {' → '.join(known)} %"]
    if search.get("optimism_gap") is not None:
        gap = points(search["optimism_gap"])
        lines.append(f"optimism gap   {gap} (search minus confirmed, validation)")
    return lines


def ensemble_lines(ensemble: dict[str, Any] | None) -> list[str]:
    """The average of several networks, apart from the one network; empty without an ensemble."""
    if not ensemble:
        return []
    low, high = ensemble["interval"]
    paired = ensemble["against_single"]
    members = len(ensemble["members"])
    return [
        f"ensemble       {percent(ensemble['accuracy'])}  (95 % interval {100 * low:.2f} to "
        f"{percent(high)}), the average of {members} networks",
        f"               {points(paired['difference'])} against the one network, "
        f"McNemar p = {paired['p']:.3f}",
    ]


def epoch_text(epoch: Epoch, *, validated: bool) -> str:
    """What an epoch reached: on the validation images, or where it learnt those, in training."""
    scores = (
        f"validation accuracy {percent(epoch.val_accuracy)}, loss {epoch.val_loss:.4f}"
        if validated
        else f"training accuracy {percent(epoch.accuracy)}, loss {epoch.loss:.4f}"
    )
    return f"{scores}, {epoch.seconds:.1f} s"


def winner_text(confirmation: dict[str, Any]) -> str:
    """Which trial won the confirmation, by how much, and whether that means anything."""
    number = confirmation["winner"]
    by_trial = {c["trial"]: c for c in confirmation["candidates"]}
    mean = by_trial[number]["mean"] if number in by_trial else None
    if confirmation["winner_by"] != "confirmation" or mean is None:
        reason = confirmation["reason"] or "no run on a fresh seed gave a value"
        return f"trial {number} wins by its search value, not confirmed: {reason}"
    text = f"trial {number} wins with {_with_interval(by_trial[number])}"
    if confirmation["optimism"] is not None:
        text += f"; optimism of the search {points(confirmation['optimism'])}"
    second = next((c["trial"] for c in by_trial.values() if c["rank"] == 2), None)
    if second is not None and not confirmation["distinguishable"]:
        text += f"; not distinguishable from trial {second}"
    return text


def _with_interval(candidate: dict[str, Any]) -> str:
    runs = sum(run["value"] is not None for run in candidate["runs"])
    seeds = counted(runs, "fresh seed")
    if candidate["interval"] is None:
        return f"{percent(candidate['mean'])} on {seeds}"
    low, high = candidate["interval"]
    return f"{100 * candidate['mean']:.2f} ± {50 * (high - low):.2f} % on {seeds}"


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


def points(fraction: float) -> str:
    """A difference of fractions in percentage points, with a true minus sign."""
    text = f"{100 * fraction:.2f}".replace("-", "−")
    return f"{'0.00' if text == '−0.00' else text} points"


def duration(seconds: float) -> str:
    """Seconds as ``45 s``, ``9 min 30 s`` or ``8 h 0 min``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def counted(number: int, noun: str) -> str:
    """A number and its noun, in the plural unless it is one."""
    return f"{number} {noun}" + ("" if number == 1 else "s")


def ago(seconds: float) -> str:
    """How long ago: ``45 s ago``."""
    return f"{duration(seconds)} ago"


def clock(seconds: float) -> str:
    """Seconds as ``H:MM:SS``."""
    whole = int(seconds)
    return f"{whole // 3600}:{whole % 3600 // 60:02d}:{whole % 60:02d}"


def size(amount: float) -> str:
    """Bytes as ``3.2 GB``, ``740 MB`` or ``12 kB``."""
    if amount >= 1e9:
        return f"{amount / 1e9:.1f} GB"
    return f"{amount / 1e6:.0f} MB" if amount >= 1e6 else f"{amount / 1e3:.0f} kB"


def cell(value: Any) -> str:
    """A value of a hyperparameter, short."""
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def check_text(check: Check) -> str:
    """A finding and, where something is to be done, what."""
    mark = {True: "ok  ", None: "warn", False: "FAIL"}[check.ok]
    remedy = f" -> {check.remedy}" if check.ok is not True and check.remedy else ""
    return f"{mark}  {check.name}: {check.found}{remedy}"


def hidden(text: str) -> str:
    """``text`` with the password of an address, and what else is secret in it, as stars."""
    return _IN_QUERY.sub(r"\1***", _PASSWORD.sub(r"\1:***@", text))
