"""The one room that knows which Keras backend runs: its import, its device, its training loop.

Nothing else in this project imports TensorFlow or JAX. Keras picks its backend when it is first
imported, so ``configure`` comes before that. What is decided by backend and device, and why,
stands in ``policy``; a training loop (``loop.Loop``) comes from ``loop_for``.
"""

from __future__ import annotations

import importlib.util
import logging
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from fmnist.backends.policy import Policy, policy_for
from fmnist.errors import UserError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from fmnist.backends.base import Loop

BACKENDS = ("tensorflow", "jax")


def configure() -> str:
    """Import backend and Keras quietly and return the backend's name; run it before Keras's own.

    What a ``keras.json`` says of precision and order of axes does not count.

    Raises:
        UserError: no such backend, or Keras fails over its settings.
    """
    name = os.environ["KERAS_BACKEND"] = chosen()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    # TensorFlow's default leaves oneDNN out where there is no AVX-512; see ``policy``.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    # Every trial traces a new network; TensorFlow takes that for a mistake and says so.
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    with _keras_settings_named():
        if name == "tensorflow" and "tensorflow" not in sys.modules:
            with suppress_native_stderr():
                import tensorflow  # noqa: F401
        import keras
    # A keras.json may ask for other precision or axes.
    keras.config.set_floatx("float32")
    keras.config.set_epsilon(1e-7)
    keras.config.set_image_data_format("channels_last")
    return name


def chosen() -> str:
    """The backend that will be used; nothing is imported.

    Raises:
        UserError: ``KERAS_BACKEND`` names one that is not known here, or not installed.
    """
    name = os.environ.get("KERAS_BACKEND") or "tensorflow"
    if name not in BACKENDS:
        raise UserError(
            f"KERAS_BACKEND={name} is not a known backend; set KERAS_BACKEND to "
            f"{' or '.join(BACKENDS)}, or unset it"
        )
    if importlib.util.find_spec(name) is None:
        raise UserError(f"{name}, which Keras is to run on, is not installed; pip install {name}")
    return name


@contextmanager
def _keras_settings_named() -> Iterator[None]:
    try:
        yield
    except AssertionError as error:  # all that Keras says of a value it does not know
        folder = os.environ.get("KERAS_HOME") or "~/.keras"
        raise UserError(
            f"Keras cannot be imported with the settings in {folder}/keras.json; mend or remove it"
        ) from error


@contextmanager
def suppress_native_stderr() -> Iterator[None]:
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
    if "keras" not in sys.modules:
        configure()
    import keras

    return str(keras.backend.backend())


def device() -> str:
    """The device in words, such as ``CPU`` or ``GPU:0``."""
    import keras

    devices = [str(d).upper() for d in keras.distribution.list_devices()]
    return next((d for d in devices if not d.startswith("CPU")), "CPU")


def decisions() -> Policy:
    """What is decided for this backend on this device."""
    return policy_for(name(), device())


def loop_for(**parts: Any) -> Loop:
    """A training loop on this backend; see ``loop.Loop`` for its parts."""
    if name() == "jax":
        from fmnist.backends.jax import JaxLoop

        return JaxLoop(scan=decisions().scan, **parts)
    from fmnist.backends.tensorflow import TensorFlowLoop

    return TensorFlowLoop(**parts)


def inference_function(model: Any) -> Callable[[Any], Any]:
    """``model`` at inference, compiled where that pays: half of the time on TensorFlow."""
    if name() != "tensorflow":
        return partial(model, training=False)
    import tensorflow as tf

    inputs = tf.TensorSpec([None, *model.input_shape[1:]], tf.uint8)
    return tf.function(partial(model, training=False), input_signature=[inputs])  # type: ignore[no-any-return]


def gradient(function: Callable[[Any], Any], x: Any) -> NDArray[np.float32]:
    """How the sum of ``function(x)`` changes with each value of ``x``; of the shape of ``x``."""
    import numpy as np

    if name() == "jax":
        import jax

        return np.asarray(jax.grad(lambda inner: function(inner).sum())(x), dtype=np.float32)
    import tensorflow as tf

    with tf.GradientTape() as tape:
        tape.watch(x)
        total = tf.reduce_sum(function(x))
    return np.asarray(tape.gradient(total, x), dtype=np.float32)
