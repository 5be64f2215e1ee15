"""The Keras CNN builder: one configuration in, one network out. Used by everything."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fmnist import backends
from fmnist.config.config import Config
from fmnist.models import whitening

if TYPE_CHECKING:
    import keras

    from fmnist.backends.base import Loss
    from fmnist.data.augmentation import Images

IMAGE_SHAPE = (28, 28, 1)
STEM = "convolution_stem"
_SCALES = {"raw": (1.0, 0.0), "unit": (1 / 255, 0.0), "signed": (1 / 127.5, -1.0)}


def build_model(config: Config, classes: int = 10) -> keras.Model:
    """The network of ``config``, not compiled, of Keras's own layers.

    Input: raw pixels 0 to 255, uint8 or float, [N, 28, 28, 1]; normalisation is its first
    layer. Output: class probabilities [N, classes]; the layer named ``logits`` has the values
    before the softmax.

    A stage is a convolution with pooling, batch normalisation and activation, and further ones
    of the same size, which may be a residual branch (He et al., Deep residual learning, 2016).
    Pooling before normalisation gives the same result for max pooling up to the normalisation's
    sign and costs about 45 % less time.
    """
    backends.configure()
    import keras
    from keras import layers

    inputs, logits = _network(config, classes)
    outputs = layers.Softmax(name="probabilities", dtype="float32")(logits)
    return keras.Model(inputs, outputs, name="fmnist_cnn")


def whiten(model: keras.Model, config: Config, images: Images) -> None:
    """Give the fixed kernels of ``model``, where it has them, their values by training images."""
    if config.whitened:
        scale = _SCALES[config.normalisation]
        kernels = whitening.whitening_kernels(images, config.stem_filters, *scale)
        model.get_layer(STEM).set_weights([kernels])


def build_for_training(config: Config, classes: int = 10) -> keras.Model:
    """The same network as ``backend`` has it trained: to logits float32, weights as above.

    Layers of one name hold the same weights. Dropout's chance is a variable (``layers.py``).
    """
    backends.configure()
    import keras

    from fmnist.models.layers import (
        FusedBatchNormalization,
        ImagesFirstConvolution,
        OnePixelConvolution,
        VariableDropout,
    )

    decided = backends.decisions()
    special: dict[str, Any] = {
        "dropout": lambda rate, name: VariableDropout(name=name),
        "convolution": ImagesFirstConvolution if decided.images_first else OnePixelConvolution,
    }
    if decided.fused:
        special["normalisation"] = FusedBatchNormalization
    usual = keras.config.dtype_policy()
    keras.config.set_dtype_policy(decided.precision)
    try:
        return keras.Model(*_network(config, classes, **special), name="fmnist_cnn_in_training")
    finally:
        keras.config.set_dtype_policy(usual)


def _network(
    config: Config,
    classes: int,
    *,
    dropout: Any = None,
    normalisation: Any = None,
    convolution: Any = None,
) -> tuple[Any, Any]:
    """Input and logits; with other layers than Keras's own where they are given."""
    import keras
    from keras import layers

    dropout = dropout or layers.Dropout
    inputs = keras.Input(IMAGE_SHAPE, dtype="uint8", name="pixels")
    scale, offset = _SCALES[config.normalisation]
    x = layers.Rescaling(scale, offset, name="normalise")(inputs)
    if config.image_size != IMAGE_SHAPE[0]:
        x = layers.Resizing(config.image_size, config.image_size, name="resize")(x)
    special = normalisation or layers.BatchNormalization, convolution or layers.Conv2D
    x = _Convolutions(config, *special).all(x)
    x = _head(config)(x)
    # Asked of the configuration: no dropout at all is another shape, without a mask to draw.
    if config.dense_units:
        if config.dropout and config.filters:  # pixels themselves are not dropped
            x = dropout(config.dropout, name="dropout_1")(x)
        x = _dense(config, config.dense_units, "dense", activation="relu")(x)
    x = dropout(config.dropout, name="dropout")(x) if config.dropout else x
    return inputs, _dense(config, classes, "logits", dtype="float32")(x)


def compile_model(model: keras.Model, config: Config) -> None:
    """Make ``model``, which ends in logits, ready for ``Model.fit`` on integer labels.

    ``training.fit`` does without: it has a faster loop. From logits, since Keras cuts
    probabilities off at 1e-7 where the backend cannot go back behind the softmax (JAX): with raw
    pixels the gradient of a fresh network was then exactly 0. One step an execution, so that a
    callback can give each step its learning rate.
    """
    model.compile(
        optimizer=optimizer(config),
        loss=loss_of(config, model.output_shape[-1]),
        metrics=["accuracy"],
        jit_compile=backends.decisions().xla,
    )


def loss_of(config: Config, classes: int) -> Loss:
    """Cross-entropy (nats) of each image, from labels [B] and logits [B, classes].

    Where ``config.label_smoothing`` is set, so much of the target is spread over all classes.
    """
    from keras import losses, ops

    def loss(labels: Any, logits: Any) -> Any:
        if not config.label_smoothing:
            return losses.sparse_categorical_crossentropy(labels, logits, from_logits=True)
        wanted = ops.one_hot(ops.reshape(labels, (-1,)), classes, dtype=logits.dtype)
        return losses.categorical_crossentropy(
            wanted, logits, from_logits=True, label_smoothing=config.label_smoothing
        )

    return loss


class _Convolutions:
    """The convolutional part of a network, by its configuration."""

    def __init__(self, config: Config, normalisation: Any, convolution: Any) -> None:
        self._config, self._normalisation = config, normalisation
        self._convolution_layer = convolution

    def all(self, x: Any) -> Any:
        """Stem and stages."""
        config = self._config
        if config.whitened:
            x = self._whitened(x)
        elif config.stem_filters:
            x = self._convolution(x, config.stem_filters, "stem", strides=config.stem_stride)
            x = self._active(x, "stem")
        for number, filters in enumerate(config.filters, start=1):
            x = self._stage(x, number, filters)
        return x

    def _whitened(self, x: Any) -> Any:
        from keras import layers

        convolution = layers.Conv2D(
            self._config.stem_filters,
            whitening.SIZE,
            strides=self._config.stem_stride,
            padding="same",
            use_bias=False,
            trainable=False,
            name=STEM,
        )
        return layers.ReLU(name="relu_stem")(convolution(x))

    def _stage(self, x: Any, number: int, filters: int) -> Any:
        from keras import layers

        x = shortcut = self._halved(x, number, filters)
        for further in range(2, self._config.convolutions + 1):
            name = f"{number}_{further}"
            x = self._active(self._convolution(x, filters, name), name)
        if self._config.residual and self._config.convolutions > 1:
            x = layers.Add(name=f"residual_{number}")([shortcut, x])
        return x

    def _halved(self, x: Any, number: int, filters: int) -> Any:
        from keras import layers

        if self._config.pooling == "strided":
            return self._active(self._convolution(x, filters, f"{number}", 2), f"{number}")
        x = self._convolution(x, filters, f"{number}")
        kind = layers.MaxPooling2D if self._config.pooling == "max" else layers.AveragePooling2D
        pool = kind(2, name=f"pooling_{number}")
        if self._config.pool_first:
            return self._active(pool(x), f"{number}")
        return pool(self._active(x, f"{number}"))

    def _convolution(self, x: Any, filters: int, name: str, strides: int = 1) -> Any:
        return self._convolution_layer(
            filters,
            self._config.kernel_size,
            strides=strides,
            padding="same",
            use_bias=not self._config.batch_norm,
            kernel_initializer="he_normal",
            kernel_regularizer=_penalty(self._config),
            name=f"convolution_{name}",
        )(x)

    def _active(self, x: Any, name: str) -> Any:
        from keras import layers

        if self._config.batch_norm:
            x = self._normalisation(momentum=0.9, name=f"batch_norm_{name}")(x)
        named = activation_name(self._config, name)
        if self._config.activation == "relu":
            return layers.ReLU(name=named)(x)
        return layers.Activation(self._config.activation, name=named)(x)


def _head(config: Config) -> Any:
    """From maps [B, H, W, C] to values [B, n]."""
    from keras import layers

    if config.head == "flatten" or not config.filters:
        return layers.Flatten(name="flatten")
    if config.head == "max":
        return layers.GlobalMaxPooling2D(name="global_max")
    return layers.GlobalAveragePooling2D(name="global_average")


def _dense(config: Config, units: int, name: str, **options: Any) -> Any:
    from keras import layers

    return layers.Dense(units, kernel_regularizer=_penalty(config), name=name, **options)


def _penalty(config: Config) -> Any:
    import keras

    return keras.regularizers.L2(config.l2) if config.l2 else None


def optimizer(config: Config, *, fused: bool = False) -> keras.optimizers.Optimizer:
    """The gradient method of ``config``, averaging the weights where it says so.

    Args:
        fused: Adam's step is one operation, on TensorFlow only.
    """
    import keras

    options: dict[str, Any] = {"learning_rate": config.learning_rate}
    if config.ema:
        options |= {"use_ema": True, "ema_momentum": config.ema}
    if config.optimizer == "sgd":
        decay = config.weight_decay or None
        return keras.optimizers.SGD(momentum=0.9, nesterov=True, weight_decay=decay, **options)
    if fused:
        from fmnist.backends.tensorflow import FusedAdam

        decay = config.weight_decay if config.optimizer == "adamw" else None
        return FusedAdam(weight_decay=decay, **options)
    if config.optimizer == "adamw":
        return keras.optimizers.AdamW(weight_decay=config.weight_decay, **options)
    return keras.optimizers.Adam(**options)


def activation_name(config: Config, convolution: str) -> str:
    """The name of the layer behind the convolution of that name."""
    kind = "relu" if convolution == "stem" and config.whitened else config.activation
    return f"{kind}_{convolution}"


def end_of_stage(config: Config, stage: int) -> str:
    """The name of the last layer of a stage, counted from 1."""
    if config.convolutions == 1:
        pooled_last = config.pooling != "strided" and not config.pool_first
        return f"pooling_{stage}" if pooled_last else activation_name(config, f"{stage}")
    if config.residual:
        return f"residual_{stage}"
    return activation_name(config, f"{stage}_{config.convolutions}")
