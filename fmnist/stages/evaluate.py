"""The evaluation: the only stage that opens the test set, after every choice is made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fmnist import checkpoint, evaluation, training
from fmnist.explain import load_model
from fmnist.stages.retrain import checkpoint_file, forget_checkpoints

if TYPE_CHECKING:
    from fmnist.stages.context import Context

GALLERY = 64


def evaluate(job: Context) -> None:
    """Open the test set once, after every choice is made, and turn predictions into numbers."""
    model = load_model(job.run / "model.keras")
    names = job.data.class_names
    validation = job.part(job.splits.validation)
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
        "search": _search_result(job, validation_p, validation[1], test["accuracy"]),
    }
    job.run.write_json("metrics.json", record)
    forget_checkpoints(job)


def _test_curve(
    job: Context, model: Any, images: NDArray[np.uint8], labels: NDArray[np.int64]
) -> list[dict[str, float]]:
    """Test loss after each retraining epoch: for the reader, when nothing is left to choose."""
    curve = []
    for epoch in job.run.read_json("history.json")["epochs"]:
        if job.budget.remaining() < job.night.needed_tail():
            break  # the report matters more than this curve
        file = checkpoint_file(job, epoch["epoch"])
        if not file.is_file():
            continue
        model.set_weights(checkpoint.weights(file))
        accuracy, loss = training.score(training.predict(model, images), labels)
        curve.append({"epoch": epoch["epoch"], "accuracy": accuracy, "loss": loss})
    return curve


def _search_result(
    job: Context, probabilities: NDArray[np.float32], labels: NDArray[np.int64], test: float
) -> dict[str, Any] | None:
    """How the accuracy of the winner held on the way from the search to the test."""
    if not job.run.has("confirmation.json"):
        return None
    winner = job.run.read_json("confirmation.json")["candidates"][0]
    searched, confirmed = winner["search_value"], winner["mean"]
    return {
        "best_value": searched,
        "trial": winner["trial"],
        "confirmed_value": confirmed,
        "validation_value": training.score(probabilities, labels)[0],
        "test_value": test,
        "optimism_gap": None if confirmed is None else searched - confirmed,
    }


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
