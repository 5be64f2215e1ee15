"""What the evidence stage saw inside the network."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from fmnist.runs.records.base import OMIT_NONE


@dataclass(frozen=True, eq=False)
class Explanation:
    """``explain.npz``: first kernels ``[kh, kw, 1, F]``, their responses and each stage's maps.

    Responses and maps are ``[h, w, F]``; older runs have no responses.
    """

    kernels: NDArray[np.float32]
    feature_image: NDArray[np.uint8]
    feature_index: int
    feature_maps: tuple[NDArray[np.float32], ...]
    responses: NDArray[np.float32] | None = None


@dataclass(frozen=True)
class Layer:
    """One layer of the network."""

    name: str
    type: str
    output_shape: tuple[int | None, ...]
    parameters: int


@dataclass(frozen=True)
class Softmax:
    """Logits and probabilities of one test image."""

    test_index: int
    true: int
    predicted: int
    logits: tuple[float, ...]
    probabilities: tuple[float, ...]


@dataclass(frozen=True)
class DenseComparison:
    """Parameters of the first convolution and of a dense layer with as many outputs.

    Both map ``input`` values to ``outputs``; biases are left out on both sides.
    """

    input: int
    outputs: int
    first_layer_parameters_conv: int
    first_layer_parameters_dense: int


@dataclass(frozen=True)
class PoolingBlock:
    """Size of the feature maps on both sides of one pooling step."""

    block: int
    before: tuple[int, ...]
    after: tuple[int, ...]


@dataclass(frozen=True)
class Pooling:
    """The pooling steps of the network."""

    kind: str
    blocks: tuple[PoolingBlock, ...]


@dataclass(frozen=True)
class Pixels:
    """Raw grey values of the training images."""

    minimum: float
    maximum: float
    mean: float
    std: float


@dataclass(frozen=True)
class Evidence:
    """``evidence.json``: measurements behind the concept answers."""

    parameters: int
    layers: tuple[Layer, ...]
    softmax: Softmax | None = None
    dense: DenseComparison | None = field(default=None, metadata=OMIT_NONE)
    pooling: Pooling | None = field(default=None, metadata=OMIT_NONE)
    pixels: Pixels | None = None
