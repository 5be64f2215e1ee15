"""Layers of a network while it is trained; it is saved with Keras's own, and the same weights."""

from __future__ import annotations

from typing import Any

from fmnist import backends

backends.configure()

import keras  # noqa: E402 - Keras reads its backend from the environment when imported
from keras import ops  # noqa: E402

SMALL_MAP = 7
"""Pixels a side of the largest map that is one."""


class FusedBatchNormalization(keras.layers.BatchNormalization):  # type: ignore[misc]
    """Keras's batch normalisation over [B, H, W, C], while training as one operation."""

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """Normalise ``inputs``; while training also move the running statistics."""
        if not training:
            return super().call(inputs, training=training, mask=mask)
        from fmnist.backends.tensorflow import fused_batch_norm

        y, mean, variance = fused_batch_norm(inputs, self.gamma, self.beta, self.epsilon)
        for running, latest in ((self.moving_mean, mean), (self.moving_variance, variance)):
            running.assign(running * self.momentum + latest * (1 - self.momentum))
        return y


class OnePixelConvolution(keras.layers.Conv2D):  # type: ignore[misc]
    """Keras's convolution, with zeros around the maps; of maps of one pixel a product of matrices.

    There only the middle of a kernel meets anything but zeros.
    """

    def convolution_op(self, inputs: Any, kernel: Any) -> Any:
        """Maps [B, H, W, C] to maps [B, H, W, F]; of a stride smaller ones."""
        if inputs.shape[1:3] != (1, 1):
            return super().convolution_op(inputs, kernel)
        row, column = ((size - 1) // 2 for size in self.kernel_size)
        middle = ops.cast(kernel[row, column], inputs.dtype)
        y = ops.matmul(ops.reshape(inputs, (-1, inputs.shape[-1])), middle)
        return ops.reshape(y, (-1, 1, 1, self.filters))


class ImagesFirstConvolution(OnePixelConvolution):
    """The same, with a faster gradient where maps are small.

    See ``backends.tensorflow.convolve``.
    """

    def convolution_op(self, inputs: Any, kernel: Any) -> Any:
        """Maps [B, H, W, C] to maps [B, H, W, F]; of a stride smaller ones."""
        if self.strides != (1, 1) or not 1 < inputs.shape[2] <= SMALL_MAP:
            return super().convolution_op(inputs, kernel)
        from fmnist.backends.tensorflow import convolve

        return convolve(inputs, ops.cast(kernel, inputs.dtype))


class VariableDropout(keras.layers.Layer):  # type: ignore[misc]
    """Dropout whose chance is a variable, so that another chance needs no new compilation.

    Srivastava et al., Dropout, 2014; what is kept is scaled up.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.seed_generator = keras.random.SeedGenerator(0)
        self.chance = self.add_weight(
            name="chance", initializer="zeros", trainable=False, autocast=False
        )
        self.built = True

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Drop each value of ``inputs`` by chance, while training."""
        if not training:
            return inputs
        drawn = keras.random.uniform(ops.shape(inputs), seed=self.seed_generator, dtype="float32")
        kept = ops.cast(drawn >= self.chance, inputs.dtype)
        return inputs * kept * ops.cast(1 / (1 - self.chance), inputs.dtype)
