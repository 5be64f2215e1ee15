"""The contract of a training loop: an epoch is one call, whatever the backend.

The images are handed over once and stay where the backend wants them, as uint8. An epoch is given
their order, how each is moved, and a learning rate a step; everything random was drawn before, so
every backend trains on the same batches.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fmnist.data.augmentation import Augmentations, Images

if TYPE_CHECKING:
    import keras

Loss = Callable[[Any, Any], Any]
"""Integer labels [B] and logits [B, classes] to the loss of each image [B]."""
PREDICT_BATCH = 250


class Loop(ABC):
    """Trains one network, again and again from new weights: what was compiled stays.

    Args:
        network: raw pixels uint8 [B, 28, 28, 1] to logits [B, classes], as it is trained.
        plain: the same weights as they are saved: float32, to probabilities.
        optimizer: of the network's variables.
        loss: of each image, minimised with the network's penalties.
        shown: of each image, reported without penalties; ``loss`` where left out.
        batch_size: images a step, all steps alike, since that is compiled for. The images left
            over at the end of an epoch wait for another order.
    """

    def __init__(
        self,
        *,
        network: keras.Model,
        plain: keras.Model,
        optimizer: keras.optimizers.Optimizer,
        loss: Loss,
        batch_size: int,
        shown: Loss | None = None,
    ) -> None:
        self.network, self.plain, self.optimizer = network, plain, optimizer
        self._loss, self._shown, self._batch = loss, shown or loss, batch_size
        optimizer.build(network.trainable_variables)
        self._optimizer_start = [np.asarray(v) for v in optimizer.variables]
        self._dropouts = [x for x in network.layers if hasattr(x, "seed_generator")]

    def start(self, weights: Sequence[NDArray[Any]], seed: int, dropout: float) -> None:
        """Begin a new training from ``weights`` of the plain network."""
        self.plain.set_weights(weights)
        for layer in self.plain.layers:
            if layer.weights:
                self.network.get_layer(layer.name).set_weights(layer.get_weights())
        for number, layer in enumerate(self._dropouts):
            layer.seed_generator.state.assign(np.array([seed, number], dtype="uint32"))
            layer.chance.assign(dropout)
        for variable, value in zip(self.optimizer.variables, self._optimizer_start, strict=True):
            variable.assign(value)

    @property
    def variables(self) -> list[Any]:
        """Everything that a training depends on and changes."""
        return [*self.network.variables, *self.optimizer.variables]

    @abstractmethod
    def load(self, images: Images, labels: NDArray[np.int64]) -> None:
        """Take the training images uint8 [N, 28, 28, 1] and their labels [N]."""

    @abstractmethod
    def epoch(
        self, order: NDArray[np.int64], moves: Augmentations, rates: NDArray[np.float32]
    ) -> tuple[float, float]:
        """One pass over the images.

        Args:
            order: positions of the images [N].
            moves: how the image at each place of that order is mirrored and shifted.
            rates: learning rate of each of the N // batch_size steps.

        Returns:
            Mean loss as it is shown (nats) and accuracy (a fraction) over the steps.
        """

    @abstractmethod
    def _predicted(self, images: Images) -> NDArray[np.float32]:
        """Probabilities of the plain network, a batch."""

    def predict(self, images: Images) -> NDArray[np.float32]:
        """Probabilities [N, classes], by the weights as they would be saved, in float32."""
        self._settle()
        parts = range(0, len(images), PREDICT_BATCH)
        return np.concatenate([self._predicted(images[i : i + PREDICT_BATCH]) for i in parts])

    def weights(self) -> list[NDArray[Any]]:
        """The weights as they would be saved; of an averaging optimiser its averages."""
        self._settle()
        copied: list[NDArray[Any]] = self.plain.get_weights()
        return copied

    def _settle(self) -> None:
        """Give the plain network the weights of the trained one."""
        for layer in self.plain.layers:
            if layer.weights:
                layer.set_weights(self.network.get_layer(layer.name).get_weights())
        if self.optimizer.use_ema and int(self.optimizer.iterations):  # zeros before a step
            # As keras.callbacks.SwapEMAWeights finds them.
            averages = self.optimizer._model_variables_moving_average
            for variable, average in zip(self.plain.trainable_variables, averages, strict=True):
                variable.assign(average)
