"""One concluding sentence for each concept question: what this run adds to the answer."""

from __future__ import annotations

from collections.abc import Callable

from fmnist.report import published, text
from fmnist.report.evidence.architecture import named, origin_of_kernels
from fmnist.report.evidence.base import without_convolutions
from fmnist.report.evidence.improvements import in_use
from fmnist.report.facts import Facts
from fmnist.report.narrative import ablation, calibration, results
from fmnist.runs.records.ablation import BETTER, UNDECIDED, Measured

HEAD = "In this run: "


def conclusion(key: str, facts: Facts) -> str:
    """What the run adds to the answer of a key of ``EVIDENCE``; empty where that is nothing.

    ``In this run: …``, or for the improvements ``In use here: … Not in use: …``.
    """
    if key == "improvements":
        return " ".join(in_use(facts))
    said = _CONCLUSIONS[key](facts) if key in _CONCLUSIONS else ""
    return f"{HEAD}{said}" if said else ""


def _cnn_vs_dense(facts: Facts) -> str:
    if without_convolutions(facts) or facts.metrics is None:
        return ""
    own = facts.metrics.baseline
    if own is not None:
        n = facts.metrics.test.n
        return (
            "a dense network of as many parameters classifies "
            f"{text.percent(own.accuracy, own.n)} of the test images correctly after "
            f"{text.counted(own.epochs, 'epoch')}, this one "
            f"{text.percent(facts.metrics.test.accuracy, n)}; their recipes differ too."
        )
    tried = _experiment(facts, "dense")
    if tried is not None:
        return f"a dense network of equal parameters was {_outcome(tried)}{_agreeing(tried)}"
    if not published.comparable(facts):
        return "no dense network of equal size was trained to its end, so this cannot be tested."
    dense = next(r for r in published.load_published() if r.name == published.BASELINES[0])
    low, high = facts.metrics.test.interval
    figure = text.percent(dense.accuracy, digits=1)
    if low > dense.accuracy:
        return (
            f"the CNN is above a published dense network ({figure}), which is consistent with this."
        )
    if high < dense.accuracy:
        return f"the CNN is below a published dense network ({figure}), as it was trained here."
    return f"the CNN is not told apart from a published dense network ({figure})."


def _filters(facts: Facts) -> str:
    if without_convolutions(facts) or facts.explanation is None:
        return ""
    height, width, _, number = facts.explanation.kernels.shape
    return (
        f"the first layer turns one grey image into {number} feature maps with kernels of "
        f"{height} × {width} pixels, {origin_of_kernels(facts)}{_biases(facts)}."
    )


def _biases(facts: Facts) -> str:
    """Of the convolutions, which have none before a normalisation."""
    normed = facts.best is not None and facts.best.values().get("batch_norm")
    return "; they have no biases, since batch normalisation shifts the maps" if normed else ""


def _pooling(facts: Facts) -> str:
    if without_convolutions(facts) or facts.evidence is None or facts.evidence.pooling is None:
        return ""
    record, tried = facts.evidence.pooling, _experiment(facts, "pooling")
    if tried is not None:
        return f"{tried.title} was {_outcome(tried)}."
    first, last = record.blocks[0].before[:2], record.blocks[-1].after[:2]
    return (
        f"with {named(record.kind)} the maps go from {text.shape(first)} to {text.shape(last)}; "
        "whether another kind would do better was not tested."
    )


def _normalisation(facts: Facts) -> str:
    tried = _experiment(facts, "normalisation_raw")
    normed = bool(facts.best and facts.best.values().get("batch_norm"))
    if tried is not None:
        expected = ", as expected with batch normalisation" if normed else ""
        return (
            f"{tried.title} was {_outcome(tried)}{expected if tried.verdict == UNDECIDED else ''}."
        )
    if normed:
        return (
            "what the range of the pixels is worth was not tested; with batch normalisation it "
            "should be little."
        )
    return ""


def _softmax(facts: Facts) -> str:
    found = facts.metrics.calibration if facts.metrics else None
    if found is None or facts.metrics is None:
        return ""
    side = "less" if calibration.underconfident(facts) else "more"
    chance = "which agree within chance"
    trusted = chance if found.before.within_chance else f"so it is {side} certain than it should be"
    return (
        f"the mean stated probability is {text.percent(found.before.mean_confidence, digits=1)} "
        f"and {text.percent(facts.metrics.test.accuracy, digits=1)} are right, {trusted}."
    )


def _overfitting(facts: Facts) -> str:
    if facts.history is None:
        return ""
    found = results.overfitting(facts.history, facts.single_view)
    if len(facts.history.epochs) < results.FEWEST_EPOCHS:
        return "the final training had too few epochs to judge overfitting."
    if found.gap is None:
        return "the gap to images that the network learnt was not measured."
    words = {"clear": "clear overfitting", "mild": "mild overfitting", "none": "little overfitting"}
    return (
        "accuracy on plain training images exceeds that on test images by "
        f"{text.points(found.gap)}: {words[found.verdict]}."
    )


def _confusion_matrix(facts: Facts) -> str:
    if facts.metrics is None or not (ranked := results.confusions(facts.metrics.test)):
        return ""
    worst = ranked[0]
    pair = {worst.true, worst.predicted}
    both = [c for c in ranked if {c.true, c.predicted} == pair]
    share = sum(c.share_of_errors for c in both)
    part = f"{text.percent(share, digits=0)} of all errors"
    if all(c.name != worst.predicted for c in facts.metrics.test.tested_classes):
        return (
            f"{worst.true} taken for {worst.predicted}, of which the test set holds no image, "
            f"makes up {part}."
        )
    other = both[1].count if len(both) > 1 else 0
    chance = not results.uneven(worst.count, other, len(facts.metrics.test.classes))
    one, back = text.count(worst.count), text.count(other)
    found = f"confusions of {worst.true} and {worst.predicted} make up {part}"
    if chance:
        return f"{found}; that they are {one} one way and {back} the other may be chance."
    return f"{found}, {one} one way and {back} the other: the boundary favours {worst.predicted}."


def _experiment(facts: Facts, key: str) -> Measured | None:
    """The experiment, where it can tell something."""
    found = facts.experiments
    if found is None or not ablation.informative(facts):
        return None
    return next((e for e in found.experiments if e.key == key), None)


def _outcome(e: Measured) -> str:
    """``worse by 4.10 percentage points in small trainings``."""
    if e.verdict == UNDECIDED:
        return "not told apart in small trainings"
    return f"{e.verdict} by {text.points(abs(e.difference))} in small trainings"


def _agreeing(e: Measured) -> str:
    if e.verdict == UNDECIDED:
        return ", which cannot test the answer."
    return ", which contradicts the answer." if e.verdict == BETTER else ", which agrees with this."


_CONCLUSIONS: dict[str, Callable[[Facts], str]] = {
    "cnn_vs_dense": _cnn_vs_dense,
    "filters": _filters,
    "pooling": _pooling,
    "normalisation": _normalisation,
    "softmax": _softmax,
    "overfitting": _overfitting,
    "confusion_matrix": _confusion_matrix,
}
