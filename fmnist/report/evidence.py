"""The "In this run" boxes: for each evidence key, what this run's own numbers show."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

from fmnist.report import findings, recipe, text
from fmnist.report.figures import Figure, Mosaic
from fmnist.report.figures.mosaic import strongest_filters
from fmnist.report.figures.results import softmax_figure
from fmnist.report.records import Facts
from fmnist.report.records.run import BestConfig


@dataclass(frozen=True)
class Shown:
    """Sentences and pictures of this run that go with one answer."""

    sentences: list[str]
    figures: list[Figure | Mosaic] = field(default_factory=list)


ABSENT = Shown([text.NOT_RECORDED])
DENSE = Shown(["The network of this run is a dense one, without convolutions and pooling."])


def _without_convolutions(facts: Facts) -> bool:
    return facts.best is not None and facts.best.dense


def cnn_vs_dense(facts: Facts) -> Shown:
    """Parameters of the first convolution against those of an equally wide dense layer."""
    evidence = facts.evidence
    if _without_convolutions(facts):
        return DENSE
    if evidence is None or evidence.dense is None:
        return ABSENT
    conv = evidence.dense.first_layer_parameters_conv
    dense = evidence.dense.first_layer_parameters_dense
    return Shown(
        [
            f"The first convolution has {text.counted(conv, 'parameter')}. A dense layer from the "
            f"same image to as many outputs would have {text.count(dense)}, "
            f"{text.count(round(dense / conv))} times as many.",
            f"The whole network has {text.counted(evidence.parameters, 'parameter')}"
            + (
                f", {text.percent(evidence.parameters / dense, digits=2)} of that one dense layer."
                if evidence.parameters < dense
                else "."
            ),
        ]
    )


def filters(facts: Facts) -> Shown:
    """The kernels of the first convolution."""
    if _without_convolutions(facts):
        return DENSE
    if facts.explanation is None:
        return ABSENT
    height, width, _, number = facts.explanation.kernels.shape
    return Shown(
        [
            f"The first convolution learned {number} kernels of {height} × {width} weights from "
            "the training images. The chapter “What the network sees” shows them all."
        ],
        [figure] if (figure := strongest_filters(facts.explanation)) else [],
    )


def pooling(facts: Facts) -> Shown:
    """Sizes of the feature maps before and after each pooling step."""
    if _without_convolutions(facts):
        return DENSE
    if facts.evidence is None or facts.evidence.pooling is None:
        return ABSENT
    record = facts.evidence.pooling
    steps = [
        f"stage {b.block} from {text.shape(b.before[:2])} to {text.shape(b.after[:2])}"
        for b in record.blocks
    ]
    before = sum(b.before[0] * b.before[1] for b in record.blocks[:1])
    after = sum(b.after[0] * b.after[1] for b in record.blocks[-1:])
    sentences = [
        f"This network uses {record.kind} pooling. It shrinks the maps of {text.listing(steps)}."
    ]
    if before and after:
        sentences.append(
            f"After the last stage, {text.counted(after, 'position')} in each map stand for the "
            f"{text.count(before)} of the input."
        )
    return Shown(sentences + _pooling_in_search(facts))


def _pooling_in_search(facts: Facts) -> list[str]:
    best: dict[str, float] = {}
    for trial in facts.trials:
        kind = trial.params.get("pooling")
        if trial.state == "complete" and trial.value is not None and kind is not None:
            best[str(kind)] = max(best.get(str(kind), 0.0), trial.value)
    if len(best) < 2:
        return []
    reached = [f"{text.percent(v)} with {kind} pooling" for kind, v in sorted(best.items())]
    return [
        f"The best trials of the search reached {text.listing(reached)}; they differ in other "
        "hyperparameters too."
    ]


def normalisation(facts: Facts) -> Shown:
    """Raw pixel values, and what the configuration does to them."""
    sentences = []
    if facts.evidence is not None and facts.evidence.pixels is not None:
        p = facts.evidence.pixels
        sentences.append(
            f"The raw training pixels run from {p.minimum:g} to {p.maximum:g}, with mean "
            f"{p.mean:.1f} and standard deviation {p.std:.1f}."
        )
    if facts.best is not None:
        kind = str(facts.best.values().get("normalisation", ""))
        sentences += [recipe.NORMALISATIONS[kind]] if kind in recipe.NORMALISATIONS else []
        if facts.best.values().get("batch_norm"):
            sentences.append(
                "Batch normalisation then rescales the feature maps inside the network as well."
            )
    return Shown(sentences) if sentences else ABSENT


def softmax(facts: Facts) -> Shown:
    """Logits and probabilities of one test image."""
    if facts.evidence is None or facts.evidence.softmax is None:
        return ABSENT
    record, names = facts.evidence.softmax, facts.class_names
    total = sum(record.probabilities)
    outcome = "correctly" if record.predicted == record.true else "wrongly"
    ranked = sorted(range(len(names)), key=lambda k: -record.logits[k])
    first, second = ranked[0], ranked[1]
    ahead = record.logits[first] - record.logits[second]
    times = text.number(float(f"{math.exp(ahead):.2g}"))
    return Shown(
        [
            f"Test image {record.test_index} is {outcome} classified as "
            f"{names[record.predicted]}. Its {len(names)} probabilities sum to {total:.4f}.",
            f"The logit of {names[first]} lies {ahead:.2f} above that of {names[second]}, so its "
            f"probability is exp({ahead:.2f}) ≈ {times} times as large.",
        ],
        [softmax_figure(record, names)],
    )


def overfitting(facts: Facts) -> Shown:
    """The gap between training and validation, and the regularisers in use."""
    sentences = []
    if facts.history is not None:
        sentences.append(findings.overfitting(facts.history).sentence)
        sentences.append(
            "Training accuracy is measured with augmentation and dropout on, which lowers it."
        )
    if facts.best is not None:
        used = recipe.regularisers(facts.best.values())
        sentences.append(
            f"The configuration uses {text.listing(used)}."
            if used
            else "The configuration switches no regulariser on."
        )
    if facts.history is not None:
        sentences.append(
            f"Of {text.counted(len(facts.history.epochs), 'epoch')} the weights of epoch "
            f"{facts.history.chosen_epoch} were kept."
        )
    return Shown(sentences) if sentences else ABSENT


def confusion_matrix(facts: Facts) -> Shown:
    """The most frequent error and the hardest and easiest class."""
    if facts.metrics is None:
        return ABSENT
    test = facts.metrics.test
    ranked, low, high = findings.confusions(test), findings.hardest(test), findings.easiest(test)
    if not ranked:
        return Shown([f"All {text.count(test.n)} test images lie on the diagonal."])
    worst = ranked[0]
    back = next(
        (c.count for c in ranked if (c.true, c.predicted) == (worst.predicted, worst.true)), 0
    )
    return Shown(
        [
            f"The most frequent error takes {worst.true} for {worst.predicted}: "
            f"{text.count(worst.count)} of {text.count(worst.support)} images. The other way "
            f"round it happens {text.count(back)} times.",
            f"{low.name} is the hardest class, with a recall of "
            f"{text.percent(low.recall, digits=1)} (95{text.THIN}% interval "
            f"{text.interval(low.recall_interval, digits=1)}); {high.name} is the easiest, with "
            f"{text.percent(high.recall, digits=1)}.",
        ]
    )


def improvements(facts: Facts) -> Shown:
    """What the run's numbers suggest trying next."""
    sentences: list[str] = []
    if facts.history is not None:
        sentences.append(_advice_from_curves(facts))
    if facts.metrics is not None:
        sentences += _advice_from_errors(facts)
    if facts.best is not None:
        edges = findings.at_the_edge(facts.best, facts.space)
        if facts.space is not None and not edges:
            edges = [
                "No chosen value lies at an end of its searched range, so the ranges themselves "
                "give no sign of being too narrow."
            ]
        sentences += edges
        sentences += _missing_means(facts.best)
    return Shown(sentences) if sentences else ABSENT


def _advice_from_curves(facts: Facts) -> str:
    assert facts.history is not None
    found = findings.overfitting(facts.history)
    last = facts.history.epochs[-1].epoch
    if found.verdict == "none" and found.lowest_epoch == last:
        return (
            "Validation loss was lowest in the last epoch and the curves show no overfitting, so "
            "longer training or a larger network is worth trying."
        )
    if found.verdict == "clear":
        return (
            "Overfitting is clear, so stronger regularisation or more augmentation comes before "
            "a larger network."
        )
    return (
        f"Training accuracy differs from validation accuracy by {text.points(abs(found.gap))} at "
        "the chosen epoch; a larger network helps only together with more augmentation."
    )


def _advice_from_errors(facts: Facts) -> list[str]:
    assert facts.metrics is not None
    top = findings.confusions(facts.metrics.test)[:3]
    if not top:
        return []
    share = sum(c.share_of_errors for c in top)
    pairs = text.listing([f"{c.true} taken for {c.predicted}" for c in top])
    return [
        f"{text.percent(share, digits=0)} of all test errors are of three kinds: {pairs}. Work on "
        "these classes, on their images or on what tells them apart, reaches the most errors."
        if len(top) == 3
        else f"The errors are of few kinds: {pairs}."
    ]


def _missing_means(best: BestConfig) -> list[str]:
    c = best.values()
    unused = []
    if not c.get("batch_norm"):
        unused.append("batch normalisation")
    if not (c.get("flip") or c.get("shift")):
        unused.append("augmentation")
    if not c.get("dropout"):
        unused.append("dropout")
    return [f"Not used by this configuration: {text.listing(unused)}."] if unused else []


EVIDENCE: dict[str, Callable[[Facts], Shown]] = {
    "cnn_vs_dense": cnn_vs_dense,
    "filters": filters,
    "pooling": pooling,
    "normalisation": normalisation,
    "softmax": softmax,
    "overfitting": overfitting,
    "confusion_matrix": confusion_matrix,
    "improvements": improvements,
}
"""Evidence key of a question file to the function that answers it from the run."""
