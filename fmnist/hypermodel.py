"""Our builder and space as a keras-tuner ``HyperModel``, for any of its tuners."""

from __future__ import annotations

from typing import Any

from fmnist import backend

backend.configure()

import keras  # noqa: E402 - Keras reads its backend from the environment when imported
import keras_tuner  # noqa: E402

from fmnist.config import Config  # noqa: E402
from fmnist.model import build_model, compile_model  # noqa: E402
from fmnist.schedule import Pace  # noqa: E402
from fmnist.space import CORE  # noqa: E402
from search.space import Categorical, Float, Parameter, SearchSpace  # noqa: E402


class HyperModel(keras_tuner.HyperModel):  # type: ignore[misc]
    """Compiled networks over ``space``; batch size included, through ``fit``.

    Args:
        space: what is searched; the core space by default.
        base: values of the fields that are not searched.
        classes: number of classes.

    Example: ``keras_tuner.RandomSearch(HyperModel(), objective="val_accuracy", max_trials=20)``,
    then ``tuner.search(x, y, validation_data=…, epochs=10)`` with x uint8 [N, 28, 28, 1].
    """

    def __init__(
        self,
        space: SearchSpace = CORE,
        base: Config | None = None,
        *,
        classes: int = 10,
    ) -> None:
        super().__init__(name="fmnist_cnn")
        self.space, self.base = space, base or Config()
        self.classes = classes

    def config(self, hp: keras_tuner.HyperParameters) -> Config:
        """The configuration that ``hp`` stands for; registers the space's parameters in it."""
        return self.base.replace(**{p.name: _suggest(hp, p) for p in self.space})

    def build(self, hp: keras_tuner.HyperParameters) -> Any:
        """A compiled network."""
        config = self.config(hp)
        model = build_model(config, self.classes)
        compile_model(model, config)
        return model

    def fit(self, hp: keras_tuner.HyperParameters, model: Any, *args: Any, **kwargs: Any) -> Any:
        """``model.fit`` with the batch size and the learning-rate schedule of ``hp``."""
        config = self.config(hp)
        epochs = kwargs.get("epochs", 1) - kwargs.get("initial_epoch", 0)
        callbacks = [*(kwargs.pop("callbacks", None) or ()), _Schedule(Pace(config, epochs))]
        return model.fit(*args, batch_size=config.batch_size, callbacks=callbacks, **kwargs)


class _Schedule(keras.callbacks.Callback):  # type: ignore[misc]
    """Gives each batch its learning rate."""

    def __init__(self, pace: Pace) -> None:
        super().__init__()
        self._pace = pace

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Plan the rates of the epoch."""
        self._rates = self._pace.rates(self.params.get("steps") or 1)

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Set the rate of this batch; of the last one where there are more than foreseen."""
        self.model.optimizer.learning_rate = self._rates[min(batch, len(self._rates) - 1)]

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """The epoch's share of the progress is done."""
        self._pace.advance()


def _suggest(hp: keras_tuner.HyperParameters, p: Parameter) -> Any:
    if isinstance(p, Categorical):
        return hp.Choice(p.name, list(p.choices))
    sampling = "log" if p.log else "linear"
    if isinstance(p, Float):
        return float(hp.Float(p.name, p.low, p.high, sampling=sampling))
    step = None if p.log else p.step
    return int(hp.Int(p.name, p.low, p.high, step=step, sampling=sampling))
