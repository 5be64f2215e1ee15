"""What the template of the hand-in is given: sentences, tables and pictures of a finished run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fmnist.analysis.intervals import wilson_interval
from fmnist.analysis.paired_effects import ENOUGH
from fmnist.report import findings, text
from fmnist.report.chapters import images, method, model
from fmnist.report.chapters.search import sampling
from fmnist.report.concepts import Concept
from fmnist.report.evidence.conclusions import conclusion
from fmnist.report.facts import Facts, present
from fmnist.report.figures import Tile, architecture, image_grids, image_strips
from fmnist.report.figures.ablation import effects_figure
from fmnist.report.figures.classification import confusion_figure
from fmnist.report.figures.learning_curves import both_curves
from fmnist.report.figures.search_history import FEW, search_history
from fmnist.report.findings import WARNING
from fmnist.report.handin import limits, performance, search
from fmnist.report.narrative import final_model, results, training, winner
from fmnist.report.narrative.failures import not_tried
from fmnist.report.tables import results as result_tables
from fmnist.report.tables import search as search_tables
from fmnist.report.tables.base import Table
from fmnist.runs import artifacts
from search.analysis.results import Confirmation
from search.records import best_of

FINEST_MAP = 7
"""Side of the last feature maps below which Grad-CAM tells no place in an image."""
_MOST_EFFECTS = 10
PAIRS, OF_PAIR = 4, 2


@dataclass(frozen=True)
class Answered:
    """A question, its short answer, and what this run says to it."""

    concept: Concept
    line: str


def parts(facts: Facts, concepts: Sequence[Concept]) -> dict[str, Any]:
    """All that the hand-in can hold; pictures that a run does not bear are None."""
    test = performance.tested(facts)
    few = len(facts.class_names) <= text.FEW_CLASSES
    best = facts.best
    return {
        "test": test,
        "data": facts.run.data,
        "splits": facts.run.splits,
        "run": facts.run,
        "warnings": [f for f in findings.find(facts).found if f.severity == WARNING],
        "related": performance.related_work(facts),
        "test_reads": method.test_reads(facts),
        "examples": _examples(facts) if few else [],
        "network_words": training.network(best) if best else "",
        "recipe": training.sentences(best) if best else [],
        "final": " ".join(filter(None, [final_model.refit(facts), final_model.views(facts)])),
        "parameters": facts.evidence.parameters if facts.evidence else None,
        "architecture": model.drawing(facts, architecture.SMALL),
        "search_words": _search(facts),
        "unsearched": winner.unsearched(facts) if facts.search_given_back else "",
        "space": search_tables.chosen_values(facts) if facts.by_search else None,
        "trials": _trials(facts),
        **_curves(facts),
        "systems": _systems(facts),
        "classes": result_tables.classes_in_short(test),
        "matrix": confusion_figure(test, small=True) if few else None,
        "pairs": None if few else result_tables.pairs(test),
        "calibration": facts.metrics.calibration if facts.metrics else None,
        **_pictures(facts),
        "effects": _effects(facts),
        "answers": [Answered(c, conclusion(c.evidence, facts)) for c in concepts],
    }


def _examples(facts: Facts) -> list[Tile]:
    found = facts.predictions
    return image_grids.example_tiles(found, facts.class_names) if found else []


def _search(facts: Facts) -> str:
    """The search in a few sentences."""
    first = best_of(facts.trials)
    if not facts.by_search or first is None:
        return ""
    tried = text.counted(sum(not not_tried(t) for t in facts.trials), "trial")
    own = "It began with the program’s default for a run of this length. "
    parts = (
        own * (winner.start_trial(facts) is not None) + f"The sampler is {_sampler(facts)}.",
        training.limits(facts.run.request),
        search.ranges(facts),
        f"All {tried} ran to the end."
        if facts.complete_trials == len(facts.trials) > 1
        else f"Of {tried} {facts.complete_trials or 'none'} ran to the end.",
        results.stopped_early(facts),
        results.trial_effort(facts),
        winner.short(facts),
        _brought(facts),
    )
    return " ".join(filter(None, parts))


def _sampler(facts: Facts) -> str:
    return "the " * (facts.run.request.sampler == "tpe") + sampling(facts)


def _trials(facts: Facts) -> Any:
    """The course of a search of enough trials to look at."""
    tried = [t for t in facts.trials if not not_tried(t)]
    return search_history(tried, small=True) if facts.by_search and len(tried) >= FEW else None


def _brought(facts: Facts) -> str:
    """What the search brought; of a start among the first two the lead tells it."""
    found = facts.confirmation
    if found is None or found.confirmed is None or found.start in _first_two(found):
        return ""
    return winner.brought(found)


def _first_two(found: Confirmation) -> list[int]:
    return [c.trial for c in found.ranked if c.mean is not None][:2]


def _curves(facts: Facts) -> dict[str, Any]:
    history = present(facts.history, artifacts.HISTORY)
    batches = training.batches(facts.best.values() if facts.best else {})
    enough = len(history.epochs) >= results.FEWEST_EPOCHS
    return {
        "history": history,
        "seconds": sum(e.seconds for e in history.epochs),
        "curves": both_curves(history, batches) if enough else None,
        "overfitting": results.overfitting(history, facts.single_view) if enough else None,
        "batches": batches,
    }


def _systems(facts: Facts) -> Table:
    """The run between what is simpler and what is known to be possible."""
    test, span = performance.tested(facts), f"95{text.THIN}% interval"
    n = text.count(test.n)
    share = performance.constant(facts)
    rows: list[tuple[str, ...]] = [
        ("Most frequent class for every image", n, text.percent(share, test.n), "–", "–")
    ]
    rows += _anchor_row(facts, performance.DENSE) + _trained_dense(facts) + _own_dense(facts)
    rows += _anchor_row(facts, performance.VECTORS)
    alone = performance.single_view(facts)
    if alone is not None:
        bounds = wilson_interval(round(alone * test.n), test.n)
        rows.append(
            ("This network, images alone", n, text.percent(alone, test.n),
             text.interval(bounds, test.n), "")
        )  # fmt: skip
    name = "This network" + (", mean over views" if alone is not None else "")
    rows.append(
        (name, n, text.percent(test.accuracy, test.n), text.interval(test.interval, test.n),
         "the result")
    )  # fmt: skip
    rows += _anchor_row(facts, performance.STRONGEST)
    head: tuple[str, ...] = ("Classifier", "Images", "Accuracy", span, "From")
    caption = "Accuracy beside simpler and stronger classifiers"
    if all(row[1] == n for row in rows):
        caption += f", of {n} test images"
        head, rows = (head[0], *head[2:]), [(row[0], *row[2:]) for row in rows]
    numbers = tuple(range(1, len(head) - 1))
    return Table(caption, head, tuple(rows), numeric=numbers, dense=True, sortable=False)


def _anchor_row(facts: Facts, name: str) -> list[tuple[str, ...]]:
    row = performance.anchor(facts, name)
    if row is None:
        return []
    found = row.result
    return [
        (found.name, text.count(found.n), text.percent(found.accuracy, digits=1),
         text.interval(found.interval, found.n), "published")
    ]  # fmt: skip


def _trained_dense(facts: Facts) -> list[tuple[str, ...]]:
    """The dense network that was trained to its end and tested with this one."""
    found = facts.metrics.baseline if facts.metrics else None
    if found is None:
        return []
    return [
        ("Dense network of as many parameters", text.count(found.n),
         text.percent(found.accuracy, found.n), text.interval(found.interval, found.n),
         f"this run, {text.counted(found.epochs, 'epoch')}")
    ]  # fmt: skip


def _own_dense(facts: Facts) -> list[tuple[str, ...]]:
    """The dense network of the experiments and this one beside it, both trained as short."""
    found = performance.own_dense(facts)
    if found is None:
        return []
    size = f"{text.count(found.images)} images, {text.counted(found.epochs, 'epoch')}"
    n = f"{text.count(found.validation)} (validation)"
    return [
        (name, n, text.percent(value, digits=found.digits), "–", f"short training: {size}")
        for name, value in (
            ("Dense network of as many parameters", found.accuracy),
            ("This network trained as short", found.base_accuracy),
        )
    ]


def _pictures(facts: Facts) -> dict[str, Any]:
    """Images of the most frequent confusions, and one with its evidence."""
    predictions = present(facts.predictions, artifacts.PREDICTIONS)
    labels, said, names = predictions.test_labels, predictions.predicted, facts.class_names
    kinds, tiles = results.confusions(performance.tested(facts))[:PAIRS], []
    for kind in kinds:
        true, other = names.index(kind.true), names.index(kind.predicted)
        wrong = np.flatnonzero((labels == true) & (said == other))
        order = wrong[np.argsort(predictions.test_probabilities[wrong, other], kind="stable")]
        tiles += [
            image_strips.confused_tile(predictions, i, image, names)
            for i in images.ends([int(i) for i in order], OF_PAIR)
            if (image := predictions.image(i)) is not None
        ]
    return {"tiles": tiles, "kinds": kinds, "cam": _cam(facts)}


def _cam(facts: Facts) -> list[image_strips.Strip]:
    """Two wrong predictions with their evidence, where the maps are fine enough to place it."""
    cam = facts.gallery.grad_cam if facts.gallery else None
    if cam is None or facts.pictures is None or min(cam.height, cam.width) < FINEST_MAP:
        return []
    shown = present(facts.predictions, artifacts.PREDICTIONS)
    return image_strips.heat_strips(cam, facts.pictures, shown, facts.class_names)[1][:2]


def _effects(facts: Facts) -> Any:
    """The figure of the experiments, where they tell something of the final network."""
    found = facts.experiments
    if found is None or found.fidelity is None or not found.experiments:
        return None
    weak = found.fidelity.seeds < ENOUGH or limits.small_experiments(facts)
    return None if weak else effects_figure(found, _MOST_EFFECTS)
