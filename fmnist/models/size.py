"""The size of a network: parameters, multiply-adds, memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from fmnist.config.config import Config
from fmnist.models import whitening


@dataclass(frozen=True)
class Size:
    """Weights of a network; multiplications and values of maps for one image forward."""

    parameters: int
    operations: int
    map_values: int = 0


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
    side = config.first_map_size // 2 ** len(config.filters)
    width = channels * (side**2 if config.head == "flatten" or not config.filters else 1)
    for units in (config.dense_units, classes):
        if units:
            parameters += (width + 1) * units
            operations += width * units
            width = units
    return Size(parameters, operations, map_values)


def _convolutions(config: Config) -> Iterator[tuple[int, int]]:
    """Filters of each convolution, and the height and width of the maps that it makes."""
    side = config.first_map_size
    if config.stem_filters and not config.whitened:
        yield config.stem_filters, side
    for filters in config.filters:
        yield filters, side
        side //= 2
        for _ in range(config.convolutions - 1):
            yield filters, side
