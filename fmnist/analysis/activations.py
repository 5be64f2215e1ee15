"""What the trained network looks like from inside: kernels, feature maps, one softmax.

Reads the model and images that are already in the run folder, never a data split.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fmnist.config.config import Config
from fmnist.models.builder import activation_name, end_of_stage
from fmnist.runs.records.interpretation import (
    DenseComparison,
    Evidence,
    Layer,
    Pixels,
    Pooling,
    PoolingBlock,
    Softmax,
)

if TYPE_CHECKING:
    import keras

Arrays = dict[str, NDArray[Any]]


def kernels(model: keras.Model) -> NDArray[np.float32]:
    """Kernels of the first convolution, float32 [height, width, 1, filters]."""
    return np.asarray(_first_convolution(model).get_weights()[0], dtype=np.float32)


def _first_convolution(model: keras.Model) -> Any:
    return next(layer for layer in model.layers if layer.name.startswith("convolution_"))


def feature_maps(model: keras.Model, config: Config, image: NDArray[np.uint8]) -> Arrays:
    """What the convolutions make of one image uint8 [28, 28].

    ``responses`` [h, w, filters]: of the first convolution, after its activation;
    ``feature_maps_i``: at the end of stage i.
    """
    import keras

    name = _first_convolution(model).name.removeprefix("convolution_")
    wanted = {"responses": activation_name(config, name)}
    stages = range(1, len(config.filters) + 1)
    wanted |= {f"feature_maps_{i}": end_of_stage(config, i) for i in stages}
    inner = keras.Model(model.input, [model.get_layer(name).output for name in wanted.values()])
    maps = inner.predict(image[None, :, :, None], verbose=0)
    return {name: np.asarray(m)[0] for name, m in zip(wanted, maps, strict=True)}


def softmax_example(
    model: keras.Model, image: NDArray[np.uint8], test_index: int, true: int
) -> Softmax:
    """Logits and probabilities [classes] of one test image uint8 [28, 28] of the class ``true``."""
    import keras

    inner = keras.Model(model.input, [model.get_layer("logits").output, model.output])
    logits, probabilities = inner.predict(image[None, :, :, None], verbose=0)
    return Softmax(
        test_index=test_index,
        true=true,
        predicted=int(np.argmax(probabilities[0])),
        logits=tuple(float(v) for v in np.asarray(logits)[0]),
        probabilities=tuple(float(v) for v in np.asarray(probabilities)[0]),
    )


def layers(model: keras.Model) -> tuple[Layer, ...]:
    """The layers; output shapes without the batch axis."""
    return tuple(
        Layer(
            name=layer.name,
            type=type(layer).__name__,
            output_shape=tuple(int(n) for n in layer.output.shape[1:]),
            parameters=int(layer.count_params()),
        )
        for layer in model.layers
    )


def first_layer_sizes(model: keras.Model) -> DenseComparison:
    """Parameters of the first convolution, and of a dense layer with as many outputs.

    Both map the 784 pixels to the same number of values, biases left out on both sides.
    """
    layer = _first_convolution(model)
    outputs = int(np.prod(layer.output.shape[1:]))
    inputs = int(np.prod(model.input.shape[1:]))
    return DenseComparison(inputs, outputs, int(np.prod(layer.kernel.shape)), inputs * outputs)


def pooling(config: Config) -> Pooling:
    """Height and width before and after each block's pooling, in pixels."""
    sizes = [config.map_size(i) for i in range(len(config.filters) + 1)]
    blocks = (
        PoolingBlock(number, (before, before), (after, after))
        for number, (before, after) in enumerate(itertools.pairwise(sizes), start=1)
    )
    return Pooling(config.pooling, tuple(blocks))


def evidence(model: keras.Model, config: Config, softmax: Softmax, pixels: Pixels) -> Evidence:
    """What the report shows of the network.

    A dense network has neither convolutions nor pooling to tell of.
    """
    return Evidence(
        parameters=int(model.count_params()),
        layers=layers(model),
        softmax=softmax,
        dense=first_layer_sizes(model) if config.filters else None,
        pooling=pooling(config) if config.filters else None,
        pixels=pixels,
    )
