"""Values that a plot tells to a pointer or the keyboard: kept inside the SVG, as its metadata.

``report_templates/report.js`` reads them; on paper and without JavaScript they change nothing.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from typing import Any
from weakref import WeakKeyDictionary
from xml.sax.saxutils import escape

from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

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
        "cells": [_cell(*cell) for cell in _CELLS.get(figure, [])],
    }
    told = {kind: rows for kind, rows in told.items() if rows}
    if not told:
        return ""
    return f"<metadata>{escape(json.dumps(told, ensure_ascii=False))}</metadata>"


def _canvas(ax: Axes) -> Canvas:
    figure = ax.get_figure()
    assert isinstance(figure, Canvas)
    return figure


def _cell(ax: Axes, row: int, column: int, said: str) -> list[Any]:
    (left, top), (right, bottom) = (
        _fractions(ax, column + side, row + side) for side in (-0.5, 0.5)
    )
    return [left, top, round(right - left, 4), round(bottom - top, 4), said, row, column]


def _place(ax: Axes, x: float, y: float) -> tuple[float, float] | None:
    """Where a point stands; None where it is not drawn."""
    if not (math.isfinite(x) and math.isfinite(y)):
        return None
    place = _fractions(ax, x, y)
    return place if all(0 <= part <= 1 for part in place) else None


def _fractions(ax: Axes, x: float, y: float) -> tuple[float, float]:
    box = _canvas(ax).bbox
    right, up = ax.transData.transform((x, y))
    return round(float(right / box.width), 4), round(1 - float(up / box.height), 4)
