"""What training a network costs before it was ever trained: multiples of one reference network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fmnist.config.config import Config
from fmnist.models.size import size_of

REFERENCE: Mapping[str, Any] = {
    "stem": 32,
    "stem_stride": 2,
    "convolutions": 2,
    "residual": True,
    "head": "max",
    "dense_units": 0,
}
"""The network whose speed is measured: a residual one on maps of a quarter of the size."""

TYPICAL_SPEED = 9_000.0
"""Images a second that a fast processor of two cores trains the reference network with."""

# Microseconds an image: for a million multiplications, a thousand values of maps, and a thousand
# parameters updated once a batch. Least squares over eleven networks of 20,000 to 1.2 million
# parameters on two cores without AVX-512, TensorFlow 2.21, those of the plan's own counting three
# times: within 10 % for these, within 35 % for all but the smallest.
_OPERATIONS, _MAPS, _UPDATES = 78.6, 11.4, 56.0
# And for a thousand values of maps that go through SiLU: 1 to 6 % of a step on an EPYC of Zen 3.
_SILU = 1.0


def slowness_of(speed: float | None) -> float:
    """How many times a fast machine's time what is not training takes here; at least 1.

    Drawing, typesetting and imports gain and lose less than training does: its fourth root, by
    two machines, of which one trained 4.6 times as slowly.
    """
    return round(max(1.0, TYPICAL_SPEED / speed) ** 0.25, 2) if speed else 1.0


def relative_cost(config: Config) -> float:
    """Time to train an image with the network of ``config``, as a multiple of the reference."""
    return _microseconds(config) / _microseconds(Config(**REFERENCE))


def _microseconds(config: Config) -> float:
    size = size_of(config)
    return (
        _OPERATIONS * size.operations / 1e6
        + (_MAPS + _SILU * (config.activation == "silu")) * size.map_values / 1e3
        + _UPDATES * size.parameters / 1e3 / config.batch_size
    )
