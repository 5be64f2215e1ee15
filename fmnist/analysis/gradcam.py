"""Grad-CAM: where in the image the evidence for a class lies.

Selvaraju et al., Grad-CAM: visual explanations from deep networks via gradient-based
localization, ICCV 2017.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fmnist import backends
from fmnist.config.config import Config
from fmnist.models.builder import end_of_stage

if TYPE_CHECKING:
    import keras


def last_maps(config: Config) -> str:
    """Name of the layer to look at: the end of the last stage, as usual for residual networks.

    All that the network sees passes through its maps. At the ends of earlier stages the gradient
    averaged over a map says little: there the maps came out empty for half of the images tried.
    """
    return end_of_stage(config, len(config.filters))


def heat(
    model: keras.Model, layer: str, images: NDArray[np.uint8], classes: NDArray[np.int64]
) -> NDArray[np.float32]:
    """The map of each image for one class [N, h, w], zero or above, in the layer's own size.

    The gradient of the class's logit, averaged over each feature map, weighs that map; what is
    left of the weighted sum above zero speaks for the class.

    Args:
        images: uint8 [N, 28, 28].
        classes: the class [N] that each image is asked about.
    """
    import keras

    inner, logits = model.get_layer(layer).output, model.get_layer("logits").output
    maps = keras.Model(model.input, inner)(images[..., None], training=False)
    above = keras.Model(inner, logits)
    wanted = np.eye(logits.shape[-1], dtype=np.float32)[classes]
    slopes = backends.gradient(lambda x: above(x, training=False) * wanted, maps)
    weights = slopes.mean(axis=(1, 2), keepdims=True)
    found: NDArray[np.float32] = np.maximum((weights * np.asarray(maps)).sum(axis=-1), 0)
    return found
