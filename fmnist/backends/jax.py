"""The training loop on JAX: the data set stays on the device, an epoch is one compiled scan.

On a CPU the same steps are called one by one: XLA runs convolutions inside a loop there at a sixth
of their speed (small network, batch 256: 0.60 s a step in a scan, 0.10 s alone).
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.scipy.ndimage import map_coordinates
from numpy.typing import NDArray

from fmnist.backends.base import Loop
from fmnist.data.augmentation import Augmentations, Images, pad


class JaxLoop(Loop):
    """See ``Loop``. Images are moved on the device, inside the step.

    Args:
        scan: an epoch is one compiled call; else each step is one.
    """

    def __init__(self, *, scan: bool, **parts: Any) -> None:
        super().__init__(**parts)
        self._rate = next(
            i for i, v in enumerate(self.optimizer.variables) if v is self.optimizer._learning_rate
        )
        self._pass = self._scanned if scan else self._stepped
        self._step = jax.jit(self._one_step, static_argnames="reach")
        self._scan = jax.jit(self._all_steps, static_argnames="reach", donate_argnums=0)
        self._probabilities = jax.jit(self._of_plain)
        self._framed: tuple[int, Any] = -1, None

    def load(self, images: Images, labels: NDArray[np.int64]) -> None:
        """See ``Loop.load``."""
        self._images, self._labels = images, jnp.asarray(labels, jnp.int32)
        self._framed = -1, None

    def epoch(
        self, order: NDArray[np.int64], moves: Augmentations, rates: NDArray[np.float32]
    ) -> tuple[float, float]:
        """See ``Loop.epoch``."""
        if self._framed[0] != moves.reach:
            self._framed = moves.reach, jnp.asarray(pad(self._images, moves.reach))
        variables = self._variables()
        drawn = (order.astype(np.int32), moves.mirrored, moves.offsets.astype(np.int32))
        # What is not done is None, and so no part of what is compiled.
        further = [moves.angles, None if moves.boxes is None else moves.boxes.astype(np.int32)]
        batches = jax.tree.map(lambda x: self._batches(x, len(rates)), [*drawn, *further])
        state = [[v.value for v in group] for group in variables]
        state, (losses, hits) = self._pass(state, (*batches, rates), moves.reach)
        for group, values in zip(variables, state, strict=True):
            for variable, value in zip(group, values, strict=True):
                variable.assign(value)
        return float(losses.mean()), float(hits.mean())

    def _batches(self, drawn: NDArray[Any], steps: int) -> NDArray[Any]:
        """[N, ...] as [steps, batch_size, ...]; what is left over is left out."""
        return drawn[: steps * self._batch].reshape(steps, self._batch, *drawn.shape[1:])

    def _variables(self) -> tuple[list[Any], list[Any], list[Any]]:
        network = self.network
        return (
            list(network.trainable_variables),
            list(network.non_trainable_variables),
            list(self.optimizer.variables),
        )

    def _scanned(self, state: Any, batches: Any, reach: int) -> tuple[Any, Any]:
        done: tuple[Any, Any] = self._scan(
            state, self._framed[1], self._labels, batches, reach=reach
        )
        return done

    def _stepped(self, state: Any, batches: Any, reach: int) -> tuple[Any, Any]:
        results = []
        for step in range(len(batches[-1])):
            batch = jax.tree.map(lambda x, step=step: x[step], batches)
            state, result = self._step(state, self._framed[1], self._labels, batch, reach=reach)
            results.append(result)
        losses, hits = (jnp.stack(values) for values in zip(*results, strict=True))
        return state, (losses, hits)

    def _all_steps(
        self, state: Any, framed: Any, labels: Any, batches: Any, *, reach: int
    ) -> tuple[Any, Any]:
        def step(state: Any, batch: Any) -> tuple[Any, Any]:
            return self._one_step(state, framed, labels, batch, reach=reach)

        return lax.scan(step, state, batches)

    def _one_step(
        self, state: Any, framed: Any, labels: Any, batch: Any, *, reach: int
    ) -> tuple[Any, Any]:
        places, mirrored, offsets, angles, boxes, rate = batch
        images = _moved(framed[places], Augmentations(mirrored, offsets, reach, angles, boxes))
        weights, others, settings = state
        settings = [*settings]
        settings[self._rate] = jnp.asarray(rate, settings[self._rate].dtype)
        gradients_of = jax.value_and_grad(self._loss_and_hits, has_aux=True)
        found, gradients = gradients_of(weights, others, images, labels[places])
        _, (loss, hits, others) = found
        weights, settings = self.optimizer.stateless_apply(settings, gradients, weights)
        return [list(weights), list(others), list(settings)], (loss, hits)

    def _loss_and_hits(self, weights: Any, others: Any, images: Any, labels: Any) -> Any:
        logits, others, penalties = self.network.stateless_call(
            weights, others, images, training=True, return_losses=True
        )
        loss = jnp.mean(self._loss(labels, logits)) + sum(penalties)
        hits = jnp.mean(logits.argmax(axis=-1) == labels)
        return loss, (jnp.mean(self._shown(labels, logits)), hits, others)

    def _of_plain(self, weights: Any, others: Any, images: Any) -> Any:
        return self.plain.stateless_call(weights, others, images, training=False)[0]

    def _predicted(self, images: Images) -> NDArray[np.float32]:
        weights = [v.value for v in self.plain.trainable_variables]
        others = [v.value for v in self.plain.non_trainable_variables]
        return np.asarray(self._probabilities(weights, others, images))


def _moved(framed: Any, moves: Augmentations) -> Any:
    """See ``preprocess.augment``."""
    height, width = (size - 2 * moves.reach for size in framed.shape[1:3])

    def one(image: Any, mirror: Any, offset: Any, angle: Any, box: Any) -> Any:
        if angle is not None:
            image = _turned(image, angle)
        part = lax.dynamic_slice(image, (offset[0], offset[1], 0), (height, width, image.shape[2]))
        part = jnp.where(mirror, part[:, ::-1], part)
        return part if box is None else _erased(part, box)

    return jax.vmap(one)(framed, moves.mirrored, moves.offsets, moves.angles, moves.boxes)


def _turned(image: Any, angle: Any) -> Any:
    rows, columns = (jnp.arange(size) - (size - 1) / 2 for size in image.shape[:2])
    sine, cosine = jnp.sin(jnp.deg2rad(angle)), jnp.cos(jnp.deg2rad(angle))
    from_rows = cosine * rows[:, None] + sine * columns + (image.shape[0] - 1) / 2
    from_columns = -sine * rows[:, None] + cosine * columns + (image.shape[1] - 1) / 2
    pixels = image[..., 0].astype(jnp.float32)
    found = map_coordinates(pixels, [from_rows, from_columns], order=1)
    return jnp.floor(found + 0.5).astype(image.dtype)[..., None]


def _erased(image: Any, box: Any) -> Any:
    rows, columns = (jnp.arange(size) for size in image.shape[:2])
    in_rows = (rows >= box[0]) & (rows < box[0] + box[2])
    in_columns = (columns >= box[1]) & (columns < box[1] + box[3])
    return jnp.where((in_rows[:, None] & in_columns)[..., None], 0, image).astype(image.dtype)
