"""The training recipe of a configuration, in sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fmnist.config.config import RULES, augmentations, from_dict
from fmnist.report import text
from fmnist.runs.records.run import BestConfig, RequestRecord
from search.engines.choices import ENGINES, PRUNERS, SAMPLERS
from search.records import Trial

OPTIMIZERS = {"adam": "Adam", "adamw": "AdamW", "sgd": "Stochastic gradient descent"}
NORMALISATIONS = {
    "raw": "Pixels enter as they are, 0 to 255.",
    "unit": "Pixels are divided by 255, so they enter in the range 0 to 1.",
    "signed": "Pixels are scaled from 0–255 to the range −1 to 1.",
}
COURSES = {"cosine": "along a cosine", "one-cycle": "along a straight line"}
_OUTPUTS = "a dense layer that gives each class its logit, with softmax"
_HEADS = {"average": ["global average pooling"], "max": ["global max pooling"]}


def engine(request: RequestRecord) -> str:
    """The search engine by its name."""
    return ENGINES.get(request.engine, request.engine)


def sampler(request: RequestRecord) -> str:
    """How the engine chose what to try, in words."""
    return SAMPLERS.get(request.sampler, request.sampler)


def limits(request: RequestRecord) -> str:
    """What a network was allowed at most; empty without a limit."""
    found = []
    if request.max_parameters is not None:
        found.append(text.counted(request.max_parameters, "parameter"))
    if request.max_size is not None:
        found.append(f"{request.max_size / 1e3:,g}{text.THIN}kB on the disk")
    if request.max_latency is not None:
        found.append(f"{1e3 * request.max_latency:g}{text.THIN}ms for an image")
    if not found:
        return ""
    return f"A network was allowed {text.listing(found)} at most; none above that was trained."


def pruning(request: RequestRecord, stopped: Sequence[Trial]) -> str:
    """Why trials were stopped early: without pruning only the clock stops them."""
    behind = [t for t in stopped if t.stopped_by == "pruner"]
    cut = [t for t in stopped if t.stopped_by == "clock"]
    they = "it" if len(behind or stopped) == 1 else "they"
    if request.pruner == "not known":  # of another program
        return "by the rule of the study or for want of time"
    if request.pruner == "none":
        return "because the time ran out"
    rule = PRUNERS.get(request.pruner, request.pruner)
    if len(cut) == len(stopped):
        return "because the time ran out"
    if len(behind) == len(stopped):
        return f"because {they} fell behind ({rule})"
    if len(behind) + len(cut) == len(stopped):
        return (
            f"{text.count(len(behind))} because {they} fell behind ({rule}) and "
            f"{text.count(len(cut))} because the time ran out"
        )
    return f"because {they} fell behind ({rule}) or the time ran out"


def network(best: BestConfig) -> str:
    """The network from its first layer to its last, in some short sentences."""
    c = best.values()
    dense = c.get("dense_units")
    hidden = [f"a dense layer of {text.counted(dense, 'unit')}"] if dense else []
    if best.dense:
        return f"The network is a dense one: {text.listing(['the pixels', *hidden, _OUTPUTS])}."
    last = text.listing([*_HEADS.get(str(c.get("head")), []), *hidden, _OUTPUTS])
    return (
        f"The network has {_stages(best)}. {_inside(c)}{_stem(c)} The last stage is followed by "
        f"{last}."
    )


def _inside(c: dict[str, Any]) -> str:
    """What stands behind the first convolution of each stage, or how it halves the maps itself."""
    kind, more = c.get("pooling", "max"), c.get("convolutions", 1) - 1
    strided, norm = kind == "strided", ["batch normalisation"] * bool(c.get("batch_norm"))
    behind = text.listing([*([] if strided else [f"{kind} pooling"]), *norm, activation(c)])
    them = "a second convolution" if more == 1 else f"{more} more convolutions"
    bridged = ", which a skip connection bypasses" if c.get("residual") else ""
    first = f"a convolution{' of stride 2' * strided}"
    return (
        f"In each, {first} is followed by {behind}{f', then by {them}{bridged}' if more else ''}."
    )


def activation(values: Mapping[str, Any]) -> str:
    """The activation of a configuration's convolutions, as it is written."""
    return {"relu": "ReLU", "silu": "SiLU"}[values.get("activation", "relu")]


def _stages(best: BestConfig) -> str:
    c = best.values()
    filters = from_dict(c, "best_config.toml").filters
    size = c.get("kernel_size", 3)
    return (
        f"{text.counted(len(filters), 'convolution stage')} with "
        f"{text.listing([str(f) for f in filters])} filters of {size} × {size}"
    )


def _stem(c: dict[str, Any]) -> str:
    """What stands before the first stage."""
    if not c.get("stem"):
        return ""
    how = "that halves the maps" if c.get("stem_stride", 1) > 1 else "without pooling"
    return f" A convolution {how} precedes them{_fixed(c)}."


def _fixed(c: dict[str, Any]) -> str:
    if not c.get("whitening"):
        return ""
    return ", whose kernels are not trained: they whiten 4 × 4 patches of the training images"


def sentences(best: BestConfig) -> list[str]:
    """How the network was trained, one sentence a subject, fields the file lacks left out."""
    c = best.values()
    return [s for s in (_input(c), _augmentation(c), _optimiser(c), _regularisers(c)) if s]


def _input(c: dict[str, Any]) -> str:
    scaled = NORMALISATIONS.get(str(c.get("normalisation")), "")
    size = c.get("image_size", 28)
    return scaled if size == 28 else f"{scaled} Images are resized to {size} × {size} pixels."


def _augmentation(c: dict[str, Any]) -> str:
    ways = []
    if c.get("flip"):
        ways.append("mirrored left to right with probability one half")
    if c.get("shift"):
        ways.append(f"shifted at random by up to {text.counted(c['shift'], 'pixel')}")
    if c.get("rotation"):
        ways.append(f"turned at random by up to {text.value(c['rotation'])} degrees")
    if c.get("erasing"):
        chance = text.percent(c["erasing"], digits=0)
        ways.append(f"blacked out in a random rectangle with a chance of {chance}")
    if not ways:
        return "Training images are not augmented."
    return f"Each time it is seen, a training image is {text.listing(ways)}."


def _optimiser(c: dict[str, Any]) -> str:
    if not {"optimizer", "learning_rate", "batch_size", "epochs"} <= set(c):
        return ""
    name = OPTIMIZERS.get(c["optimizer"], c["optimizer"])
    rate = text.value(c["learning_rate"])
    shape = COURSES.get(str(c.get("schedule")), "")
    course = (
        f"a learning rate that rises to {rate} and falls to zero {shape}"
        if shape
        else f"a constant learning rate of {rate}"
    )
    return (
        f"{name} minimises the cross-entropy over {text.counted(c['epochs'], 'epoch')} in batches "
        f"of {c['batch_size']} with {course}."
    )


def regularisers(c: dict[str, Any]) -> list[str]:
    """The regularisation that this configuration switches on."""
    named = {name: rule.regulariser for name, rule in RULES.items() if rule.regulariser}
    found = [words.format(text.value(c[name])) for name, words in named.items() if c.get(name)]
    if any(c.get(name) for name in augmentations()):
        found.append("augmentation")
    if c.get("batch_norm"):
        found.append("batch normalisation")
    return found


def batches(c: dict[str, Any]) -> str:
    """What training accuracy and loss are measured on: ``augmented batches with dropout on``."""
    augmented = any(c.get(name, name in ("flip", "shift")) for name in augmentations())
    kind = "augmented batches" if augmented else "batches"
    return f"{kind} with dropout on" if c.get("dropout", True) else kind


def _regularisers(c: dict[str, Any]) -> str:
    found = regularisers(c)
    if not found:
        return "No regulariser is switched on."
    kept = "the weights of the epoch that is best on validation images are kept"
    return f"Regularisation: {text.listing(found)}; {kept}."
