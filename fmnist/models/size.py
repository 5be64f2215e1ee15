"""The size of a network: parameters, multiply-adds, memory, bytes of its file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import astuple, dataclass

from fmnist.config.config import Config
from fmnist.models import whitening

# Bytes of the file besides four for each parameter: of itself, and of each layer of a kind. Least
# squares over 90 networks, Keras 3.15; with the 1.2 kB by which one was larger, and some more.
_FILE, _CONVOLUTION, _NORMALISATION, _DENSE, _PLAIN = 7_700, 3_710, 4_410, 3_640, 2_650


@dataclass(frozen=True)
class Size:
    """Weights of a network; multiplications and values of maps for one image forward."""

    parameters: int
    operations: int
    map_values: int = 0

    def is_as_large_as(self, other: Size) -> bool:
        """Whether nothing of it is smaller."""
        mine, theirs = astuple(self), astuple(other)
        return all(a >= b for a, b in zip(mine, theirs, strict=True))


def size_of(config: Config, classes: int = 10) -> Size:
    """The size of the network of ``config``, without building it."""
    parameters = operations = map_values = 0
    channels = 1
    if config.whitened:
        # Neither trained nor normalised, so its maps cost next to nothing.
        channels = config.stem_filters
        parameters = whitening.SIZE**2 * channels
        operations = parameters * config.first_map_size**2
    for filters, side in _convolutions(config):
        kernel = config.kernel_size**2 * channels * filters
        parameters += kernel + filters * (4 if config.batch_norm else 1)
        operations += kernel * side**2
        map_values += filters * side**2
        channels = filters
    side = config.map_size(len(config.filters))
    width = channels * (side**2 if config.head == "flatten" or not config.filters else 1)
    for units in (config.dense_units, classes):
        if units:
            parameters += (width + 1) * units
            operations += width * units
            width = units
    return Size(parameters, operations, map_values)


def file_bytes(config: Config, classes: int = 10) -> int:
    """Bytes of ``model.keras``, without building the network; up to some kilobytes too many."""
    convolutions = len(list(_convolutions(config))) + config.whitened
    normalised = (convolutions - config.whitened) * config.batch_norm
    dense, stages = 1 + (config.dense_units > 0), len(config.filters)
    added = stages * (config.residual and config.convolutions > 1)
    pooled = stages * (config.pooling != "strided")
    # Input, scale, head, probabilities; resizing; activations; pooling; sums; dropout.
    plain = 4 + (config.image_size != 28) + convolutions + pooled + added
    plain += dense * (config.dropout > 0)
    layers = _CONVOLUTION * convolutions + _NORMALISATION * normalised + _DENSE * dense
    return round(4 * size_of(config, classes).parameters + _FILE + layers + _PLAIN * plain)


def _convolutions(config: Config) -> Iterator[tuple[int, int]]:
    """Filters of each convolution, and the height and width of the maps that it makes."""
    if config.stem_filters and not config.whitened:
        yield config.stem_filters, config.first_map_size
    for stage, filters in enumerate(config.filters, start=1):
        side = config.map_size(stage)
        yield filters, side if config.pooling == "strided" else config.map_size(stage - 1)
        for _ in range(config.convolutions - 1):
            yield filters, side
