"""What is tried around a configuration, as data: one entry is one comparison with it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from fmnist.ablation import factors
from fmnist.ablation.experiment import NO_CONVOLUTIONS, OTHER, TELLING, Experiment
from fmnist.config.config import RULES, Config, augmentations
from fmnist.models.size import size_of

NORMALISATIONS = {"raw": "[0, 255]", "unit": "[0, 1]", "signed": "[−1, 1]"}
AUGMENTATION = "augmentation"
L2 = 1e-4
"""The penalty that is tried where the configuration has none."""
LONGER, MORE = 2, 2
"""How many times the epochs and the images, to see whether more of them help."""
# None of these changes what is trained: epochs are those of the experiments, and validation images
# are scored alone, without further views.
_LEFT_ALONE = ("epochs", "test_time_flip", "test_time_shift")


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
        *factors.poolings(config),
        *_normalisations(config),
        _dropout(config),
        _augmentation(config, usual),
        _batch_norm(config),
        _penalties(config),
        _label_smoothing(config),
        _default(config, usual),
        *factors.kernels(config),
        *factors.depths(config),
        *factors.widths(config),
        *factors.optimizers(config),
        _longer(),
        _more_images(all_images),
    ]
    made = (replace(e, changes={}) if e.reason else e for e in found)
    return sorted(made, key=lambda e: e.priority)


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
        {"stages": 0, "dense_units": equal_units(config, classes)},
        priority=TELLING,
        reason="" if config.filters else NO_CONVOLUTIONS,
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
            priority=TELLING if kind == others[0] else OTHER,
        )


def _dropout(config: Config) -> Experiment:
    return Experiment(
        "dropout",
        "overfitting",
        "without dropout",
        f"dropout of {config.dropout:.3g} against none"
        if config.dropout
        else "dropout against none",
        {"dropout": 0.0},
        priority=TELLING,
        reason="" if config.dropout else "dropout is already 0",
    )


def _augmentation(config: Config, usual: Config) -> Experiment:
    used = {name: v for name in augmentations() if (v := getattr(config, name))}
    changes = {n: type(v)(0) for n, v in used.items()} or {
        n: v for n in ("flip", "shift") if (v := getattr(usual, n))
    }
    words = f"{'mirror images and ' if usual.flip else ''}shifts of {usual.shift} pixels"
    return Experiment(
        AUGMENTATION,
        "overfitting",
        "without augmentation" if used else f"with {words}",
        f"augmentation ({', '.join(used)}) against none" if used else f"no augmentation or {words}",
        changes,
        priority=TELLING,
    )


def _batch_norm(config: Config) -> Experiment:
    used = config.batch_norm
    return Experiment(
        "batch_norm",
        "overfitting",
        f"{'without' if used else 'with'} batch normalisation",
        f"{'batch normalisation' if used else 'no batch normalisation'} against "
        f"{'none' if used else 'batch normalisation'}",
        {"batch_norm": not used},
        priority=TELLING,
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
        {"label_smoothing": 0.0},
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
    *("dropout", AUGMENTATION, "batch_norm", "weight_decay", "label_smoothing"),
    *("default", "deeper", "wider", "longer", "more_images"),
    *("pooling_other", *(f"kernel_{size}" for size in factors.KERNELS), "shallower", "narrower"),
    *("optimizer", "optimizer_rate"),
)
"""All keys; the place of one in this list, from 1 on, is part of the numbers of its trainings."""
FACTORS = {
    "kernel": tuple(f"kernel_{size}" for size in factors.KERNELS),
    "depth": ("deeper", "shallower"),
    "filters": ("wider", "narrower"),
    "optimizer": ("optimizer", "optimizer_rate"),
    "pooling": ("pooling", "pooling_other"),
    "normalisation": tuple(f"normalisation_{kind}" for kind in NORMALISATIONS),
}
"""The keys of what is compared at several values."""
