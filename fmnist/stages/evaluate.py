"""The evaluation: the only stage that opens the test set, after every choice is made."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fmnist import evaluation, training
from fmnist.explain import load_model
from fmnist.stages.parts import part
from fmnist.stages.search import best_trial
from search.records import TrialLog

if TYPE_CHECKING:
    from fmnist.stages.context import Context

GALLERY = 64


def evaluate(job: Context) -> None:
    """Open the test set once, after every choice is made, and turn predictions into numbers."""
    model = load_model(job.run / "model.keras")
    names = job.data.class_names
    validation = part(job, job.splits.validation)
    job.ledger.record("evaluate", "validation", len(validation[1]), "validation figures")
    validation_p = training.predict(model, validation[0])
    images, labels = job.data.test.open("evaluate", "the reported test figures", job.ledger)
    test_p = training.predict(model, images)
    index, random_index = _gallery(labels, test_p, job.request.seed)
    examples = _examples(job.data.train_labels, len(names))
    job.run.write_arrays(
        "predictions.npz",
        test_labels=labels,
        test_probabilities=test_p,
        validation_labels=validation[1],
        validation_probabilities=validation_p,
        image_index=index,
        images=images[index, :, :, 0],
        random_index=random_index,
        example_index=examples,
        examples=job.data.train_images[examples, :, :, 0],
    )
    test = evaluation.evaluate(labels, test_p, names)
    test["curve"] = _test_curve(job, model, images, labels)
    record = {
        "schema": 1,
        "validation": evaluation.summarise(validation[1], validation_p),
        "test": test,
        "search": _search_result(job),
    }
    job.run.write_json("metrics.json", record)
    shutil.rmtree(job.run / "epochs", ignore_errors=True)


def _test_curve(
    job: Context, model: Any, images: NDArray[np.uint8], labels: NDArray[np.int64]
) -> list[dict[str, float]]:
    """Test loss after each retraining epoch: for the reader, when nothing is left to choose."""
    curve = []
    for epoch in job.run.read_json("history.json")["epochs"]:
        if job.budget.remaining() < 40:
            return []  # the report matters more than this curve
        file = training.checkpoint(job.run / "epochs", epoch["epoch"])
        if not file.is_file():
            continue
        model.load_weights(file)
        accuracy, loss = training.score(training.predict(model, images), labels)
        curve.append({"epoch": epoch["epoch"], "accuracy": accuracy, "loss": loss})
    return curve


def _search_result(job: Context) -> dict[str, Any] | None:
    if not job.run.has("trials.jsonl"):
        return None
    best = best_trial(TrialLog(job.run / "trials.jsonl"))
    return {"best_value": best.value, "trial": best.number}


def _gallery(
    labels: NDArray[np.int64], p: NDArray[np.float32], seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Indices of all misclassified test images and of some random ones; and of the latter."""
    rng = np.random.default_rng(seed)
    size = min(GALLERY, len(labels))
    chosen = np.sort(rng.choice(len(labels), size=size, replace=False))
    wrong = np.flatnonzero(p.argmax(axis=1) != labels)
    return np.union1d(wrong, chosen).astype(np.int64), chosen.astype(np.int64)


def _examples(labels: NDArray[np.int64], classes: int) -> NDArray[np.int64]:
    return np.array([np.flatnonzero(labels == c)[0] for c in range(classes)], dtype=np.int64)
