"""Networks in TensorFlow's own formats, asked for their predictions by TensorFlow itself.

Each takes raw pixels uint8 [N, 28, 28, 1] and gives probabilities [N, classes].
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fmnist.data.augmentation import Images

Predict = Callable[[Images], NDArray[np.float32]]


def predictor_of_saved_model(path: Path) -> Predict:
    """A SavedModel's answer for raw pixels."""
    import tensorflow as tf

    served = tf.saved_model.load(str(path))
    return lambda images: np.asarray(served.serve(images), dtype=np.float32)


def predictor_of_tflite(path: Path) -> Predict:
    """A TFLite file's answer for raw pixels."""
    import tensorflow as tf

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the interpreter will move to a package of its own
        interpreter = tf.lite.Interpreter(str(path))
    source, sink = interpreter.get_input_details()[0], interpreter.get_output_details()[0]

    def predict(images: Images) -> NDArray[np.float32]:
        interpreter.resize_tensor_input(source["index"], images.shape)
        interpreter.allocate_tensors()
        interpreter.set_tensor(source["index"], images)
        interpreter.invoke()
        return np.asarray(interpreter.get_tensor(sink["index"]), dtype=np.float32)

    return predict
