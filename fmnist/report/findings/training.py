"""Findings about the final training, and whether the run was long enough for it."""

from __future__ import annotations

import math

from fmnist.report import text
from fmnist.report.facts import Facts
from fmnist.report.findings.base import CAUTION, NOTE, WARNING, Finding
from fmnist.report.narrative import ablation, final_model, results, timing
from fmnist.runs.records.ablation import BETTER
from fmnist.runs.records.metrics import History

SECTION = "training"
STILL_FALLING = 0.01
"""Share by which the last epoch lowers the validation loss; less may be the chance of batches."""
FEWEST_TRIALS, WANTED_TRIALS = 3, 10
"""Complete trials below which a run was too short, and those that its remedy makes room for."""
HALF = 0.5
OVERSPENT = 1.5
_MARGIN = 1.3
"""For what a run does besides trials and final training."""


def run_too_short(facts: Facts) -> list[Finding] | None:
    """Less than half of the planned epochs, fewer than five, or hardly a complete trial."""
    history = facts.history
    if history is None or (facts.plan is None and not facts.by_search):
        return None
    short = _shortages(facts)
    if not short:
        return []
    sentence = (
        f"The run had time for {text.listing(short)}{_slowness(facts)}. The accuracy is not what "
        "this network can reach."
    )
    title = "This run was too short for its machine"
    return [Finding("run-too-short", title, WARNING, sentence, SECTION, remedy(facts))]


def _shortages(facts: Facts) -> list[str]:
    had, planned = results.lacking_epochs(facts) or (0, 0)
    short = []
    if planned and (had < HALF * planned or had < results.FEWEST_EPOCHS):
        short.append(f"{had} of {text.counted(planned, 'planned epoch')} of the final training")
    complete = facts.complete_trials
    wanted = facts.plan.sizes.max_trials if facts.plan else None
    if facts.by_search and complete < min(FEWEST_TRIALS, wanted or FEWEST_TRIALS):
        short.append(text.counted(complete, "complete trial"))
    return short


def _planned(facts: Facts, history: History) -> int:
    return facts.plan.winner_epochs if facts.plan else len(history.epochs)


def _slowness(facts: Facts) -> str:
    slowness = facts.preflight.slowness if facts.preflight else None
    if slowness is None or slowness <= 1:
        return ""
    return f"; the machine took {slowness:.2g} times as long as the one the plans were made for"


def remedy(facts: Facts) -> str:
    """The command that gives the plan the time it needs, by the measured seconds."""
    history = facts.history
    if history is None or facts.run.request.kind != "search":
        return ""
    ended = [t.seconds for t in facts.trials if t.state == "complete" and t.seconds]
    trial = sum(ended) / len(ended) if ended else 0.0
    jobs = facts.plan.jobs if facts.plan else 1
    seconds = WANTED_TRIALS * trial / jobs + _planned(facts, history) * history.epoch_seconds
    return f"fmnist run --time {math.ceil(_MARGIN * seconds / 60)}m"


def overfitting(facts: Facts) -> list[Finding] | None:
    """The verdict on the training, see ``results.overfitting``; none of one that guesses."""
    if facts.history is None or (facts.metrics is not None and facts.metrics.test.guesses):
        return None
    found = results.overfitting(facts.history, facts.single_view)
    if found.verdict in ("none", "open"):
        return [] if found.verdict == "none" else None
    severity = WARNING if found.verdict == "clear" else CAUTION
    return [Finding("overfitting", "Overfitting", severity, found.sentence, SECTION)]


def undertrained(facts: Facts) -> list[Finding] | None:
    """More epochs would help: by an experiment, or by a curve whose learning rate stays.

    Where the learning rate falls to zero the last epoch is the best nearly always: no sign.
    """
    if facts.history is None or facts.best is None or len(facts.history.epochs) < 2:
        return None
    if facts.best.values().get("schedule") == "constant":
        return _still_falling(facts.history)
    found = facts.experiments if ablation.informative(facts) else None
    longer = next((e for e in found.experiments if e.key == "longer"), None) if found else None
    if longer is None:
        return None
    if longer.verdict != BETTER:
        return []
    sentence = (
        f"With twice the epochs the small trainings of the experiments gained "
        f"{text.points(longer.difference)} (interval {text.point_span(longer.shown_interval)})."
    )
    return [Finding("undertrained", "More epochs helped", CAUTION, sentence, "experiments")]


def _still_falling(history: History) -> list[Finding]:
    *earlier, last = history.epochs
    lowest = min(e.val_loss for e in earlier)
    fall = 1 - last.val_loss / lowest if lowest > 0 else 0.0
    if history.chosen_epoch != last.epoch or fall < STILL_FALLING:
        return []
    sentence = (
        f"At a constant learning rate the last epoch, {last.epoch}, was the best, with a "
        f"validation loss {text.percent(fall, digits=1)} below all before: more epochs may help."
    )
    return [Finding("undertrained", "Training may have ended early", CAUTION, sentence, SECTION)]


def shortened(facts: Facts) -> list[Finding] | None:
    """The final training had fewer epochs than the plan gave it, but more than half."""
    history = facts.history
    if history is None or facts.plan is None:
        return None
    lacking = results.lacking_epochs(facts)
    if lacking is None or _shortages(facts):
        return []
    had, planned = lacking
    sentence = (
        f"The final training had {text.counted(had, 'epoch')} of the {planned} first planned: "
        "there was no time for more."
    )
    title = "Training shorter than planned"
    return [Finding("short-training", title, NOTE, sentence, SECTION, remedy(facts))]


def time_spent_elsewhere(facts: Facts) -> list[Finding] | None:
    """Search or experiments took far more than planned while the final training was cut."""
    if facts.plan is None or facts.history is None or facts.stages is None:
        return None
    given = {p.stage: p.seconds for p in facts.plan.planned}
    over = [
        f"the {name} took {text.duration(taken)} instead of {text.duration(planned)}"
        for name, taken in timing.spent(facts).items()
        if name in ("search", "experiments")
        and (planned := given.get(name))
        and taken > OVERSPENT * planned
    ]
    lacking = results.lacking_epochs(facts)
    if not over or lacking is None:
        return []
    sentence = (
        f"While {text.listing(over)}, the final training was cut to "
        f"{text.counted(lacking[0], 'epoch')} of {lacking[1]}."
    )
    title = "Time went elsewhere"
    return [Finding("time-spent-elsewhere", title, NOTE, sentence, "method")]


def refit(facts: Facts) -> list[Finding] | None:
    """The final network learnt the validation images too, or was to and did not."""
    sentence = final_model.refit(facts)
    if not sentence:
        return None
    title = "Trained on the validation images too" if facts.refit_used else "No second training"
    return [Finding("refit", title, NOTE, sentence, SECTION)]
