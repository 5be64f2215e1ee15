"""What the trained network looks like from inside: kernels, feature maps, one softmax.

Reads the model and images that are already in the run folder, never a data split.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fmnist.config.config import Config
from fmnist.models.builder import end_of_stage

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

    ``responses`` [h, w, filters]: of the first convolution, after its ReLU; ``feature_maps_i``:
    at the end of stage i.
    """
    import keras

    name = _first_convolution(model).name.removeprefix("convolution_")
    wanted = {"responses": f"relu_{name}"}
    stages = range(1, len(config.filters) + 1)
    wanted |= {f"feature_maps_{i}": end_of_stage(config, i) for i in stages}
    inner = keras.Model(model.input, [model.get_layer(name).output for name in wanted.values()])
    maps = inner.predict(image[None, :, :, None], verbose=0)
    return {name: np.asarray(m)[0] for name, m in zip(wanted, maps, strict=True)}


def softmax_example(model: keras.Model, image: NDArray[np.uint8]) -> dict[str, list[float]]:
    """Logits and probabilities [classes] of one image uint8 [28, 28]."""
    import keras

    inner = keras.Model(model.input, [model.get_layer("logits").output, model.output])
    logits, probabilities = inner.predict(image[None, :, :, None], verbose=0)
    return {
        "logits": [float(v) for v in np.asarray(logits)[0]],
        "probabilities": [float(v) for v in np.asarray(probabilities)[0]],
    }


def layers(model: keras.Model) -> list[dict[str, Any]]:
    """Name, type, output shape without the batch axis, and parameter count of each layer."""
    return [
        {
            "name": layer.name,
            "type": type(layer).__name__,
            "output_shape": [int(n) for n in layer.output.shape[1:]],
            "parameters": int(layer.count_params()),
        }
        for layer in model.layers
    ]


def first_layer_sizes(model: keras.Model) -> dict[str, int]:
    """Parameters of the first convolution, and of a dense layer with as many outputs.

    Both map the 784 pixels to the same number of values, biases left out on both sides.
    """
    layer = _first_convolution(model)
    outputs = int(np.prod(layer.output.shape[1:]))
    inputs = int(np.prod(model.input.shape[1:]))
    return {
        "input": inputs,
        "outputs": outputs,
        "first_layer_parameters_conv": int(np.prod(layer.kernel.shape)),
        "first_layer_parameters_dense": inputs * outputs,
    }


def pooling(config: Config) -> dict[str, Any]:
    """Height and width before and after each block's pooling, in pixels."""
    blocks, size = [], config.image_size
    for number in range(1, len(config.filters) + 1):
        blocks.append({"block": number, "before": [size, size], "after": [size // 2, size // 2]})
        size //= 2
    return {"kind": config.pooling, "blocks": blocks}


def evidence(
    model: keras.Model, config: Config, image: NDArray[np.uint8], about: dict[str, int]
) -> dict[str, Any]:
    """The content of ``evidence.json`` but for the pixel statistics.

    A dense network has neither convolutions nor pooling to tell of.

    Args:
        image: one test image uint8 [28, 28].
        about: its ``test_index`` and ``true`` class.
    """
    example = softmax_example(model, image)
    predicted = int(np.argmax(example["probabilities"]))
    record = {
        "schema": 1,
        "parameters": int(model.count_params()),
        "layers": layers(model),
        "softmax": {**about, "predicted": predicted, **example},
    }
    if config.filters:
        record |= {"dense": first_layer_sizes(model), "pooling": pooling(config)}
    return record
