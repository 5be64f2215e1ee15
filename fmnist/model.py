"""The Keras CNN builder: one configuration in, one network out. Used by everything."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fmnist import backend
from fmnist.config import Config

if TYPE_CHECKING:
    import keras

IMAGE_SHAPE = (28, 28, 1)
_SCALES = {"raw": (1.0, 0.0), "unit": (1 / 255, 0.0), "signed": (1 / 127.5, -1.0)}


def build_model(config: Config, classes: int = 10) -> keras.Model:
    """The network of ``config``, not compiled.

    Input: raw pixels 0 to 255, uint8 or float, [N, 28, 28, 1]; normalisation is its first
    layer. Output: class probabilities [N, classes]; the layer named ``logits`` has the values
    before the softmax.

    Each block is convolution, pooling, batch normalisation, ReLU: pooling first gives the same
    result for max pooling up to the normalisation's sign and costs about 45 % less time.
    """
    backend.configure()
    import keras
    from keras import layers

    inputs = keras.Input(IMAGE_SHAPE, dtype="uint8", name="pixels")
    scale, offset = _SCALES[config.normalisation]
    x = layers.Rescaling(scale, offset, name="normalise")(inputs)
    for number, filters in enumerate(config.filters, start=1):
        x = _block(x, number, filters, config)
    x = layers.Flatten(name="flatten")(x)
    if config.dense_units:
        x = layers.Dropout(config.dropout, name="dropout_1")(x)
        x = _dense(config, config.dense_units, "dense", activation="relu")(x)
    x = layers.Dropout(config.dropout, name="dropout")(x)
    x = _dense(config, classes, "logits")(x)
    outputs = layers.Softmax(name="probabilities", dtype="float32")(x)
    return keras.Model(inputs, outputs, name="fmnist_cnn")


def compile_model(model: keras.Model, config: Config) -> None:
    """Attach optimiser, loss and accuracy.

    The learning rate starts at ``config.learning_rate``; ``schedule.Pace`` moves it. Loss is the
    cross-entropy on integer labels, or on smoothed one-hot targets where
    ``config.label_smoothing`` is set (``training.targets`` makes the matching ones).
    """
    import keras

    smoothing = config.label_smoothing
    loss = (
        keras.losses.CategoricalCrossentropy(label_smoothing=smoothing)
        if smoothing
        else keras.losses.SparseCategoricalCrossentropy()
    )
    model.compile(
        optimizer=_optimizer(config),
        loss=loss,
        metrics=["accuracy"],
        **backend.compile_options(),
    )


def _block(x: Any, number: int, filters: int, config: Config) -> Any:
    from keras import layers

    x = layers.Conv2D(
        filters,
        config.kernel_size,
        padding="same",
        use_bias=not config.batch_norm,
        kernel_initializer="he_normal",
        kernel_regularizer=_penalty(config),
        name=f"convolution_{number}",
    )(x)
    pool = layers.MaxPooling2D if config.pooling == "max" else layers.AveragePooling2D
    x = pool(2, name=f"pooling_{number}")(x)
    if config.batch_norm:
        x = layers.BatchNormalization(momentum=0.9, name=f"batch_norm_{number}")(x)
    return layers.ReLU(name=f"relu_{number}")(x)


def _dense(config: Config, units: int, name: str, activation: str | None = None) -> Any:
    from keras import layers

    return layers.Dense(
        units, activation=activation, kernel_regularizer=_penalty(config), name=name
    )


def _penalty(config: Config) -> Any:
    import keras

    return keras.regularizers.L2(config.l2) if config.l2 else None


def _optimizer(config: Config) -> keras.optimizers.Optimizer:
    import keras

    rate = config.learning_rate
    if config.optimizer == "sgd":
        decay = config.weight_decay or None
        return keras.optimizers.SGD(rate, momentum=0.9, nesterov=True, weight_decay=decay)
    if config.optimizer == "adamw":
        return keras.optimizers.AdamW(rate, weight_decay=config.weight_decay)
    return keras.optimizers.Adam(rate)
