"""Labels and predicted probabilities in, scores of a split out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, precision_recall_curve

from fmnist.analysis.intervals import Ints, wilson_interval
from fmnist.errors import DataError
from fmnist.models.inference import count_correct, cross_entropy
from fmnist.runs.records.metrics import Average, ClassScore, Score, TestScore

INTERVAL_METHOD = "Wilson, 95 %"
CURVE_POINTS = 200

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class PrCurve:
    """Precision against recall for one class, one class against the rest.

    Attributes:
        recall, precision: same length, at most ``CURVE_POINTS``, recall ascending;
            both empty when the class has no image.
        average_precision: area under the unthinned steps; 0 without images.
    """

    recall: Floats
    precision: Floats
    average_precision: float


def summarise(labels: NDArray[Any], probabilities: NDArray[Any]) -> Score:
    """The headline of a split.

    Args:
        labels: int ``[N]``, class indices.
        probabilities: float ``[N, C]``, rows summing to one.

    Raises:
        DataError: shapes, values or labels that break a rule.
    """
    labels, probabilities = checked(labels, probabilities)
    correct = count_correct(labels, probabilities.argmax(axis=1))
    return Score(
        n=len(labels),
        correct=correct,
        accuracy=correct / len(labels),
        interval=wilson_interval(correct, len(labels)),
        loss=cross_entropy(labels, probabilities),
    )


def evaluate(
    labels: NDArray[Any], probabilities: NDArray[Any], class_names: Sequence[str]
) -> TestScore:
    """All scores of the test set but what is resampled, and the curve.

    Macro and weighted averages run over the classes that have images. A class without
    images has recall 0 with the interval 0 to 1, and average precision 0.

    Args:
        labels: int ``[N]``, class indices.
        probabilities: float ``[N, C]``, rows summing to one.
        class_names: ``C`` names.

    Raises:
        DataError: shapes, values, labels or the number of names break a rule.
    """
    labels, probabilities = checked(labels, probabilities)
    if len(class_names) != probabilities.shape[1]:
        raise DataError(
            f"class names: expected one for each of the {probabilities.shape[1]} columns of "
            f"probabilities, found {len(class_names)}"
        )
    confusion = confusion_counts(labels, probabilities.argmax(axis=1), len(class_names))
    classes = [
        _class_row(k, name, confusion, labels, probabilities) for k, name in enumerate(class_names)
    ]
    support = np.array([row.support for row in classes])
    return TestScore(
        **vars(summarise(labels, probabilities)),
        interval_method=INTERVAL_METHOD,
        confusion=tuple(tuple(row) for row in confusion.tolist()),
        classes=tuple(classes),
        macro=_averages(classes, (support > 0).astype(float)),
        weighted=_averages(classes, support.astype(float)),
    )


def confusion_counts(labels: Ints, predicted: Ints, classes: int) -> Ints:
    """Counts int ``[C, C]``: rows are true classes, columns predicted ones."""
    flat = np.bincount(labels * classes + predicted, minlength=classes * classes)
    return flat.reshape(classes, classes).astype(np.int64)


def pr_curves(
    labels: NDArray[Any], probabilities: NDArray[Any], classes: Sequence[int] | None = None
) -> list[PrCurve]:
    """One precision–recall curve a class, thinned to ``CURVE_POINTS`` points for drawing.

    Args:
        labels: int ``[N]``, class indices.
        probabilities: float ``[N, C]``, rows summing to one.
        classes: indices of those that are wanted; all without it.

    Raises:
        DataError: shapes, values or labels that break a rule.
    """
    labels, probabilities = checked(labels, probabilities)
    wanted = range(probabilities.shape[1]) if classes is None else classes
    return [_curve(labels == k, probabilities[:, k]) for k in wanted]


def _checked_probabilities(probabilities: Floats) -> Floats:
    if not np.isfinite(probabilities).all():
        row = int(np.argwhere(~np.isfinite(probabilities))[0, 0])
        raise DataError(
            f"probabilities: expected finite numbers, found {probabilities[row].tolist()} in row "
            f"{row}; the network has diverged"
        )
    sums = probabilities.sum(axis=1)
    worst = int(np.abs(sums - 1).argmax())
    if probabilities.min() < 0 or abs(sums[worst] - 1) > 1e-2:
        raise DataError(
            f"probabilities: expected rows of non-negative numbers summing to 1, found the sum "
            f"{sums[worst]:.4g} in row {worst}; pass softmax outputs, not logits"
        )
    return probabilities


def _class_row(
    k: int, name: str, confusion: Ints, labels: Ints, probabilities: Floats
) -> ClassScore:
    hits, support = int(confusion[k, k]), int(confusion[k].sum())
    predicted = int(confusion[:, k].sum())
    return ClassScore(
        name=name,
        precision=hits / predicted if predicted else 0.0,
        recall=hits / support if support else 0.0,
        recall_interval=wilson_interval(hits, support),
        f1=2 * hits / (predicted + support) if predicted + support else 0.0,
        support=support,
        average_precision=_average_precision(labels == k, probabilities[:, k]),
    )


def _averages(classes: Sequence[ClassScore], weights: Floats) -> Average:
    def mean(name: str) -> float:
        return float(np.average([getattr(row, name) for row in classes], weights=weights))

    return Average(mean("precision"), mean("recall"), mean("f1"), mean("average_precision"))


def _average_precision(hits: NDArray[np.bool_], scores: Floats) -> float:
    return float(average_precision_score(hits, scores)) if hits.any() else 0.0


def _curve(hits: NDArray[np.bool_], scores: Floats) -> PrCurve:
    if not hits.any():
        return PrCurve(np.empty(0), np.empty(0), 0.0)
    precision, recall, _ = precision_recall_curve(hits, scores)
    precision, recall = precision[::-1], recall[::-1]
    keep = _thinned(recall)
    return PrCurve(recall[keep], precision[keep], _average_precision(hits, scores))


def _thinned(recall: Floats) -> Ints:
    """Indices of at most ``CURVE_POINTS`` points, evenly spread along recall, ends kept."""
    if len(recall) <= CURVE_POINTS:
        return np.arange(len(recall))
    targets = np.linspace(recall[0], recall[-1], CURVE_POINTS)
    keep = np.searchsorted(recall, targets).clip(0, len(recall) - 1)
    return np.unique(keep).astype(np.int64)


def checked(labels: NDArray[Any], probabilities: NDArray[Any]) -> tuple[Ints, Floats]:
    """Labels int ``[N]`` and probabilities float ``[N, C]`` in double precision.

    Raises:
        DataError: shapes, values or labels that break a rule.
    """
    labels, probabilities = np.asarray(labels), np.asarray(probabilities)
    if probabilities.ndim != 2 or 0 in probabilities.shape:
        raise DataError(
            f"probabilities: expected shape (images, classes), neither 0, "
            f"found {probabilities.shape}"
        )
    images, classes = probabilities.shape
    if labels.shape != (images,):
        raise DataError(
            f"labels: expected shape ({images},), one for each row of probabilities, "
            f"found {labels.shape}"
        )
    if not np.issubdtype(labels.dtype, np.integer):
        raise DataError(f"labels: expected integer class indices, found {labels.dtype}")
    if labels.min() < 0 or labels.max() >= classes:
        raise DataError(
            f"labels: expected 0 to {classes - 1}, found {labels.min()} to {labels.max()}"
        )
    return labels.astype(np.int64), _checked_probabilities(probabilities.astype(np.float64))
