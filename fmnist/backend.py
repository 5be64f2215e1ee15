"""The one room that knows which Keras backend runs: threads, compilation, batches.

Nothing else in this project imports TensorFlow. Keras picks its backend when it is first
imported, so ``configure`` comes before that.
"""

from __future__ import annotations

import logging
import math
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

BACKENDS = ("tensorflow", "jax", "torch")


def configure() -> str:
    """Import the backend quietly and return its name; must run before Keras is imported."""
    name = os.environ["KERAS_BACKEND"] = chosen()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    # Every trial traces a new network; TensorFlow takes that for a mistake and says so.
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    if name == "tensorflow" and "tensorflow" not in sys.modules:
        with _native_stderr_held_back():
            import tensorflow  # noqa: F401
    return name


def chosen() -> str:
    """The backend that will be used; nothing is imported."""
    return os.environ.get("KERAS_BACKEND") or "tensorflow"


@contextmanager
def _native_stderr_held_back() -> Iterator[None]:
    """Hold back what native libraries print; show it after all when the import fails.

    TensorFlow's C++ side prints lines about oneDNN before any log level is read.
    """
    sys.stderr.flush()
    original = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        except BaseException:
            held.seek(0)
            os.write(original, held.read())
            raise
        finally:
            os.dup2(original, 2)
            os.close(original)


def name() -> str:
    """The backend that Keras runs on."""
    import keras

    return str(keras.backend.backend())


def compile_options() -> dict[str, Any]:
    """Keyword arguments for ``Model.compile`` that suit backend and device.

    On a CPU Keras's default picks XLA, which was slower on every network tried (0.2 to 0.8
    times the images a second); sixteen steps a Python call save 10 to 20 %.
    """
    if name() == "tensorflow":
        return {"jit_compile": bool(_tensorflow_gpus()), "steps_per_execution": 16}
    return {}


def device() -> str:
    """The device in words, such as ``CPU`` or ``GPU:0``."""
    if name() == "tensorflow":
        return "GPU" if _tensorflow_gpus() else "CPU"
    import keras

    return str(keras.distribution.list_devices()[0]).upper()


def batches(images: NDArray[np.uint8], targets: NDArray[Any] | None, batch_size: int) -> Any:
    """What ``fit`` and ``predict`` take as input: uint8 [N, 28, 28, 1] in batches, in order.

    Without ``targets`` only images come. Every image is used: the last batch may be smaller.
    """
    if name() == "tensorflow":
        import tensorflow as tf

        parts = images if targets is None else (images, targets)
        return tf.data.Dataset.from_tensor_slices(parts).batch(batch_size).prefetch(2)
    return _indexed(images, targets, batch_size)


def _tensorflow_gpus() -> list[Any]:
    import tensorflow as tf

    return list(tf.config.list_physical_devices("GPU"))


def _indexed(images: NDArray[np.uint8], targets: Any, batch_size: int) -> Any:
    """Batches for the backends without ``tf.data``."""
    import keras

    class Batches(keras.utils.PyDataset):  # type: ignore[misc]
        def __len__(self) -> int:
            return math.ceil(len(images) / batch_size)

        def __getitem__(self, number: int) -> Any:
            part = slice(number * batch_size, (number + 1) * batch_size)
            return (images[part],) if targets is None else (images[part], targets[part])

    return Batches()
