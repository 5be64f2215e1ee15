"""What is printed of results: the accuracy at the end, a winner, an epoch, a trial, a check."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from fmnist.cli.display.tables import facts
from fmnist.text import counted, percent, points
from search.records import Epoch, Trial

if TYPE_CHECKING:
    from fmnist.pipeline.doctor import Check
    from fmnist.report.render import Rendered

MARKS = {True: "ok  ", None: "warn", False: "FAIL"}


def result_text(run: Path, metrics: dict[str, Any], rendered: Rendered) -> str:
    """The last words of a job: the accuracy, where the reports are, how to go on."""
    test = metrics["test"]
    return facts(
        [
            ("test accuracy", f"{_score(test)}, n = {test['n']})"),
            *_gap_rows(metrics.get("search")),
            *_ensemble_rows(metrics.get("ensemble")),
            ("HTML report", str(rendered.html)),
            ("PDF report", str(rendered.pdf or rendered.problem)),
            ("use it again", f"fmnist train --config {run / 'best_config.toml'}"),
        ]
    )


def _score(score: dict[str, Any]) -> str:
    low, high = score["interval"]
    return f"{percent(score['accuracy'])}  (95 % interval {100 * low:.2f} to {percent(high)}"


def _gap_rows(search: dict[str, Any] | None) -> list[tuple[str, str]]:
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
    rows = [("on the way", f"{' → '.join(known)} %")]
    if search.get("optimism_gap") is not None:
        gap = points(search["optimism_gap"])
        rows.append(("optimism gap", f"{gap} (search minus confirmed, validation)"))
    return rows


def _ensemble_rows(ensemble: dict[str, Any] | None) -> list[tuple[str, str]]:
    """The average of several networks, apart from the one network; empty without an ensemble."""
    if not ensemble:
        return []
    paired, members = ensemble["against_single"], len(ensemble["members"])
    gain = points(paired["difference"])
    return [
        ("ensemble", f"{_score(ensemble)}), the average of {members} networks"),
        ("", f"{gain} against the one network, McNemar p = {paired['p']:.3f}"),
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


def check_text(check: Check) -> str:
    """A finding and, where something is to be done, what."""
    remedy = f" -> {check.remedy}" if check.ok is not True and check.remedy else ""
    return f"{MARKS[check.ok]}  {check.name}: {check.found}{remedy}"
