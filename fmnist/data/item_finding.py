"""Where the item lies in a photograph, whose ground may be lit unevenly, grainy, specked or framed.

The ground is a plane of grey levels through the picture's border; what stands out from it by more
than the border's own spread, in one piece or in few large ones, is the item.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

NEAR_BACKGROUND = 0.05 * 255
"""Grey levels a pixel may be off the background and still count as background."""
GRAINY = 12.0
"""Standard deviation of the border, in grey levels, from which on a crop may be wrong."""
_BORDER_SHARE = 0.02
_SIGMAS = 4.0
_HIGHEST_LEVEL = 64.0
_SMALLEST_PIECE = 0.02
"""Of the largest piece; what is smaller is a speck."""
_SMOOTHED_FROM = 112
_CLOSE_TO_EDGE = 0.04
_FRAME_FILL = 0.25
_ROUNDS = 4

Grey = NDArray[np.float64]
Mask = NDArray[np.bool_]
_NEIGHBOURS = np.ones((3, 3), bool)


@dataclass(frozen=True, eq=False)
class Found:
    """The item in a picture [H, W].

    Attributes:
        contrast: grey levels above (below: negative) those of the ground, specks taken out.
        item: the pixels that belong to the item; none where nothing stands out.
        ground: level of the ground, the median over the picture.
        doubts: why the crop may be wrong, for people; empty: no reason is known.
    """

    contrast: Grey
    item: Mask
    ground: float
    doubts: tuple[str, ...] = ()


def find_item(grey: Grey) -> Found:
    """Tell the item of grey levels [H, W] from its ground."""
    plane, spread = _ground(grey)
    contrast = grey - plane
    smooth = ndimage.uniform_filter(contrast, 3) if min(grey.shape) >= _SMOOTHED_FROM else contrast
    noise = spread / (3 if smooth is not contrast else 1)
    level = float(np.clip(_SIGMAS * noise, NEAR_BACKGROUND, _HIGHEST_LEVEL))
    kept, dropped = _pieces(np.abs(smooth) > level)
    item = kept & (np.abs(contrast) > NEAR_BACKGROUND)
    contrast = np.where(dropped & ~kept, 0.0, contrast)
    doubts = []
    if spread > GRAINY:
        doubts.append(f"the ground is grainy (spread {spread:.0f} levels), the crop may be wrong")
    if item.any() and len(_sides(item)) == 4:
        doubts.append("the item was not told from its ground: it reaches all four edges")
    return Found(contrast, item, float(np.median(plane)), tuple(doubts))


def _ground(grey: Grey) -> tuple[Grey, float]:
    """A plane [H, W] through the border, and the spread of the border around it, both robust."""
    height, width = grey.shape
    rows, columns = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    edge = max(1, round(_BORDER_SHARE * min(height, width)))
    border = np.ones(grey.shape, bool)
    border[edge:-edge, edge:-edge] = False
    points = np.column_stack([np.ones(border.sum()), rows[border], columns[border]])
    levels = grey[border]
    plane = np.array([np.median(levels), 0.0, 0.0])
    for _ in range(_ROUNDS):
        off = levels - points @ plane
        near = np.abs(off) <= max(NEAR_BACKGROUND, 3 * _deviation(off))
        plane = np.linalg.lstsq(points[near], levels[near], rcond=None)[0]
    spread = _deviation(levels - points @ plane)
    return plane[0] + plane[1] * rows + plane[2] * columns, spread


def _deviation(values: Grey) -> float:
    """The standard deviation, told from the median absolute one, which outliers leave alone."""
    return float(1.4826 * np.median(np.abs(values - np.median(values))))


def _pieces(mask: Mask) -> tuple[Mask, Mask]:
    """The pieces that make the item, and those that are specks or a frame."""
    labels, count = ndimage.label(mask, _NEIGHBOURS)
    if not count:
        return mask, mask
    places = ndimage.find_objects(labels)
    areas = np.bincount(labels.ravel(), minlength=count + 1)[1:].astype(float)
    frames = [_is_frame(place, area, mask.shape) for place, area in zip(places, areas, strict=True)]
    areas[frames] = 0
    large = (areas > 0) & (areas >= _SMALLEST_PIECE * areas.max())
    kept = np.isin(labels, 1 + np.flatnonzero(large))
    dropped = ndimage.binary_dilation(mask & ~kept, _NEIGHBOURS)
    return kept, dropped


def _is_frame(place: tuple[slice, slice], area: float, shape: tuple[int, int]) -> bool:
    """Whether a piece runs along the edges and is hollow, or is a strip at one of them."""
    margins = [_CLOSE_TO_EDGE * side for side in shape]
    near = [
        (part.start <= margin, part.stop >= side - margin)
        for part, side, margin in zip(place, shape, margins, strict=True)
    ]
    lengths = [part.stop - part.start for part in place]
    if all(low and high for low, high in near):
        return bool(area < _FRAME_FILL * lengths[0] * lengths[1])
    thin = [length <= margin for length, margin in zip(lengths, margins, strict=True)]
    return any(t and (low or high) for t, (low, high) in zip(thin, near, strict=True))


def _sides(item: Mask) -> list[int]:
    return [i for i, line in enumerate((item[0], item[-1], item[:, 0], item[:, -1])) if line.any()]
