"""The look inside the network, on images that the evaluation left in the run folder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fmnist.analysis import activations as inside
from fmnist.models.inference import load_model
from fmnist.runs.config_source import load_config

if TYPE_CHECKING:
    from fmnist.pipeline.context import Context


def explain(job: Context) -> None:
    """Look inside the model, on images that the evaluation left in the run folder."""
    model = load_model(job.run / "model.keras")
    config = load_config(job.run.path)
    with np.load(job.run / "predictions.npz") as arrays:
        position, about = _telling_example(arrays)
        image = arrays["images"][position]
    if config.filters:
        job.run.write_arrays(
            "explain.npz",
            kernels=inside.kernels(model),
            feature_image=image,
            feature_index=np.array(about["test_index"]),
            **inside.feature_maps(model, config, image),
        )
    pixels = job.data.train_images
    record = inside.evidence(model, config, image, about)
    record["pixels"] = {
        "minimum": int(pixels.min()),
        "maximum": int(pixels.max()),
        "mean": float(pixels.mean()),
        "std": float(pixels.std()),
    }
    job.run.write_json("evidence.json", record)


def _telling_example(arrays: Any) -> tuple[int, dict[str, int]]:
    """Position and identity of the image to explain, out of the random ones in the folder.

    The correctly classified one whose probability is nearest to 90 %: where the network is
    certain, a softmax has nothing to show. The first image where none was classified correctly.
    """
    labels, p = arrays["test_labels"], arrays["test_probabilities"]
    chosen = arrays["random_index"]
    right = p[chosen].argmax(axis=1) == labels[chosen]
    distance = np.where(right, np.abs(p[chosen].max(axis=1) - 0.9), np.inf)
    test_index = int(chosen[np.argmin(distance)])
    position = int(np.searchsorted(arrays["image_index"], test_index))
    return position, {"test_index": test_index, "true": int(labels[test_index])}
