"""What is printed of results: the accuracy at the end, a winner, an epoch, a trial, a check."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from rich.table import Table

from fmnist.cli.display.tables import facts, render
from fmnist.runs.artifacts import BEST_CONFIG, CONFIRMATION
from fmnist.runs.folder import Run
from fmnist.runs.records.final_model import Ensemble
from fmnist.runs.records.metrics import Metrics, SearchResult
from fmnist.runs.records.plan import Check
from fmnist.runs.records.score import Score
from fmnist.text import counted, duration, percent, points
from search.analysis.results import Candidate, Confirmation
from search.records import Epoch, Trial

if TYPE_CHECKING:
    from fmnist.pipeline.single_trial import TrialScore
    from fmnist.report.handin.rubric import Checked
    from fmnist.report.render import Rendered

MARKS = {True: "ok  ", None: "warn", False: "FAIL"}


def result_text(run: Path, metrics: Metrics, rendered: Rendered) -> str:
    """The last words of a job: the accuracy, where the reports are, how to go on."""
    test = metrics.test
    return facts(
        [
            ("test accuracy", f"{_score(test)}, n = {test.n})"),
            *_gap_rows(metrics.search),
            *_gain_rows(run),
            *_ensemble_rows(metrics.ensemble),
            ("HTML report", str(rendered.html)),
            *pdf_rows(rendered),
            ("use it again", f"fmnist train --config {run / BEST_CONFIG.name}"),
        ]
    )


def trial_text(found: TrialScore) -> str:
    """What a single trial found: mean, noise, how it was trained."""
    low, high = found.interval or (None, None)
    span = (
        "" if low is None or high is None else f" (95 % interval {percent(low)} to {percent(high)})"
    )
    noise = "unknown with one seed" if found.sd is None else points(found.sd)
    return facts(
        [
            ("validation accuracy", f"{percent(found.accuracy)}{span}"),
            ("seeds", ", ".join(f"{s.seed}: {percent(s.accuracy)}" for s in found.seeds)),
            ("noise between seeds", noise),
            ("training", f"{counted(found.epochs, 'epoch')}, {found.training_images:,} images"),
            ("network", f"{found.parameters:,} weights"),
            ("test set", found.test_set),
        ]
    )


def linked(text: str, rendered: Rendered) -> str:
    """The text, in a terminal with the paths of the report as links that can be clicked."""
    if not sys.stdout.isatty() or os.environ.get("TERM") == "dumb":
        return text
    for path in filter(None, (rendered.html, rendered.pdf, rendered.appendix)):
        link = f"\x1b]8;;{path.resolve().as_uri()}\x1b\\{path}\x1b]8;;\x1b\\"
        text = text.replace(str(path), link)
    return text


def pdf_rows(rendered: Rendered, what: str = "report") -> list[tuple[str, str]]:
    """Where the PDFs are, how long they are, and what the hand-in had no room for."""
    handin = rendered.handin
    if handin is None or handin.pages is None:
        return [(f"PDF {what}", str(rendered.pdf or rendered.problem))]
    size = f"{counted(handin.pages, 'page')}, {handin.words:,} words"
    rows = [
        (f"PDF {what}", f"{rendered.pdf} ({size})"),
        ("PDF appendix", f"{rendered.appendix} ({counted(rendered.appendix_pages, 'page')})"),
    ]
    if rendered.rubric:
        rows.append(("rubric", f"{rendered.rubric.summary}; see rubric.md"))
    if handin.moved:
        rows.append(("moved there", ", ".join(handin.moved)))
    if handin.excess:
        rows.append(
            (
                "too long",
                f"{handin.excess}, and nothing is left to be moved out; "
                "shorten your own words, or allow more",
            )
        )
    return rows


def rubric_text(rubric: Checked) -> str:
    """Each line of a rubric: its state, points, page, and what is to be done."""
    rows = Table.grid(padding=(0, 2))
    for answer in rubric.found:
        name, points = answer.line.name, f"{answer.line.points:g}"
        rows.add_row(answer.state, points, answer.pages or "–", name, answer.advice)
    return render(f"\n{rubric.title}", rows)


def _score(score: Score) -> str:
    low, high = score.interval
    return f"{percent(score.accuracy)}  (95 % interval {100 * low:.2f} to {percent(high)}"


def _gap_rows(search: SearchResult | None) -> list[tuple[str, str]]:
    """How the accuracy held from the search to the test; empty where nothing was compared."""
    if not search or search.validation_value is None:
        return []
    steps = [
        ("search", search.best_value),
        ("confirmed", search.confirmed_value),
        ("final", search.validation_value),
        ("test", search.test_value),
    ]
    known = [f"{name} {100 * value:.2f}" for name, value in steps if value is not None]
    rows = [("on the way", f"{' → '.join(known)} %")]
    if search.optimism_gap is not None:
        gap = points(search.optimism_gap)
        rows.append(("optimism gap", f"{gap} (search minus confirmed, validation)"))
    return rows


def _gain_rows(run: Path) -> list[tuple[str, str]]:
    """What the search brought over the configuration that it began with, where that is known."""
    found = Run(run).get(CONFIRMATION)
    if found is None or found.gain is None:
        return []
    mean, low, high = (points(d) for d in (found.gain.mean, *found.gain.interval))
    gain = f"{mean} gained over the configuration it began with"
    return [("the search", f"{gain} (95 % interval {low.split()[0]} to {high}, validation)")]


def _ensemble_rows(ensemble: Ensemble | None) -> list[tuple[str, str]]:
    """The average of several networks, apart from the one network; empty without an ensemble."""
    if not ensemble:
        return []
    paired, members = ensemble.against_single, len(ensemble.members)
    gain = points(paired.difference)
    return [
        ("ensemble", f"{_score(ensemble)}), the average of {members} networks"),
        ("", f"{gain} against the one network, McNemar p = {paired.p:.3f}"),
    ]


def epoch_text(epoch: Epoch, *, validated: bool) -> str:
    """What an epoch reached: on the validation images, or where it learnt those, in training."""
    scores = (
        f"validation accuracy {percent(epoch.val_accuracy)}, loss {epoch.val_loss:.4f}"
        if validated
        else f"training accuracy {percent(epoch.accuracy)}, loss {epoch.loss:.4f}"
    )
    return f"{scores}, {epoch.seconds:.1f} s"


def left_text(epoch: Epoch, epochs: int) -> str:
    """How long the other epochs of a training should take; with a comma before it, or empty."""
    left = (epochs - epoch.epoch) * epoch.seconds
    return f", about {duration(left)} to train" if left else ""


def winner_text(confirmation: Confirmation) -> str:
    """Which trial won the confirmation, by how much, and whether that means anything."""
    number, winner = confirmation.winner, confirmation.confirmed
    if winner is None:
        reason = confirmation.reason or "no run on a fresh seed gave a value"
        return f"trial {number} wins by its search value, not confirmed: {reason}"
    kept = confirmation.start_kept
    text = f"trial {number} {'is kept' if kept else 'wins'} with {_with_interval(winner)}"
    if confirmation.optimism is not None:
        text += f"; optimism of the search {points(confirmation.optimism)}"
    second = next((c.trial for c in confirmation.candidates if c.rank == 2), None)
    if second is not None and not confirmation.distinguishable:
        text += f"; {'within one error of' if kept else 'not distinguishable from'} trial {second}"
    return text


def _with_interval(candidate: Candidate) -> str:
    mean, seeds = candidate.mean or 0.0, counted(len(candidate.values), "fresh seed")
    if candidate.interval is None:
        return f"{percent(mean)} on {seeds}"
    low, high = candidate.interval
    return f"{100 * mean:.2f} ± {50 * (high - low):.2f} % on {seeds}"


def outcome(trial: Trial) -> str:
    """State and value of a trial in a few words."""
    if trial.failure:
        return f"failed ({trial.failure.kind})"
    stopped = " cut off by the clock" if trial.stopped_by == "clock" else " pruned"
    mark = "" if trial.state == "complete" else stopped
    return f"{percent(trial.value)}{mark}"


def check_text(check: Check) -> str:
    """A finding and, where something is to be done, what."""
    remedy = f" -> {check.remedy}" if check.ok is not True and check.remedy else ""
    return f"{MARKS[check.ok]}  {check.name}: {check.found}{remedy}"
