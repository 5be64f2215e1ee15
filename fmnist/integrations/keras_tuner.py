"""Our builder and space as a keras-tuner ``HyperModel``, for any of its tuners."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fmnist import backends

backends.configure()

import keras  # noqa: E402 - Keras reads its backend from the environment when imported
import keras_tuner  # noqa: E402
import numpy as np  # noqa: E402
from numpy.typing import NDArray  # noqa: E402

from fmnist.config.config import Config  # noqa: E402
from fmnist.config.spaces import CORE, named_space  # noqa: E402
from fmnist.config.toml_text import dump_config  # noqa: E402
from fmnist.data.augmentation import Images, augment, pad, sample_augmentations  # noqa: E402
from fmnist.errors import UserError  # noqa: E402
from fmnist.models.builder import IMAGE_SHAPE, build_model, compile_model, whiten  # noqa: E402
from fmnist.models.inference import PREDICT_BATCH  # noqa: E402
from fmnist.training.lr_schedule import LearningRateSchedule  # noqa: E402
from search.atomic import write_bytes  # noqa: E402
from search.space import Categorical, Float, Parameter, SearchSpace  # noqa: E402

# What Hyperband tells a trial about its length.
_HYPERBAND = "tuner/epochs"


class TunerError(UserError, keras_tuner.errors.FatalValueError):  # type: ignore[misc]
    """Something passed to ``tuner.search`` that no trial could use; ends the search at once."""


class HyperModel(keras_tuner.HyperModel):  # type: ignore[misc]
    """Compiled networks over ``space``, trained as their configurations say.

    Batch size, learning rate and its schedule, augmentation and averaged weights are
    hyperparameters like filters and dropout: ``fit`` sees to them. The networks take raw pixels
    and end in logits.

    Args:
        space: what is searched, or its name, or the path of a space file; the core space by
            default.
        base: values of the fields that are not searched.
        classes: number of classes.

    Raises:
        UserError: no space of that name.

    Example: ``tuner = keras_tuner.RandomSearch(HyperModel(), objective="val_accuracy",
    max_trials=20)``, then ``tuner.search(x, y, validation_data=…, epochs=10)`` with x uint8
    [N, 28, 28, 1], then ``tuner.hypermodel.save_config(tuner.get_best_hyperparameters()[0],
    "best.toml")`` for ``fmnist train --config best.toml``.
    """

    def __init__(
        self,
        space: SearchSpace | str | Path = CORE,
        base: Config | None = None,
        *,
        classes: int = 10,
    ) -> None:
        super().__init__(name="fmnist_cnn")
        self.space = space if isinstance(space, SearchSpace) else named_space(str(space))
        self.base = base or _base_for(self.space)
        self.classes = classes

    def config(self, hp: keras_tuner.HyperParameters) -> Config:
        """The configuration that ``hp`` stands for; registers the space's parameters in it.

        Raises:
            ConfigError: values that do not go together.
        """
        usual = self.base.to_dict()
        return self.base.replace(**{p.name: _suggest(hp, p, usual[p.name]) for p in self.space})

    def save_config(
        self, hp: keras_tuner.HyperParameters, path: str | Path, **changes: Any
    ) -> Config:
        """Write what ``hp`` stands for to ``path``, as ``fmnist train --config`` takes it.

        Args:
            changes: fields to have otherwise, such as ``epochs=30``.
        """
        config = self.config(hp).replace(**changes)
        write_bytes(Path(path), dump_config(config, {"search": "keras-tuner"}).encode())
        return config

    def build(self, hp: keras_tuner.HyperParameters) -> Any:
        """A compiled network from raw pixels [N, 28, 28, 1] to logits [N, classes]."""
        config = self.config(hp)
        plain = build_model(config, self.classes)
        model = keras.Model(plain.input, plain.get_layer("logits").output, name=plain.name)
        compile_model(model, config)
        # Hyperband loads an earlier round into it, and what the optimiser knows along with that.
        model.optimizer.build(model.trainable_variables)
        return model

    def fit(
        self,
        hp: keras_tuner.HyperParameters,
        model: Any,
        x: Any = None,
        y: Any = None,
        **kwargs: Any,
    ) -> Any:
        """``model.fit`` with batch size, learning-rate schedule and augmentation of ``hp``.

        Args:
            x, y: raw pixels uint8 [N, 28, 28, 1] and whole-number labels [N].
            kwargs: as for ``Model.fit``. ``epochs`` is that of the configuration where it is
                searched or left out.

        Raises:
            TunerError: other data, or a batch size beside that of the configuration.
        """
        config = self.config(hp)
        images, labels = _checked(x, y, kwargs)
        images, labels = _split_off(images, labels, kwargs)
        whiten(model, config, images)
        kwargs["epochs"] = self._epochs(hp, config, kwargs)
        kwargs.setdefault("validation_batch_size", PREDICT_BATCH)
        pace = LearningRateSchedule(config, kwargs["epochs"] - kwargs.get("initial_epoch", 0))
        # Averaged weights come first: the tuner's own callback saves what it then finds.
        averaged = [keras.callbacks.SwapEMAWeights(swap_on_epoch=True)] if config.ema else []
        given = kwargs.pop("callbacks", None) or ()
        callbacks = [*averaged, _Schedule(pace), *given]
        # NumPy's own state, so that keras.utils.set_random_seed makes this repeatable too.
        rng = np.random.default_rng(np.random.randint(2**31))
        return model.fit(_Batches(images, labels, config, rng), callbacks=callbacks, **kwargs)

    def _epochs(
        self, hp: keras_tuner.HyperParameters, config: Config, given: Mapping[str, Any]
    ) -> int:
        searched = any(p.name == "epochs" for p in self.space) and _HYPERBAND not in hp.values
        return config.epochs if searched else int(given.get("epochs", config.epochs))


class _Batches(keras.utils.PyDataset):  # type: ignore[misc]
    """Augmented batches, in another order each epoch; what is left over waits for the next."""

    def __init__(
        self, images: Images, labels: NDArray[Any], config: Config, rng: np.random.Generator
    ) -> None:
        super().__init__()
        self._framed, self._labels = pad(images, config.shift), labels
        self._config, self._rng = config, rng
        self._size = min(config.batch_size, len(labels))
        self.on_epoch_begin()  # Keras looks at a batch before the first epoch

    def on_epoch_begin(self) -> None:
        """Draw the order and the moves of an epoch."""
        count = len(self._labels)
        self._order = self._rng.permutation(count)
        self._moves = sample_augmentations(count, self._config, self._rng)

    def __len__(self) -> int:
        return len(self._labels) // self._size

    def __getitem__(self, index: int) -> tuple[Images, NDArray[Any]]:
        places = slice(index * self._size, (index + 1) * self._size)
        order = self._order[places]
        return augment(self._framed, order, self._moves.part(places)), self._labels[order]


class _Schedule(keras.callbacks.Callback):  # type: ignore[misc]
    """Gives each batch its learning rate."""

    def __init__(self, pace: LearningRateSchedule) -> None:
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


def _checked(x: Any, y: Any, kwargs: Mapping[str, Any]) -> tuple[Images, NDArray[Any]]:
    """Images and labels [N], of the kind that the networks take."""
    if "batch_size" in kwargs:
        raise TunerError(
            "batch_size: it belongs to the configuration; leave it out of tuner.search, and to fix "
            "it give HyperModel a space without it and base=Config(batch_size=…)"
        )
    given = kwargs.get("validation_data")
    if isinstance(given, (tuple, list)) and len(given) > 1:
        _pair(given[0], given[1], "validation_data: ")
    return _pair(x, y)


def _pair(x: Any, y: Any, where: str = "") -> tuple[Images, NDArray[Any]]:
    images, labels = np.asarray(x), np.asarray(y)
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[1:] != IMAGE_SHAPE:
        raise TunerError(
            f"{where}x: expected raw pixels, an array uint8 [N, 28, 28, 1] of 0 to 255 (the "
            f"network normalises them itself), found {images.dtype} {list(images.shape)}"
        )
    if not np.issubdtype(labels.dtype, np.integer) or labels.size != len(images):
        raise TunerError(
            f"{where}y: expected {len(images)} whole-number labels, found {labels.dtype} "
            f"{list(labels.shape)}"
        )
    return images, labels.reshape(-1)


def _split_off(
    images: Images, labels: NDArray[Any], kwargs: dict[str, Any]
) -> tuple[Images, NDArray[Any]]:
    """What is to train on; with ``validation_split`` the last images validate, as in Keras."""
    share = kwargs.pop("validation_split", 0.0)
    if not share or kwargs.get("validation_data") is not None:
        return images, labels
    kept = int(len(images) * (1 - share))
    kwargs["validation_data"] = (images[kept:], labels[kept:])
    return images[:kept], labels[:kept]


def _base_for(space: SearchSpace) -> Config:
    """The defaults; with an optimiser that has a weight decay where one is searched."""
    names = {p.name for p in space}
    decays = "weight_decay" in names and "optimizer" not in names
    return Config(optimizer="adamw") if decays else Config()


def _suggest(hp: keras_tuner.HyperParameters, p: Parameter, usual: Any) -> Any:
    """The value of ``p`` in ``hp``; ``usual`` where the tuner has none to give."""
    options = {"default": usual} if p.contains(usual) else {}
    if isinstance(usual, bool):
        # Its own kind: among the choices of keras-tuner yes and no become 1 and 0.
        both = isinstance(p, Categorical) and len(p.choices) == 2
        return bool(hp.Boolean(p.name, **options) if both else hp.Fixed(p.name, _only(p)))
    if isinstance(p, Categorical):
        # keras-tuner wants all choices of one type, and takes 1 for an int, never for 1.0.
        mixed = {type(c) for c in p.choices} == {int, float}
        return hp.Choice(p.name, [float(c) if mixed else c for c in p.choices], **options)
    if p.low == p.high:
        return hp.Fixed(p.name, _only(p))
    sampling = "log" if p.log else "linear"
    if isinstance(p, Float):
        return float(hp.Float(p.name, p.low, p.high, sampling=sampling, **options))
    step = None if p.log else p.step
    return int(hp.Int(p.name, p.low, p.high, step=step, sampling=sampling, **options))


def _only(p: Parameter) -> Any:
    """The value of a parameter that has no other."""
    return p.choices[0] if isinstance(p, Categorical) else p.low
