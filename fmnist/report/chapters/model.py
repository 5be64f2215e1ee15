"""The chapters of the chosen configuration: what it is, how it learned, what it sees."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fmnist.models import whitening
from fmnist.report.chapters.images import left_out
from fmnist.report.concepts import Concept
from fmnist.report.facts import Facts, present
from fmnist.report.figures import (
    Figure,
    Tile,
    architecture,
    image_grids,
    image_strips,
    learning_curves,
)
from fmnist.report.narrative import failures, final_model, imported, results
from fmnist.report.narrative import training as recipe
from fmnist.report.tables import model as tables
from fmnist.runs import artifacts


def configuration(facts: Facts, concepts: Sequence[Concept]) -> dict[str, Any]:
    """The best configuration, its layers and how to use it again."""
    best = present(facts.best, artifacts.BEST_CONFIG)
    return {
        "network": " ".join(filter(None, [imported.unsearched(facts), recipe.network(best)])),
        "table": tables.configuration(facts),
        "in_force": tables.in_force(facts),
        "drawing": drawing(facts),
        "layers": tables.layers(facts),
        "by_search": facts.by_search,
        "toml": best.text,
        "run": facts.run.name,
    }


def drawing(facts: Facts, look: architecture.Look = architecture.WHOLE) -> Figure | None:
    """The network as a drawing, where its layers were recorded."""
    if facts.evidence is None or not facts.evidence.layers:
        return None
    c = facts.best.values() if facts.best else {}
    stem = whitening.SIZE if c.get("whitening") else None
    return architecture.network_figure(facts.evidence, c.get("kernel_size"), look, stem)


def training(facts: Facts, concepts: Sequence[Concept]) -> dict[str, Any]:
    """Curves of the final training."""
    history = present(facts.history, artifacts.HISTORY)
    curve = facts.metrics.test.curve if facts.metrics else ()
    shared = {e.epoch for e in history.epochs} & {e.epoch for e in curve}
    values = facts.best.values() if facts.best else {}
    batches = recipe.batches(values)
    return {
        "history": history,
        "by_search": facts.by_search,
        "given_back": facts.search_given_back,
        "trouble": failures.final_training(facts),
        "seconds": sum(e.seconds for e in history.epochs),
        "batches": batches,
        "accuracy": learning_curves.accuracy_curves(history, batches),
        "loss": learning_curves.loss_curves(history, batches),
        "against_test": learning_curves.validation_against_test(history, curve) if shared else None,
        "overfitting": results.overfitting(history, facts.single_view),
        "several_views": bool(final_model.view_names(facts.metrics)),
        "refit": final_model.refit(facts),
        "penalised": bool(values.get("l2") or values.get("label_smoothing")),
    }


def inside(facts: Facts, concepts: Sequence[Concept]) -> dict[str, Any]:
    """Kernels, feature maps, and where the evidence for a class lies."""
    explanation = facts.explanation
    dense = facts.best is not None and facts.best.dense
    if explanation is None or dense:
        absent = (
            "A dense network has neither kernels nor feature maps, and so nothing for Grad-CAM to "
            "weigh."
        )
        return {"kernels": None, "absent": absent if dense else ""}
    index = explanation.feature_index
    label = ""
    if facts.predictions is not None and index < len(facts.predictions.test_labels):
        label = facts.class_names[int(facts.predictions.test_labels[index])]
    tile = Tile(
        image_grids.clothing(explanation.feature_image),
        f"Test image {index}" + (f", class {label}" if label else ""),
        (f"Test image {index}", label),
    )
    return {
        "kernels": image_grids.kernel_mosaic(explanation.kernels),
        "maps": image_grids.feature_map_mosaics(explanation),
        "image": tile,
        "index": index,
        "label": label,
        **_heat(facts),
    }


def _heat(facts: Facts) -> dict[str, Any]:
    """Grad-CAM over right and wrong predictions, or why there is none."""
    cam = facts.gallery.grad_cam if facts.gallery else None
    if cam is None or facts.pictures is None or facts.predictions is None:
        return {"cam": None, "no_cam": left_out(facts, "grad_cam")}
    right, wrong = image_strips.heat_strips(
        cam, facts.pictures, facts.predictions, facts.class_names
    )
    return {
        "cam": cam,
        "cam_right": right,
        "cam_wrong": wrong,
        "cam_legend": image_strips.heat_legend(),
        "several_views": bool(final_model.view_names(facts.metrics)),
    }
