"""Parts of the data that several stages use."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from fmnist.stages.context import Context


def part(job: Context, index: NDArray[np.int64]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Images uint8 [N, 28, 28, 1] and labels int64 [N] of the training file at ``index``."""
    return job.data.train_images[index], job.data.train_labels[index]
