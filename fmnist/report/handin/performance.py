"""How good the network is, against what, and what of it stands out: numbers or None."""

from __future__ import annotations

from itertools import pairwise
from statistics import median
from typing import Any

from fmnist.analysis.paired_effects import ENOUGH
from fmnist.report import published
from fmnist.report.chapters.method import early_test_reads
from fmnist.report.facts import Facts
from fmnist.report.handin import search
from fmnist.report.narrative import calibration, results
from fmnist.report.narrative.final_model import view_names
from fmnist.report.narrative.new_data import reference
from fmnist.runs.records.ablation import UNDECIDED, Measured
from fmnist.runs.records.metrics import SingleView, TestScore

DENSE, STRONGEST = published.ANCHORS
"""The published figures that the hand-in sets the run beside."""
VECTORS = published.BASELINES[1]
_RELATED = {
    "people": "Human performance",
    "dense": DENSE,
    "vectors": VECTORS,
    "convolutions": "Three convolutions and dropout",
    "tuner": "keras-tuner (random search)",
    "service": "Google AutoML Vision (paid)",
    "strongest": STRONGEST,
    "highest": "Fine-tuned DARTS",
}

FEWEST_SWINGS = 16
"""Epochs from which on a quarter of a training has enough of them to tell how calm it was."""

SPIKE = 0.001
"""Accuracy by which the kept epoch stands out of the last ones."""

Numbers = dict[str, Any] | None


def tested(facts: Facts) -> TestScore:
    """The test set; a hand-in is made of finished runs alone."""
    assert facts.metrics is not None
    return facts.metrics.test


def task(facts: Facts) -> Numbers:
    """Data set and its classes."""
    return {"data": facts.run.data, "splits": facts.run.splits}


def network(facts: Facts) -> Numbers:
    """What was trained, and where its configuration came from."""
    if facts.best is None or facts.history is None:
        return None
    tried = facts.complete_trials
    return {
        "dense": facts.best.dense,
        "parameters": facts.evidence.parameters if facts.evidence else None,
        "images": facts.refit.images if facts.refit_used and facts.refit else None,
        "history": facts.history,
        "trials": tried if facts.by_search else 0,
        "given_back": facts.search_given_back,
        "start": search.start_kept(facts),
        "unclear": search.search_unclear(facts) is not None,
    }


def accuracy(facts: Facts) -> Numbers:
    """Test accuracy with its interval, and whether the ledger shows that it chose nothing."""
    sealed = bool(facts.ledger) and early_test_reads(facts.ledger or ()) == 0
    return {"test": tested(facts), "sealed": sealed}


def constant(facts: Facts) -> float:
    """Share of the largest class: what naming it for every image reaches."""
    return tested(facts).largest_share


def below_constant(facts: Facts) -> Numbers:
    """The network is not shown to be better than naming one class for every image."""
    share = constant(facts)
    return {"share": share} if tested(facts).interval[0] <= share else None


def anchor(facts: Facts, name: str) -> published.Placed | None:
    """A published figure on the same test images, and where the run stands to it."""
    if facts.metrics is None or not published.comparable(facts):
        return None
    rows = published.placed(facts.metrics.test, published.load_published())
    return next((row for row in rows if row.result.name == name), None)


def _beside(facts: Facts, name: str, *verdicts: str) -> Numbers:
    row = anchor(facts, name)
    if row is None or row.verdict not in verdicts:
        return None
    lead = tested(facts).accuracy - row.result.accuracy
    return {
        "result": row.result,
        "lead": lead,
        "difference": row.difference,
        "verdict": row.verdict,
    }


def _above(facts: Facts) -> Numbers:
    """The strong published network, where it is surely better."""
    return _beside(facts, STRONGEST, published.BEHIND)


def beside_dense(facts: Facts) -> Numbers:
    """The published dense network, whatever side of it the run is on, and the strong one above."""
    found = _beside(facts, DENSE, published.AHEAD, published.TIED, published.BEHIND)
    above = _above(facts)
    return found and {**found, "strongest": above and above["result"]}


def judged(facts: Facts) -> Numbers:
    """The result with its side of the published dense network, empty where that is not known."""
    row = anchor(facts, DENSE)
    verdict = row.verdict if row else ""
    return {"test": tested(facts), "verdict": verdict, "below": _above(facts) is not None}


def related_work(facts: Facts) -> Numbers:
    """What is known of these test images: published figures by the names in ``_RELATED``."""
    if not published.comparable(facts):
        return None
    found = {result.name: result for result in published.load_published()}
    return {key: found[name] for key, name in _RELATED.items()}


def above_dense(facts: Facts) -> Numbers:
    """It is surely above the published dense network."""
    return _beside(facts, DENSE, published.AHEAD)


def level_with_dense(facts: Facts) -> Numbers:
    """It cannot be told from the published dense network."""
    return _beside(facts, DENSE, published.TIED)


def below_dense(facts: Facts) -> Numbers:
    """It is surely below the published dense network."""
    return _beside(facts, DENSE, published.BEHIND)


def below_strongest(facts: Facts) -> Numbers:
    """A published network of much more effort is better."""
    found = _above(facts)
    if found is None or facts.history is None:
        return None
    return {**found, "epochs": len(facts.history.epochs)}


def no_anchor(facts: Facts) -> Numbers:
    """No published figure is about these test images: only the constant guess is left."""
    if anchor(facts, DENSE) is not None or below_constant(facts) is not None:
        return None
    return {"share": constant(facts), "accuracy": tested(facts).accuracy, "n": tested(facts).n}


def lead_over_dense(facts: Facts) -> Numbers:
    """The dense network of as many parameters that was trained and tested beside this one."""
    found = facts.metrics.baseline if facts.metrics else None
    if found is None:
        return None
    low, high = found.lead.interval
    row = anchor(facts, DENSE)
    return {
        "dense": found,
        "verdict": "ahead" if low > 0 else "behind" if high < 0 else "tied",
        "weak": row is not None and found.interval[1] < row.result.accuracy,
    }


def own_dense(facts: Facts) -> Measured | None:
    """The experiment with a dense network of equal parameters, where nothing better was made."""
    if lead_over_dense(facts):
        return None
    made = facts.experiments.of("cnn_vs_dense") if facts.experiments else ()
    return next((e for e in made if e.key == "dense"), None)


def dense_decided(facts: Facts) -> Numbers:
    """The dense network of the experiments is better or worse, over enough seeds to say so."""
    found = own_dense(facts)
    if found is None or found.seeds < ENOUGH or found.verdict == UNDECIDED:
        return None
    return {"dense": found}


def dense_undecided(facts: Facts) -> Numbers:
    """The dense network of the experiments was trained, but too few times or too much alike."""
    found = own_dense(facts)
    return None if found is None or dense_decided(facts) else {"dense": found}


def forecast(facts: Facts) -> Numbers:
    """What the plan expected of as much computing, and whether the result lies within that."""
    plan = facts.plan
    usual = plan.forecast if plan else None
    if plan is None or usual is None or not published.comparable(facts):
        return None
    reached = tested(facts).accuracy
    place = "below" if reached < usual.low else "above" if reached > usual.high else "within"
    had, planned = len(facts.history.epochs) if facts.history else 0, plan.winner_epochs
    return {"usual": usual, "place": place, "lacking": (had, planned) if had < planned else None}


def settling(facts: Facts) -> Numbers:
    """Validation accuracy swings from epoch to epoch until the learning rate is small."""
    if facts.history is None:
        return None
    epochs = facts.history.epochs
    rates = [e.learning_rate for e in epochs if e.learning_rate is not None]
    if len(rates) < max(FEWEST_SWINGS, len(epochs)) or rates[-1] >= max(rates) / 2:
        return None
    moves = [abs(b.val_accuracy - a.val_accuracy) for a, b in pairwise(epochs)]
    quarter = len(moves) // 4
    early, late = max(moves[quarter : 2 * quarter]), max(moves[-quarter:])
    if not early >= 3 * late > 0:
        return None
    above = facts.history.chosen.val_accuracy - median(e.val_accuracy for e in epochs[-5:])
    return {"early": early, "late": late, "above": above if above > SPIKE else None}


def fall_to_test(facts: Facts) -> Numbers:
    """Test accuracy lies below validation accuracy by more than two such samples differ."""
    metrics = facts.metrics
    if metrics is None:
        return None
    fall = metrics.validation.accuracy - metrics.test.accuracy
    if fall <= 0 or results.by_chance(metrics):
        return None
    usual = results.usual_gap(metrics.validation, metrics.test)
    return {
        "fall": fall,
        "validation": metrics.validation,
        "usual": usual,
        "plain": _plain_fall(metrics.single_view),
    }


def _plain_fall(seen: SingleView | None) -> float | None:
    """The fall of predictions from the image alone, where chance can explain that."""
    if seen is None:
        return None
    fall = seen.validation.accuracy - seen.test.accuracy
    return fall if 0 < fall <= results.usual_gap(seen.validation, seen.test) else None


def _calibration(facts: Facts) -> Numbers:
    found = facts.metrics.calibration if facts.metrics else None
    if found is None or found.before.within_chance:
        return None
    smoothing = facts.best.values().get("label_smoothing", 0) if facts.best else 0
    return {
        "before": found.before,
        "accuracy": tested(facts).accuracy,
        "smoothing": smoothing,
        "target": 1 - smoothing * (1 - 1 / len(tested(facts).classes)),
    }


def underconfident(facts: Facts) -> Numbers:
    """It states lower probabilities than it is right, beyond chance."""
    found = _calibration(facts)
    return found if calibration.underconfident(facts) else None


def overconfident(facts: Facts) -> Numbers:
    """It states higher probabilities than it is right, beyond chance."""
    found = _calibration(facts)
    return None if calibration.underconfident(facts) else found


def single_view(facts: Facts) -> float | None:
    """Test accuracy of the images alone, where predictions are means over several views."""
    metrics, history = facts.metrics, facts.history
    if metrics is None or history is None or not view_names(metrics) or facts.refit_used:
        return None
    if metrics.single_view is not None:
        return metrics.single_view.test.accuracy
    alone = (e.accuracy for e in metrics.test.curve if e.epoch == history.chosen_epoch)
    return next(alone, None)


def view_gain(facts: Facts) -> Numbers:
    """What the mean over several views brings on the test images."""
    alone = single_view(facts)
    if alone is None or tested(facts).accuracy <= alone:
        return None
    metrics = facts.metrics
    seen = metrics.single_view if metrics else None
    gain = metrics.validation.accuracy - seen.validation.accuracy if metrics and seen else None
    return {
        "views": view_names(metrics),
        "alone": alone,
        "gain": tested(facts).accuracy - alone,
        "n": tested(facts).n,
        "validation": gain,
    }


def own_pictures(facts: Facts) -> Numbers:
    """Pictures of the author's own were classified."""
    found = facts.new_data
    return {"found": found, "like": reference(found)} if found else None
