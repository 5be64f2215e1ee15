"""The look inside the network, on images that the evaluation left in the run folder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fmnist.analysis import activations as inside
from fmnist.models.inference import load_model
from fmnist.runs.artifacts import EVIDENCE, EXPLANATION, MODEL, PREDICTIONS
from fmnist.runs.config_source import load_config
from fmnist.runs.records.interpretation import Pixels
from fmnist.runs.safe_read import read_arrays

if TYPE_CHECKING:
    from fmnist.pipeline.context import Context


def explain(job: Context) -> None:
    """Look inside the model, on images that the evaluation left in the run folder."""
    model = load_model(job.run / MODEL)
    config = load_config(job.run.path)
    arrays = read_arrays(job.run / PREDICTIONS)
    position, test_index, true = _telling_example(arrays)
    image = arrays["images"][position]
    if config.filters:
        job.run.write_arrays(
            EXPLANATION,
            kernels=inside.kernels(model),
            feature_image=image,
            feature_index=np.array(test_index),
            **inside.feature_maps(model, config, image),
        )
    pixels = job.data.train_images
    grey = Pixels(int(pixels.min()), int(pixels.max()), float(pixels.mean()), float(pixels.std()))
    softmax = inside.softmax_example(model, image, test_index, true)
    job.run.write(EVIDENCE, inside.evidence(model, config, softmax, grey))


def _telling_example(arrays: Any) -> tuple[int, int, int]:
    """Position, test index and class of the image to explain, of the random ones in the folder.

    The correctly classified one whose probability is nearest to 90 %: where the network is
    certain, a softmax has nothing to show. The first image where none was classified correctly.
    """
    labels, p = arrays["test_labels"], arrays["test_probabilities"]
    chosen = arrays["random_index"]
    right = p[chosen].argmax(axis=1) == labels[chosen]
    distance = np.where(right, np.abs(p[chosen].max(axis=1) - 0.9), np.inf)
    test_index = int(chosen[np.argmin(distance)])
    position = int(np.searchsorted(arrays["image_index"], test_index))
    return position, test_index, int(labels[test_index])
