"""The chapter of the results on the test set."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fmnist.report.concepts import Concept
from fmnist.report.facts import Facts, present
from fmnist.report.figures import classification, image_grids
from fmnist.report.figures.calibration import reliability_figure
from fmnist.report.narrative import calibration, final_model, recipe, results, winner
from fmnist.report.tables import recipe as recipe_tables
from fmnist.report.tables import results as tables
from fmnist.report.tables.model import ensemble_members
from fmnist.runs import artifacts

SHOWN_PREDICTIONS = 24
SHOWN_MISTAKES = 24
MOST_ROWS, HARDEST = 50, 20
"""Classes of which paper shows all; of more it shows the hardest."""


def test_results(facts: Facts, concepts: Sequence[Concept]) -> dict[str, Any]:
    """Everything measured on the test set."""
    metrics = present(facts.metrics, artifacts.METRICS)
    predictions = present(facts.predictions, artifacts.PREDICTIONS)
    test, names = metrics.test, facts.class_names
    shown = _spread(predictions.random_index, SHOWN_PREDICTIONS)
    return {
        "test": test,
        "headline": tables.headline(facts),
        "comparison": results.validation_against_test(facts),
        "optimism": winner.optimism(facts),
        "gap": tables.gap(facts),
        "followed": recipe.about(facts),
        "published": recipe_tables.published(facts),
        "views": final_model.views(facts),
        "view_gain": final_model.view_gain(facts),
        "fresh_seeds": bool(facts.confirmation and facts.confirmation.confirmed),
        "ensemble": final_model.ensemble(facts),
        "members": ensemble_members(facts),
        "confusion": classification.confusion_figure(test),
        "confusion_table": tables.confusion(test),
        "classes": tables.classes(test),
        "hardest_classes": tables.classes(test, HARDEST if len(names) > MOST_ROWS else None),
        "pr": classification.pr_figure(predictions, test),
        "pairs": tables.pairs(test),
        **_calibration(facts),
        "random": image_grids.prediction_tiles(predictions, shown, names),
        "mistakes": image_grids.prediction_tiles(predictions, _surest_mistakes(facts), names),
    }


def _calibration(facts: Facts) -> dict[str, Any]:
    found = facts.metrics.calibration if facts.metrics else None
    return {
        "calibrated": [calibration.verdict(facts), calibration.scaling(facts)] if found else [],
        "reliability": reliability_figure(found) if found else None,
        "calibration_table": tables.calibration(found) if found else None,
    }


def _spread(indices: Any, number: int) -> list[int]:
    return [int(i) for i in indices[:: max(1, len(indices) // number)][:number]]


def _surest_mistakes(facts: Facts) -> list[int]:
    """Indices of the misclassified test images with the most probable wrong class."""
    predictions = present(facts.predictions, artifacts.PREDICTIONS)
    wrong = np.flatnonzero(predictions.predicted != predictions.test_labels)
    certainty = predictions.test_probabilities[wrong].max(axis=1)
    return [int(i) for i in wrong[np.argsort(-certainty, kind="stable")][:SHOWN_MISTAKES]]
