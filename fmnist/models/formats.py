"""A network in the formats of other programs, and how each is asked for its predictions.

Keras does the conversion, on TensorFlow; ONNX also needs the packages onnx and tf2onnx to be
written and onnxruntime to be tried. Each format takes raw pixels uint8 [N, 28, 28, 1] and gives
probabilities [N, classes].
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fmnist.backends.exported import Predict, predictor_of_saved_model, predictor_of_tflite
from fmnist.data.views import Views

if TYPE_CHECKING:
    import keras


def whole_network(model: keras.Model, views: Views) -> keras.Model:
    """The network as its figures were measured: the mean over ``views`` of an image."""
    if views.count == 1:
        return model
    import keras

    pixels = keras.Input(model.input_shape[1:], dtype="uint8", name="pixels")
    # TensorFlow Lite frames no whole numbers.
    seen = views.show(keras.ops.cast(pixels, "float32"), keras.ops)
    each = [model(keras.ops.cast(view, "uint8")) for view in seen]
    mean = keras.layers.Average(name="probabilities")(each)
    return keras.Model(pixels, mean, name=model.name)


def as_one_network(members: Sequence[tuple[keras.Model, Views]]) -> keras.Model:
    """One network that gives the mean of all, each over its views.

    The members are renamed, since Keras wants every name once.
    """
    networks = [whole_network(model, views) for model, views in members]
    if len(networks) == 1:
        return networks[0]
    import keras

    for number, network in enumerate(networks, start=1):
        network.name = f"member_{number}"
    pixels = keras.Input(networks[0].input_shape[1:], dtype="uint8", name="pixels")
    mean = keras.layers.Average(name="probabilities")([network(pixels) for network in networks])
    return keras.Model(pixels, mean, name="ensemble")


def write(model: keras.Model, kind: str, path: Path) -> None:
    """Write ``model`` in the format ``kind``, a key of ``PREDICTORS``, to ``path``."""
    if kind == "keras":
        model.save(path)
        return
    names = {"onnx": "onnx", "tflite": "litert", "saved-model": "tf_saved_model"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the converters, about their own future
        model(np.zeros((1, *model.input_shape[1:]), dtype=np.uint8))  # ONNX wants it called once
        model.export(str(path), format=names[kind], verbose=False)


def _keras(path: Path) -> Predict:
    from fmnist.models.inference import load_model, predict

    model = load_model(path)
    return lambda images: predict(model, images)


def _onnx(path: Path) -> Predict:
    onnxruntime = import_module("onnxruntime")  # not among the packages that are always there
    session: Any = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda images: np.asarray(session.run(None, {name: images})[0], dtype=np.float32)


PREDICTORS: dict[str, Callable[[Path], Predict]] = {
    "keras": _keras,
    "onnx": _onnx,
    "tflite": predictor_of_tflite,
    "saved-model": predictor_of_saved_model,
}
