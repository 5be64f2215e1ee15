"""Random images and moves, for the tests of augmentation on every backend."""

import numpy as np
from hypothesis import strategies as st

from fmnist.data.augmentation import Augmentations


@st.composite
def cases(draw):
    """Small images, an order with repetitions, and moves of it."""
    reach = draw(st.integers(0, 3))
    shape = (draw(st.integers(1, 4)), draw(st.integers(1, 5)), draw(st.integers(1, 5)), 1)
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    order = np.array(draw(st.lists(st.integers(0, shape[0] - 1), min_size=1, max_size=6)))
    offsets = rng.integers(0, 2 * reach + 1, (len(order), 2))
    boxes = rng.integers(0, shape[1:3], (len(order), 2))
    boxes = np.concatenate([boxes, rng.integers(0, 3, (len(order), 2))], axis=1)
    erased = boxes if draw(st.booleans()) else None
    moves = Augmentations(rng.random(len(order)) < 0.5, offsets, reach, None, erased)
    return rng.integers(0, 256, shape, dtype=np.uint8), order, moves
