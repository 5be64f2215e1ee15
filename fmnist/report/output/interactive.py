"""What only a screen can use: the script of the report and the images behind its matrix.

It stands between two comments in the HTML, and the printed report is made without it.
"""

from __future__ import annotations

import base64
import hashlib
import math
import re
from dataclasses import dataclass
from importlib import resources
from typing import Any

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from fmnist.report.facts import Facts
from fmnist.report.figures import image_grids
from fmnist.runs.records.metrics import Predictions

BEGIN, END = Markup("<!-- screen -->"), Markup("<!-- /screen -->")
SCRIPT = "report.js"
MOST_IMAGES = 2000
"""Behind the matrix, so that the file stays small enough to send."""
COLUMNS = 40


@dataclass(frozen=True)
class Screen:
    """What the page template puts in for a screen.

    Attributes:
        script: what runs.
        policy: the Content-Security-Policy that lets this script run, and nothing else load.
        cells: what ``cells_of`` gives.
        begin, end: what stands around all this.
    """

    script: Markup
    policy: str
    cells: dict[str, Any] | None
    begin: Markup = BEGIN
    end: Markup = END


def screen(cells: dict[str, Any] | None) -> Screen:
    """The parts for a screen; the script is ours alone, whoever wrote the templates."""
    file = resources.files("report_templates").joinpath(SCRIPT)
    script = file.read_text(encoding="utf-8").replace("\r\n", "\n")
    digest = base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")
    policy = (
        f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; "
        "img-src data:; font-src data:; base-uri 'none'; form-action 'none'"
    )
    return Screen(Markup(script), policy, cells)


def for_paper(html: str) -> str:
    """The page without what only a screen can use."""
    return re.sub(f"{re.escape(BEGIN)}.*?{re.escape(END)}", "", html, flags=re.DOTALL)


def cells_of(facts: Facts) -> dict[str, Any] | None:
    """The test images behind each cell of the confusion matrix; None where there are none.

    ``sprite`` is one PNG of all images, ``columns`` of them in a row. A cell is a list of row,
    column, test indices and the probabilities in per cent of the predicted class; the images of
    the cells follow each other in the sprite. The most probable come first, and the largest cells
    are cut, and the smallest left out, where there are more than ``MOST_IMAGES``.
    """
    if facts.metrics is None or facts.predictions is None or not len(facts.predictions.images):
        return None
    rows = _cells(facts.predictions)
    places = np.searchsorted(facts.predictions.image_index, [i for row in rows for i in row[2]])
    return {
        "names": list(facts.class_names),
        "columns": COLUMNS,
        "sprite": base64.b64encode(_sprite(facts.predictions.images[places])).decode("ascii"),
        "cells": rows,
    }


def _cells(predictions: Predictions) -> list[list[Any]]:
    kept = predictions.image_index
    true, said = predictions.test_labels[kept], predictions.predicted[kept]
    certain = predictions.test_probabilities[kept].max(axis=1)
    groups: dict[tuple[int, int], list[int]] = {}
    for place in np.argsort(-certain, kind="stable"):
        groups.setdefault((int(true[place]), int(said[place])), []).append(int(place))
    largest = sorted(groups.items(), key=lambda item: -len(item[1]))[:MOST_IMAGES]
    most = _cut([len(group) for _, group in largest])
    return [
        [row, column, [int(kept[p]) for p in group[:most]],
         [round(100 * float(certain[p])) for p in group[:most]]]
        for (row, column), group in sorted(largest)
    ]  # fmt: skip


def _cut(sizes: list[int]) -> int:
    """How many images a cell may have, so that all cells together have few enough."""
    most = max(sizes)
    while most > 1 and sum(min(size, most) for size in sizes) > MOST_IMAGES:
        most -= 1
    return most


def _sprite(images: NDArray[np.uint8]) -> bytes:
    """Images uint8 ``[K, h, w]`` as one PNG, dark on white."""
    number, height, width = images.shape
    rows = math.ceil(number / COLUMNS)
    padded = np.zeros((rows * COLUMNS, height, width), dtype=np.uint8)
    padded[:number] = images
    grid = padded.reshape(rows, COLUMNS, height, width).swapaxes(1, 2)
    return image_grids.clothing(grid.reshape(rows * height, COLUMNS * width))
