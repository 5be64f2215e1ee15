"""Evidence on the layers: convolutions against dense layers, kernels, pooling."""

from __future__ import annotations

from dataclasses import replace

from fmnist.report import text
from fmnist.report.evidence.ablation import with_experiments
from fmnist.report.evidence.base import ABSENT, DENSE, Shown, without_convolutions
from fmnist.report.facts import Facts
from fmnist.report.figures.image_grids import strongest_filters
from fmnist.report.narrative.ablation import informative
from fmnist.report.narrative.results import FEWEST_EPOCHS
from fmnist.report.narrative.training import activation
from fmnist.runs.records.ablation import Measured


def cnn_vs_dense(facts: Facts) -> Shown:
    """Parameters of the first convolution against those of an equally wide dense layer.

    And how well a dense network of equal parameters does.
    """
    if without_convolutions(facts):
        return DENSE
    shown = with_experiments(_parameters(facts), facts, "cnn_vs_dense")
    if facts.experiments is None or not informative(facts):
        return shown
    sizes = [_sizes(e, facts) for e in facts.experiments.of("cnn_vs_dense")]
    return replace(shown, sentences=[*shown.sentences, *sizes]) if sizes else shown


def _parameters(facts: Facts) -> Shown:
    evidence = facts.evidence
    if evidence is None or evidence.dense is None:
        return ABSENT
    conv = evidence.dense.first_layer_parameters_conv
    dense = evidence.dense.first_layer_parameters_dense
    return Shown(
        [
            f"The first convolution has {text.counted(conv, 'weight')}, biases left out. A dense "
            f"layer from the same image to as many outputs would have {text.count(dense)}.",
            f"The whole network has {text.counted(evidence.parameters, 'parameter')}"
            + (
                f", {text.percent(evidence.parameters / dense, digits=2)} of that one dense layer."
                if evidence.parameters < dense
                else "."
            ),
        ]
    )


def _sizes(e: Measured, facts: Facts) -> str:
    assert facts.experiments is not None
    assert facts.experiments.base is not None
    own = facts.experiments.base.parameters
    units = e.changes.get("dense_units")
    hidden = f" with {text.counted(units, 'hidden unit')}" if isinstance(units, int) else ""
    return (
        f"The dense network that stood against it{hidden} has {text.count(e.parameters)} "
        f"parameters, this one {text.count(own)}. Both were trained alike, with the settings of "
        "the convolutional one, whose shifted images are harder for a dense network."
    )


def filters(facts: Facts) -> Shown:
    """The kernels of the first convolution, and other sizes tried."""
    if without_convolutions(facts):
        return DENSE
    return with_experiments(_kernels(facts), facts, "filters")


def _kernels(facts: Facts) -> Shown:
    if facts.explanation is None:
        return ABSENT
    height, width, _, number = facts.explanation.kernels.shape
    return Shown(
        [
            f"The first convolution has {number} kernels of {height} × {width} weights, "
            f"{origin_of_kernels(facts)}.{_unfinished(facts)}"
        ],
        [figure] if (figure := strongest_filters(facts.explanation)) else [],
    )


def origin_of_kernels(facts: Facts) -> str:
    """Whether the first kernels are learned: those of a whitening stem are not."""
    c = facts.best.values() if facts.best else {}
    if c.get("whitening") and c.get("stem"):
        return "computed from the training images to whiten patches, and not trained"
    return "learned from the training images"


def _unfinished(facts: Facts) -> str:
    epochs = len(facts.history.epochs) if facts.history else FEWEST_EPOCHS
    if epochs >= FEWEST_EPOCHS:
        return ""
    return f" After {text.counted(epochs, 'epoch')} little should be read into them."


def pooling(facts: Facts) -> Shown:
    """Sizes of the feature maps before and after each pooling step, and the other kind tried."""
    if without_convolutions(facts):
        return DENSE
    return with_experiments(_steps(facts), facts, "pooling")


def _steps(facts: Facts) -> Shown:
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
        f"This network uses {named(record.kind)}, so its maps shrink in {text.listing(steps)}."
    ]
    if before and after:
        sentences.append(
            f"After the last stage, {text.counted(after, 'position')} in each map stand for the "
            f"{text.count(before)} of the input."
        )
    return Shown(sentences + _order_and_head(facts) + _pooling_in_search(facts))


def _order_and_head(facts: Facts) -> list[str]:
    """Where pooling stands in a stage, what it leaves out, and what pools at the end."""
    assert facts.evidence is not None
    assert facts.evidence.pooling is not None
    c = facts.best.values() if facts.best else {}
    found, pooled = [], c.get("pooling") != "strided"
    if pooled and any(side % 2 for b in facts.evidence.pooling.blocks for side in b.before[:2]):
        found.append("Where a side is odd, the last row and column are left out.")
    if pooled and c.get("pool_first"):
        found.append(f"Here pooling comes before batch normalisation and {activation(c)}.")
    if c.get("head") in ("average", "max"):
        found.append(
            f"At the end stands global {c['head']} pooling: whatever the size of the maps, it "
            "gives one value for each, so smaller maps save work and no parameters."
        )
    return found


def named(kind: str) -> str:
    """How a configuration halves its maps, in words."""
    return "convolutions of stride 2" if kind == "strided" else f"{kind} pooling"


def _pooling_in_search(facts: Facts) -> list[str]:
    best: dict[str, float] = {}
    for trial in facts.trials:
        kind = trial.params.get("pooling")
        if trial.state == "complete" and trial.value is not None and kind is not None:
            best[str(kind)] = max(best.get(str(kind), 0.0), trial.value)
    if len(best) < 2:
        return []
    reached = [f"{text.percent(v)} with {named(kind)}" for kind, v in sorted(best.items())]
    return [
        f"The best trials of the search reached {text.listing(reached)}; they differ in other "
        "hyperparameters too."
    ]
