"""The configuration of one network and its training: one hyperparameter is one field.

To add a hyperparameter, add a field here with its range and help, and use it in the one
place it belongs to (``models/builder.py`` or ``training/fit.py``). TOML files, the command line,
the importers, the training loop, the bibliography and the report ask its ``Rule`` for the rest.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fmnist.config.fields import Rule, model_field, training_field
from fmnist.errors import UserError

CONFIG_FILE = "best_config.toml"
LARGEST_FILE = 100_000
"""Bytes of a configuration file; ours have less than a thousand."""


class ConfigError(UserError):
    """A configuration that breaks a rule; the message names field, value and rule."""


@dataclass(frozen=True, kw_only=True)
class Config:
    """A network and how it is trained. Immutable; every value is checked on construction.

    Raises:
        ConfigError: a value of the wrong type, outside its range, or a combination that
            cannot be built.
    """

    stages: int = model_field(
        3,
        "Stages of convolutions, each halving its maps; 0: a dense network.",
        low=0,
        high=4,
        aliases=("n_layers", "num_layers", "layers", "conv_layers"),
    )
    filters_1: int = model_field(
        32,
        "Filters of the first stage.",
        low=1,
        high=512,
        aliases=("filters", "n_filters", "conv1", "conv_1_filters", "filters1"),
    )
    filters_2: int = model_field(
        64,
        "Filters of the second stage; 0 leaves the stage out.",
        low=0,
        high=512,
        aliases=("conv2", "conv_2_filters", "filters2"),
    )
    filters_3: int = model_field(
        128,
        "Filters of the third stage; 0 leaves the stage out.",
        low=0,
        high=512,
        aliases=("conv3", "conv_3_filters", "filters3"),
    )
    filters_4: int = model_field(
        256, "Filters of the fourth stage; 0 leaves the stage out.", low=0, high=512
    )
    width: float = model_field(
        1.0, "Factor of all filter counts, which stay multiples of 8.", low=0.125, high=8
    )
    stem: int = model_field(
        0, "Filters of a convolution before the first stage; 0: none.", low=0, high=512
    )
    stem_stride: int = model_field(
        1, "Pixels that the stem moves on by; 2 halves the maps of all that follows.", low=1, high=2
    )
    whitening: bool = model_field(
        False,
        "The stem's kernels are not trained: they whiten 4 × 4 patches of the training images.",
        source="94% on cifar-10",
    )
    convolutions: int = model_field(1, "Convolutions of each stage.", low=1, high=4)
    residual: bool = model_field(
        False,
        "Residual connection around the later convolutions of a stage.",
        source="deep residual learning",
    )
    kernel_size: int = model_field(
        3, "Height and width of kernels, in pixels.", low=1, high=7, aliases=("kernel", "ksize")
    )
    pooling: str = model_field(
        "max",
        "How each stage halves its maps: by pooling or by a convolution of stride 2.",
        choices=("max", "average", "strided"),
    )
    pool_first: bool = model_field(
        True, "Pooling comes before normalisation and activation, else behind them."
    )
    batch_norm: bool = model_field(
        True, "Batch normalisation of each convolution.", source="internal covariate shift"
    )
    activation: str = model_field(
        "relu",
        "Activation of the convolutions; a stem with fixed kernels has ReLU.",
        choices=("relu", "silu"),
        source={"silu": "sigmoid-weighted linear units"},
    )
    head: str = model_field(
        "flatten",
        "What becomes of the last maps: every value, or each map's average or maximum.",
        choices=("flatten", "average", "max"),
    )
    dense_units: int = model_field(
        128,
        "Units of the hidden dense layer; 0 leaves it out.",
        low=0,
        high=4096,
        aliases=("units", "hidden", "n_units", "hidden_units", "dense"),
    )
    dropout: float = model_field(
        0.3,
        "Share of units dropped before each dense layer.",
        low=0,
        high=0.9,
        recompiles=False,
        aliases=("dropout_rate", "drop", "p"),
        regulariser="dropout of {}",
        source="simple way to prevent",
    )
    l2: float = model_field(
        0.0, "Factor of an L2 penalty on kernels.", low=0, high=1, regulariser="an L2 penalty of {}"
    )
    normalisation: str = model_field(
        "unit",
        "How pixels enter: raw 0 to 255, unit [0, 1] or signed [-1, 1].",
        choices=("raw", "unit", "signed"),
    )
    image_size: int = model_field(
        28, "Height and width, in pixels, that images are resized to.", low=28, high=64
    )
    learning_rate: float = training_field(
        2e-3,
        "Learning rate at its highest point.",
        low=1e-7,
        high=10,
        recompiles=False,
        aliases=("lr", "eta", "step_size"),
    )
    batch_size: int = training_field(
        128, "Images in one gradient step.", low=1, high=8192, aliases=("batch", "bs", "batchsize")
    )
    epochs: int = training_field(
        15,
        "Passes over the training images.",
        low=1,
        high=10_000,
        recompiles=False,
        aliases=("n_epochs", "num_epochs"),
    )
    optimizer: str = training_field(
        "adam",
        "Gradient method.",
        choices=("adam", "adamw", "sgd"),
        aliases=("optimiser", "opt"),
        source={"adamw": "decoupled weight decay", "adam": "method for stochastic optimization"},
    )
    weight_decay: float = training_field(
        0.0,
        "Weight decay at each step (adamw and sgd).",
        low=0,
        high=1,
        aliases=("wd", "decay"),
        regulariser="weight decay of {}",
    )
    schedule: str = training_field(
        "cosine",
        "Learning rate over time: constant; a short warm-up and a cosine to zero; or one-cycle.",
        choices=("constant", "cosine", "one-cycle"),
        recompiles=False,
        source={
            "one-cycle": "super-convergence",
            "cosine": "stochastic gradient descent with warm",
        },
    )
    label_smoothing: float = training_field(
        0.0,
        "Share of the target spread over all classes.",
        low=0,
        high=0.5,
        regulariser="label smoothing of {}",
        source="rethinking the inception",
    )
    ema: float = training_field(
        0.0,
        "Decay of the moving average of the weights; 0 switches it off.",
        low=0,
        high=0.9999,
        regulariser="a moving average of the weights",
    )
    flip: bool = training_field(
        True, "Mirror half of the training images left to right.", recompiles=False, augments=True
    )
    shift: int = training_field(
        2,
        "Largest random shift of a training image, in pixels.",
        low=0,
        high=8,
        recompiles=False,
        augments=True,
    )
    rotation: float = training_field(
        0.0,
        "Largest random rotation of a training image, in degrees.",
        low=0,
        high=180,
        recompiles=False,
        augments=True,
    )
    erasing: float = training_field(
        0.0,
        "Chance that a rectangle of a training image is erased.",
        low=0,
        high=1,
        recompiles=False,
        augments=True,
        source="random erasing",
    )
    test_time_flip: bool = training_field(
        True, "Test predictions are the mean over an image and its mirror image.", recompiles=False
    )
    test_time_shift: int = training_field(
        0, "Test predictions average moves by so many pixels.", low=0, high=2, recompiles=False
    )

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = _checked(field, getattr(self, field.name))
            object.__setattr__(self, field.name, value)
        self._check_stages()
        if self.weight_decay and self.optimizer == "adam":
            raise ConfigError(
                f"weight_decay = {self.weight_decay} does nothing with optimizer = 'adam'; "
                "use optimizer = 'adamw' or weight_decay = 0"
            )

    def _check_stages(self) -> None:
        wanted = self._wanted_filters()
        for number, (before, filters) in enumerate(itertools.pairwise(wanted), start=2):
            if filters and not before:
                raise ConfigError(
                    f"filters_{number} = {filters} needs a stage before it, but filters_"
                    f"{number - 1} = 0; set filters_{number - 1} or leave filters_{number} at 0"
                )

    def _wanted_filters(self) -> tuple[int, ...]:
        return (self.filters_1, self.filters_2, self.filters_3, self.filters_4)[: self.stages]

    @property
    def filters(self) -> tuple[int, ...]:
        """Filters of each stage that is built, first to last, as ``width`` makes them."""
        return tuple(self.scaled(f) for f in self._wanted_filters() if f)

    @property
    def first_map_size(self) -> int:
        """Height and width, in pixels, of the maps that enter the first stage."""
        stride = self.stem_stride if self.stem and self.filters else 1
        return -(-self.image_size // stride)

    def map_size(self, stages: int) -> int:
        """Height and width of the maps behind so many stages; pooling cuts an odd row off."""
        up = (1 << stages) - 1 if self.pooling == "strided" else 0
        return (self.first_map_size + up) >> stages

    @property
    def stem_filters(self) -> int:
        """Filters of the stem, 0 without one; fixed kernels are at most 32."""
        if not self.stem or not self.filters:
            return 0
        return min(self.scaled(self.stem), 32) if self.whitening else self.scaled(self.stem)

    @property
    def whitened(self) -> bool:
        """Whether the first convolution is fixed."""
        return self.whitening and self.stem_filters > 0

    def scaled(self, filters: int) -> int:
        """``filters`` times ``width``: the nearest multiple of 8 where that changes them."""
        return filters if self.width == 1 else max(8, 8 * round(filters * self.width / 8))

    def replace(self, **changes: Any) -> Config:
        """A copy with some fields changed; unknown names raise ``ConfigError``."""
        _refuse_unknown(changes, "configuration")
        return dataclasses.replace(self, **changes)

    def to_dict(self) -> dict[str, Any]:
        """Field name to value, in the order of declaration."""
        return dataclasses.asdict(self)


RULES: dict[str, Rule] = {f.name: f.metadata["rule"] for f in dataclasses.fields(Config)}


def augmentations() -> list[str]:
    """Fields that change training images at random, in the order of declaration."""
    return [name for name, rule in RULES.items() if rule.augments]


def fields_help() -> dict[str, str]:
    """Field name to its one-sentence help, in the order of declaration."""
    return {name: rule.help for name, rule in RULES.items()}


def _checked(field: dataclasses.Field[Any], value: Any) -> Any:
    rule: Rule = field.metadata["rule"]
    kind: type[Any] = {"int": int, "float": float, "bool": bool, "str": str}[str(field.type)]
    if kind is float and type(value) is int:
        value = float(value)
    if type(value) is not kind:
        raise ConfigError(
            f"{field.name} = {value!r}: expected {field.type} ({rule.describe()}), "
            f"found {type(value).__name__}"
        )
    if rule.choices and value not in rule.choices:
        raise ConfigError(f"{field.name} = {value!r}: must be {rule.describe()}")
    if rule.low is not None and rule.high is not None and not rule.low <= value <= rule.high:
        raise ConfigError(f"{field.name} = {value!r}: must be within {rule.describe()}")
    return value


def _refuse_unknown(names: Mapping[str, Any], where: str) -> None:
    unknown = sorted(set(names) - set(RULES))
    if unknown:
        raise ConfigError(
            f"{where}: unknown field {unknown[0]!r}; the fields are {', '.join(RULES)}"
        )


def from_dict(values: Mapping[str, Any], where: str = "configuration") -> Config:
    """Build a ``Config`` from flat field values; missing fields take their defaults.

    Raises:
        ConfigError: an unknown field or a value against its rule, prefixed with ``where``.
    """
    _refuse_unknown(values, where)
    try:
        return Config(**values)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from None
