"""Experiments that courses ask for by name: pooling, kernels, depth, filters, optimiser.

Each function yields the neighbours of a configuration in one factor; see ``variants.catalogue``.
"""

from __future__ import annotations

from collections.abc import Iterator

from fmnist.ablation.experiment import NAMED, NO_CONVOLUTIONS, TELLING, Experiment
from fmnist.config.config import RULES, Config

KERNELS = (3, 5, 7)
NARROWER, WIDER = 0.5, 1.5
"""How many times the filters."""
_POOLINGS = {
    "max": "max pooling", "average": "average pooling", "strided": "strided convolutions",
}  # fmt: skip
_OPTIMIZERS = {"adam": "Adam", "adamw": "AdamW", "sgd": "SGD"}
_RATE = 10
"""How many times the learning rate of Adam is usual for stochastic gradient descent."""


def poolings(config: Config) -> Iterator[Experiment]:
    """Both other ways to halve the maps, the other kind of pooling first."""
    own = _POOLINGS[config.pooling]
    others = (kind for kind in _POOLINGS if kind != config.pooling)
    for kind, key, priority in zip(
        others, ("pooling", "pooling_other"), (TELLING, NAMED), strict=True
    ):
        yield Experiment(
            key,
            "pooling",
            f"{_POOLINGS[kind]} instead of {own}",
            f"{own} against {_POOLINGS[kind]}",
            {"pooling": kind},
            priority=priority,
            reason="" if config.filters else NO_CONVOLUTIONS,
        )


def kernels(config: Config) -> Iterator[Experiment]:
    """The other sizes of every kernel."""
    own = config.kernel_size
    for size in KERNELS:
        if size != own:
            yield Experiment(
                f"kernel_{size}",
                "filters",
                f"kernels of {size} × {size} instead of {own} × {own}",
                f"kernels of {own} × {own} against {size} × {size}",
                {"kernel_size": size},
                priority=NAMED,
                reason="" if config.filters else NO_CONVOLUTIONS,
            )


def depths(config: Config) -> Iterator[Experiment]:
    """More convolutions in each stage; fewer stages."""
    most, stages = int(RULES["convolutions"].high or 0), len(config.filters)
    full = f"a stage has {most} convolutions already" if config.convolutions >= most else ""
    yield Experiment(
        "deeper",
        "improvements",
        "one more convolution in each stage",
        f"{config.convolutions} against {config.convolutions + 1} convolutions in each stage",
        {"convolutions": config.convolutions + 1},
        priority=NAMED,
        reason=full if stages else NO_CONVOLUTIONS,
    )
    single = "there is one stage only" if stages == 1 else ""
    yield Experiment(
        "shallower",
        "improvements",
        "one stage of convolutions fewer",
        f"{stages} stages of convolutions against {stages - 1}",
        {"stages": stages - 1},
        priority=NAMED,
        reason=single if stages else NO_CONVOLUTIONS,
    )


def widths(config: Config) -> Iterator[Experiment]:
    """More and fewer filters, or units of the hidden layer of a dense network."""
    name, what = ("width", "filters") if config.filters else ("dense_units", "hidden units")
    for key, times in (("wider", WIDER), ("narrower", NARROWER)):
        value = times * getattr(config, name)
        changes = {name: value if name == "width" else round(value)}
        reason = _no_width(config, name, value)
        own, other = (
            ", ".join(map(str, c.filters or (c.dense_units,)))
            for c in (config, config if reason else config.replace(**changes))
        )
        yield Experiment(
            key,
            "improvements",
            f"{'more' if times > 1 else 'fewer'} {what}{'' if reason else f' ({other})'}",
            f"{what} {own} against {other}",
            changes,
            priority=NAMED,
            reason=reason,
        )


def _no_width(config: Config, name: str, value: float) -> str:
    """Why a network cannot be so wide; empty where it can."""
    low, high = RULES[name].low or 0, RULES[name].high or 0
    if not value:
        return "the network has no hidden layer"
    if not low <= value <= high:
        return f"{name} cannot be {value:g}: it may be {RULES[name].describe()}"
    if name == "width":
        pairs = zip(config.filters, config.replace(width=value).filters, strict=True)
        if not all(b > a if value > config.width else b < a for a, b in pairs):
            return "numbers of filters are multiples of 8"
    return ""


def optimizers(config: Config) -> Iterator[Experiment]:
    """The other kind of gradient method, at this learning rate and at one usual for it."""
    own, rule = config.optimizer, RULES["learning_rate"]
    other = "sgd" if own != "sgd" else "adamw" if config.weight_decay else "adam"
    usual = config.learning_rate * (_RATE if other == "sgd" else 1 / _RATE)
    for key, rate in (("optimizer", config.learning_rate), ("optimizer_rate", usual)):
        fits = (rule.low or 0) <= rate <= (rule.high or 0)
        yield Experiment(
            key,
            "improvements",
            f"{_OPTIMIZERS[other]} instead of {_OPTIMIZERS[own]}, learning rate {rate:.2g}",
            f"{_OPTIMIZERS[own]} against {_OPTIMIZERS[other]} at a learning rate of {rate:.2g}",
            {"optimizer": other, **({"learning_rate": rate} if rate == usual else {})},
            priority=NAMED,
            reason="" if fits else f"a learning rate of {rate:.2g} is not allowed",
        )
