"""What is tried around a configuration, as data: one entry is one comparison with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from fmnist.config.config import RULES, Config, augmentations
from fmnist.models.size import size_of

NORMALISATIONS = {"raw": "[0, 255]", "unit": "[0, 1]", "signed": "[−1, 1]"}
L2 = 1e-4
"""The penalty that is tried where the configuration has none."""
WIDER, LONGER, MORE = 1.5, 2, 2
"""How many times the filters, the epochs and the images, to see whether more of them help."""
# Neither changes what is trained: epochs are those of the experiments, and validation images are
# scored without their mirror images.
_LEFT_ALONE = ("epochs", "test_time_flip")
_NO_CONVOLUTIONS = "the network of this run is a dense one"


@dataclass(frozen=True)
class Experiment:
    """One variant of the configuration.

    Attributes:
        key: its name in files, one of ``KEYS``.
        question: key of the concept answer that it is evidence for.
        title: the variant in words, such as ``without dropout``.
        compares: what stands against what.
        changes: fields of the configuration that differ.
        epochs, images: how many times those of the base.
        telling: made first where time is short.
        reason: why it cannot be made; empty where it can.
    """

    key: str
    question: str
    title: str
    compares: str
    changes: Mapping[str, Any] = field(default_factory=dict)
    epochs: int = 1
    images: int = 1
    telling: bool = False
    reason: str = ""


def catalogue(
    config: Config, classes: int = 10, *, all_images: bool = False, mirrors: bool = True
) -> list[Experiment]:
    """Every experiment around ``config``, the most telling first.

    Args:
        mirrors: mirrored images keep their class, so the usual augmentation has them.
        all_images: the base is trained on all training images, so there are no more of them.
    """
    usual = Config() if mirrors else Config(flip=False, test_time_flip=False)
    found = [
        _dense(config, classes),
        _pooling(config),
        *_normalisations(config),
        _dropout(config),
        _augmentation(config, usual),
        _batch_norm(config),
        _penalties(config),
        _label_smoothing(config),
        _default(config, usual),
        _deeper(config),
        _wider(config),
        _longer(),
        _more_images(all_images),
    ]
    return sorted(found, key=lambda e: not e.telling)


def equal_units(config: Config, classes: int = 10) -> int:
    """Units of the hidden layer with which a dense network has as many parameters as ``config``.

    As near from below as whole units and the range of ``dense_units`` allow: never above a cap.
    """

    def parameters(units: int) -> int:
        return size_of(config.replace(stages=0, dense_units=units), classes).parameters

    wanted, one, two = size_of(config, classes).parameters, parameters(1), parameters(2)
    most = int(RULES["dense_units"].high or 0)
    return max(1, min(most, 1 + (wanted - one) // (two - one)))


def _dense(config: Config, classes: int) -> Experiment:
    return Experiment(
        "dense",
        "cnn_vs_dense",
        "a dense network of equal parameters",
        "the convolutional network against a dense one of equal parameters",
        {"stages": 0, "dense_units": equal_units(config, classes)} if config.filters else {},
        telling=True,
        reason="" if config.filters else _NO_CONVOLUTIONS,
    )


def _pooling(config: Config) -> Experiment:
    other = "average" if config.pooling == "max" else "max"
    return Experiment(
        "pooling",
        "pooling",
        f"{other} pooling instead of {config.pooling}",
        f"{config.pooling} against {other} pooling",
        {"pooling": other} if config.filters else {},
        telling=True,
        reason="" if config.filters else _NO_CONVOLUTIONS,
    )


def _normalisations(config: Config) -> Iterator[Experiment]:
    """Both other ranges; where the raw pixels are one of them, they tell most."""
    others = [kind for kind in NORMALISATIONS if kind != config.normalisation]
    own = NORMALISATIONS[config.normalisation]
    for kind in others:
        yield Experiment(
            f"normalisation_{kind}",
            "normalisation",
            f"pixels in {NORMALISATIONS[kind]}",
            f"pixels in {own} against {NORMALISATIONS[kind]}",
            {"normalisation": kind},
            telling=kind == others[0],
        )


def _dropout(config: Config) -> Experiment:
    return Experiment(
        "dropout",
        "overfitting",
        "without dropout",
        f"dropout of {config.dropout:.3g} against none"
        if config.dropout
        else "dropout against none",
        {"dropout": 0.0} if config.dropout else {},
        telling=True,
        reason="" if config.dropout else "dropout is already 0",
    )


def _augmentation(config: Config, usual: Config) -> Experiment:
    used = {name: v for name in augmentations() if (v := getattr(config, name))}
    changes = {n: type(v)(0) for n, v in used.items()} or {
        n: v for n in ("flip", "shift") if (v := getattr(usual, n))
    }
    words = f"{'mirror images and ' if usual.flip else ''}shifts of {usual.shift} pixels"
    return Experiment(
        "augmentation",
        "overfitting",
        "without augmentation" if used else f"with {words}",
        f"augmentation ({', '.join(used)}) against none" if used else f"no augmentation or {words}",
        changes,
        telling=True,
    )


def _batch_norm(config: Config) -> Experiment:
    used = config.batch_norm
    return Experiment(
        "batch_norm",
        "overfitting",
        f"{'without' if used else 'with'} batch normalisation",
        f"{'batch normalisation' if used else 'no batch normalisation'} against "
        f"{'none' if used else 'batch normalisation'}",
        {"batch_norm": not used} if config.filters else {},
        telling=True,
        reason="" if config.filters else "a dense network has no batch normalisation here",
    )


def _penalties(config: Config) -> Experiment:
    names = {"l2": "L2 penalty", "weight_decay": "weight decay"}
    used = [name for name in names if getattr(config, name)]
    words = " and ".join(names[name] for name in used)
    changes = dict.fromkeys(used, 0.0) or {"l2": L2}
    return Experiment(
        "weight_decay",
        "overfitting",
        f"without {words}" if used else f"with an L2 penalty of {L2:g}",
        f"{words} against none" if used else f"no penalty on the weights or one of {L2:g}",
        changes,
    )


def _label_smoothing(config: Config) -> Experiment:
    used = config.label_smoothing
    return Experiment(
        "label_smoothing",
        "overfitting",
        "without label smoothing",
        f"label smoothing of {used:.3g} against none" if used else "label smoothing against none",
        {"label_smoothing": 0.0} if used else {},
        reason="" if used else "label smoothing is already 0",
    )


def _default(config: Config, usual: Config) -> Experiment:
    own = config.to_dict()
    changes = {
        name: value
        for name, value in usual.to_dict().items()
        if value != own[name] and name not in _LEFT_ALONE
    }
    return Experiment(
        "default",
        "improvements",
        "the default configuration",
        "the configuration of this run against the default one",
        changes,
        reason="" if changes else "the configuration is the default one",
    )


def _deeper(config: Config) -> Experiment:
    most = int(RULES["convolutions"].high or 0)
    reasons: dict[str, Callable[[], bool]] = {
        _NO_CONVOLUTIONS: lambda: not config.filters,
        f"a stage has {most} convolutions already": lambda: config.convolutions >= most,
    }
    reason = next((text for text, applies in reasons.items() if applies()), "")
    return Experiment(
        "deeper",
        "improvements",
        "one more convolution in each stage",
        f"{config.convolutions} against {config.convolutions + 1} convolutions in each stage",
        {} if reason else {"convolutions": config.convolutions + 1},
        reason=reason,
    )


def _wider(config: Config) -> Experiment:
    name = "width" if config.filters else "dense_units"
    what = "filters" if config.filters else "units of the hidden layer"
    wanted = WIDER * getattr(config, name)
    high = RULES[name].high or 0
    reason = "" if wanted else "the network has no hidden layer"
    reason = f"{name} cannot be larger than {high:g}" if wanted > high else reason
    value = wanted if name == "width" else round(wanted)
    return Experiment(
        "wider",
        "improvements",
        f"{WIDER:g} times the {what}",
        f"the network against one with {WIDER:g} times the {what}",
        {} if reason else {name: value},
        reason=reason,
    )


def _longer() -> Experiment:
    return Experiment(
        "longer", "improvements", "twice the epochs", "the epochs against twice as many",
        epochs=LONGER,
    )  # fmt: skip


def _more_images(all_images: bool) -> Experiment:
    return Experiment(
        "more_images",
        "improvements",
        "twice the images",
        "the images against twice as many",
        images=MORE,
        reason="the experiments use all training images already" if all_images else "",
    )


KEYS = (
    *("dense", "pooling", "normalisation_raw", "normalisation_unit", "normalisation_signed"),
    *("dropout", "augmentation", "batch_norm", "weight_decay", "label_smoothing"),
    *("default", "deeper", "wider", "longer", "more_images"),
)
"""All keys; the place of one in this list, from 1 on, is part of the numbers of its trainings."""
