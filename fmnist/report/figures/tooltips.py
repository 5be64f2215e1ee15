"""Values that a plot tells to a pointer or the keyboard: kept inside the SVG, as its metadata.

``report_templates/report.js`` reads them; on paper and without JavaScript they change nothing.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from typing import Any
from weakref import WeakKeyDictionary
from xml.sax.saxutils import escape

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from numpy.typing import NDArray

_Place = tuple[Axes, float, float, str]
_POINTS: WeakKeyDictionary[Canvas, list[_Place]] = WeakKeyDictionary()
_CELLS: WeakKeyDictionary[Canvas, list[tuple[Axes, int, int, str]]] = WeakKeyDictionary()


def tell(ax: Axes, points: Iterable[tuple[float, float, str]]) -> None:
    """Give points of the plot a text each.

    Args:
        ax: the axes they are drawn in.
        points: x and y as drawn, in the units of the axes, and what is said of the point.
    """
    _POINTS.setdefault(_canvas(ax), []).extend((ax, x, y, said) for x, y, said in points)


def tell_cells(ax: Axes, cells: Iterable[tuple[int, int, str]]) -> None:
    """Give the cells of a matrix a text each: row, column, text; a cell is one unit wide."""
    _CELLS.setdefault(_canvas(ax), []).extend((ax, *cell) for cell in cells)


def metadata(figure: Canvas) -> str:
    """An SVG ``<metadata>`` element with the values of a drawn figure; empty where it has none.

    Points are ``[x, y, text]``, cells ``[x, y, width, height, text, row, column]``, with places
    and sizes as fractions of the picture from its upper left corner.
    """
    told: dict[str, list[list[Any]]] = {
        "points": [
            [*place, said]
            for ax, x, y, said in _POINTS.get(figure, [])
            if (place := _place(ax, x, y)) is not None
        ],
        "cells": _drawn_cells(_CELLS.get(figure, [])),
    }
    told = {kind: rows for kind, rows in told.items() if rows}
    if not told:
        return ""
    return f"<metadata>{escape(json.dumps(told, ensure_ascii=False))}</metadata>"


def _canvas(ax: Axes) -> Canvas:
    figure = ax.get_figure()
    assert isinstance(figure, Canvas)
    return figure


def _drawn_cells(cells: Sequence[tuple[Axes, int, int, str]]) -> list[list[Any]]:
    """All of one matrix at once, as there may be tens of thousands."""
    if not cells:
        return []
    ax, places = cells[0][0], np.array([(column, row) for _, row, column, _ in cells])
    starts, ends = (_fractions(ax, places + side) for side in (-0.5, 0.5))
    boxes = np.hstack((starts, ends - starts)).round(4).tolist()
    return [
        [*box, said, row, column] for box, (_, row, column, said) in zip(boxes, cells, strict=True)
    ]


def _place(ax: Axes, x: float, y: float) -> tuple[float, float] | None:
    """Where a point stands; None where it is not drawn."""
    if not (math.isfinite(x) and math.isfinite(y)):
        return None
    across, down = map(float, _fractions(ax, np.array((x, y))))
    return (across, down) if 0 <= across <= 1 and 0 <= down <= 1 else None


def _fractions(ax: Axes, points: NDArray[Any]) -> NDArray[np.float64]:
    """Places ``[..., 2]`` in the units of the axes as fractions of the picture, from above."""
    box = _canvas(ax).bbox
    drawn = ax.transData.transform(points) / (box.width, box.height)
    return np.round((0, 1) + drawn * (1, -1), 4)
