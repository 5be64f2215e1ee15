"""The training loop on TensorFlow: a few graph calls an epoch, the steps a loop inside each.

Beside ``Model.fit`` with the same layers and precision (batches from ``tf.data``, 16 steps a call)
it trained 1.0 to 1.2 times as many images a second, hence this file.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from fmnist.backends.base import Loop
from fmnist.data.augmentation import Augmentations, Images, augment, pad

# Few calls for little overhead; not one, which would need a second copy of all images.
_IMAGES_A_CALL = 16_384


class TensorFlowLoop(Loop):
    """See ``Loop``. Images are moved in NumPy: 0.05 s for 54,000 of them."""

    def __init__(self, **parts: Any) -> None:
        super().__init__(**parts)
        signature = [
            tf.TensorSpec([None, *self.network.input_shape[1:]], tf.uint8),
            tf.TensorSpec([None], tf.int64),
            tf.TensorSpec([None], tf.float32),
        ]
        self._pass = tf.function(self._steps, input_signature=signature, jit_compile=False)
        self._probabilities = tf.function(
            lambda images: self.plain(images, training=False), input_signature=signature[:1]
        )

    def load(self, images: Images, labels: NDArray[np.int64]) -> None:
        """See ``Loop.load``."""
        self._images, self._labels = images, labels

    def epoch(
        self, order: NDArray[np.int64], moves: Augmentations, rates: NDArray[np.float32]
    ) -> tuple[float, float]:
        """See ``Loop.epoch``."""
        at_once = max(1, _IMAGES_A_CALL // self._batch)
        results = []
        for first in range(0, len(rates), at_once):
            part = slice(first * self._batch, (first + at_once) * self._batch)
            places = order[part]
            framed = pad(self._images[places], moves.reach)
            images = augment(framed, np.arange(len(places)), moves.part(part))
            results.append(self._pass(images, self._labels[places], rates[first : first + at_once]))
        loss, right = (sum(float(r) for r in column) for column in zip(*results, strict=True))
        return loss / len(rates), right / (self._batch * len(rates))

    def _steps(self, images: Any, labels: Any, rates: Any) -> tuple[Any, Any]:
        total, right = tf.constant(0.0), tf.constant(0.0)
        for step in tf.range(tf.size(rates)):
            part = slice(step * self._batch, (step + 1) * self._batch)
            batch, answers = images[part], labels[part]
            batch = tf.ensure_shape(batch, [self._batch, *images.shape[1:]])
            self.optimizer.learning_rate.assign(rates[step])
            loss, hits = self._step(batch, tf.ensure_shape(answers, [self._batch]))
            total += loss
            right += hits
        return total, right

    def _step(self, images: Any, labels: Any) -> tuple[Any, Any]:
        variables = self.network.trainable_variables
        with tf.GradientTape() as tape:
            logits = self.network(images, training=True)
            loss = tf.reduce_mean(self._loss(labels, logits))
            if self.network.losses:
                loss += tf.add_n(self.network.losses)
        self.optimizer.apply(tape.gradient(loss, variables), variables)
        hits = tf.equal(tf.argmax(logits, axis=-1), labels)
        shown = tf.reduce_mean(self._shown(labels, logits))
        return shown, tf.reduce_sum(tf.cast(hits, tf.float32))

    def _predicted(self, images: Images) -> NDArray[np.float32]:
        return np.asarray(self._probabilities(images))


def fused_batch_norm(x: Any, scale: Any, offset: Any, epsilon: float) -> tuple[Any, Any, Any]:
    """Normalised batch [B, H, W, C], its mean [C] and variance [C] (over B H W, not one less).

    In one operation, 1.1 to 1.25 times as fast for the whole step as Keras's, which is some thirty.
    """
    y, mean, variance = tf.compat.v1.nn.fused_batch_norm(
        x, tf.cast(scale, tf.float32), tf.cast(offset, tf.float32), epsilon=epsilon
    )
    count = tf.cast(tf.size(x) / tf.shape(x)[-1], tf.float32)
    return y, mean, variance * (count - 1) / count


@tf.custom_gradient  # type: ignore[untyped-decorator]
def convolve(x: Any, kernel: Any) -> Any:
    """Convolution of maps [B, H, W, C] by ``kernel`` [k, k, C, F] with zeros around them.

    As ``tf.nn.conv2d``, but for the order in which the kernel's gradient is summed: over the images
    first. oneDNN sums along the columns of a map, 32 at once in bfloat16, of which small maps have
    3 or 7.
    """
    size = kernel.shape[0]
    frame = [(size - 1) // 2, size // 2]

    def gradients(upstream: Any) -> tuple[Any, Any]:
        of_maps = tf.raw_ops.Conv2DBackpropInput(
            input_sizes=tf.shape(x),
            filter=kernel,
            out_backprop=upstream,
            strides=[1, 1, 1, 1],
            padding="SAME",
        )
        # [W, H, B, C]: each column of all images is a map B wide.
        framed = tf.pad(x, [[0, 0], frame, frame, [0, 0]])
        columns = tf.transpose(framed, [2, 1, 0, 3])
        wanted = tf.transpose(upstream, [2, 1, 0, 3])
        parts = [
            tf.raw_ops.Conv2DBackpropFilter(
                input=columns[first : first + x.shape[2]],
                filter_sizes=[size, 1, *kernel.shape[2:]],
                out_backprop=wanted,
                strides=[1, 1, 1, 1],
                padding="VALID",
            )
            for first in range(size)
        ]
        return of_maps, tf.concat(parts, axis=1)

    return tf.nn.conv2d(x, kernel, 1, "SAME"), gradients


class FusedAdam(keras.optimizers.Adam):  # type: ignore[misc]
    """Keras's Adam, whose step is one operation a variable in place of some twelve."""

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """See ``keras.optimizers.Adam``."""
        at = self._get_variable_index(variable)
        step = tf.cast(tf.convert_to_tensor(self.iterations) + 1, tf.float32)
        tf.raw_ops.ResourceApplyAdam(
            var=_handle(variable),
            m=_handle(self._momentums[at]),
            v=_handle(self._velocities[at]),
            beta1_power=self.beta_1**step,
            beta2_power=self.beta_2**step,
            lr=tf.cast(learning_rate, tf.float32),
            beta1=self.beta_1,
            beta2=self.beta_2,
            epsilon=self.epsilon,
            grad=tf.cast(gradient, tf.float32),
        )


def _handle(variable: Any) -> Any:
    return (variable if isinstance(variable, tf.Variable) else variable.value).handle
