"""One CSV file of labels and pixels, as spreadsheets and libraries write it.

With a header, columns are taken by their names, in whatever order they stand.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fmnist.data.checksums import PUBLISHED_CLASS_NAMES
from fmnist.data.dataset import SIDE, Images, Part
from fmnist.data.formats.class_names import natural
from fmnist.data.formats.idx import read_bytes
from fmnist.errors import DataError
from fmnist.text import decoded

Cells = NDArray[Any]
PIXELS = SIDE * SIDE
COLUMNS = 1 + PIXELS
LABEL_COLUMNS = ("label", "class")
_INDEX_COLUMNS = re.compile(r"|index|id|unnamed: ?0|image_?id")
_PIXEL = re.compile(r"(\D*)(\d+)(?:x(\d+))?")


@dataclass(frozen=True)
class _Layout:
    """Which columns hold what, counted from 0."""

    separator: str
    label: int
    pixels: tuple[int, ...]
    columns: int
    header: bool
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Table:
    """A file's images uint8 [N, 28, 28], its labels as they are written, and what was mended."""

    path: Path
    images: Images = field(repr=False)
    labels: tuple[str, ...] = field(repr=False)
    notes: tuple[str, ...]

    def part(self, names: Sequence[str] | None) -> Part:
        """With labels as numbers: as written, or their places in ``names``.

        Raises:
            DataError: a label that is none of the names.
        """
        if names is None:
            labels = [int(label) for label in self.labels]
        else:
            places = {name: i for i, name in enumerate(names)}
            for row, label in enumerate(self.labels):
                if label not in places:
                    raise DataError(
                        f"{self.path}: image {row} has the label {label!r}, which no training "
                        f"image has (those have {', '.join(names[:5])}{', …' * (len(names) > 5)})"
                    )
            labels = [places[label] for label in self.labels]
        return Part(self.images, np.array(labels, np.int64), str(self.path), str(self.path))


def class_names(train: Table) -> tuple[str, ...] | None:
    """The labels of the training file where they are words; None where they are numbers."""
    if train.labels and all(_is_number(label) for label in train.labels):
        return None
    found = tuple(sorted(set(train.labels), key=natural))
    return PUBLISHED_CLASS_NAMES if set(found) == set(PUBLISHED_CLASS_NAMES) else found


def read(path: Path) -> Table:
    """Read one CSV file, with a header or without, separated by comma, semicolon or tab.

    The label stands in the column ``label`` or ``class``, or first where there is no header;
    the other columns are the 784 pixels, by their numbers, or row by row from the top left. A
    column that counts the rows is left out.

    Raises:
        DataError: names line and column of the first cell that breaks a rule.
    """
    try:
        text = decoded(read_bytes(path))
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not a CSV file: {error}") from None
    if not text.strip():
        raise DataError(f"{path}: the file is empty")
    layout = _layout(path, text.split("\n", 1)[0])
    if layout.header and not text.partition("\n")[2].strip():
        raise DataError(f"{path}: holds a header and no image; at least one is needed")
    try:
        table = _load(text, layout, np.int32)
    except (ValueError, DeprecationWarning):
        return _read_odd(path, text, layout)
    if table.shape[1] != layout.columns:
        raise _explain(path, text, layout, "breaks a rule")
    pixels, labels = table[:, layout.pixels], tuple(map(str, table[:, layout.label].tolist()))
    if pixels.min() < 0 or pixels.max() > 255 or not _labels_fit(labels):
        raise _explain(path, text, layout, "breaks a rule")
    return Table(path, _square(pixels), labels, layout.notes)


# ---- columns -----------------------------------------------------------------------------------


def _layout(path: Path, first: str) -> _Layout:
    separator = max(",;\t", key=first.count)
    cells = next(csv.reader([first], delimiter=separator))
    if not _is_header(cells):
        return _Layout(separator, 0, tuple(range(1, COLUMNS)), COLUMNS, header=False)
    names = [name.strip().lower() for name in cells]
    known = [i for i, name in enumerate(names) if name in LABEL_COLUMNS]
    if len(known) != 1:
        shown = ", ".join(names[:3])[:80]
        raise DataError(
            f"{path}: line 1: {'no' if not known else 'more than one'} column is named "
            f"{LABEL_COLUMNS[0]!r} (found {shown}, …); the header must be label,pixel1,…,pixel784"
        )
    pixels = _pixel_columns(path, names, known[0])
    left = [names[i] for i in range(len(names)) if i != known[0] and i not in pixels]
    notes = [f"The column {name or 'without a name'} was left out." for name in left]
    return _Layout(separator, known[0], tuple(pixels), len(names), header=True, notes=tuple(notes))


def _is_header(cells: list[str]) -> bool:
    """A first line that names the labels, or is of words; pixels may be named by bare numbers."""
    words = sum(_float(cell) is None for cell in cells)
    return words > len(cells) / 2 or any(c.strip().lower() in LABEL_COLUMNS for c in cells)


def _pixel_columns(path: Path, names: list[str], label: int) -> list[int]:
    """The places of the 784 pixels, by the numbers in their names, from the top left."""
    found: dict[tuple[int, ...], int] = {}
    for i, name in enumerate(names):
        match = _PIXEL.fullmatch(name)
        if i == label or (not match and _INDEX_COLUMNS.fullmatch(name)):
            continue
        if not match:
            raise DataError(
                f"{path}: line 1, column {i + 1}: {name[:40]!r} is neither label nor pixel; the "
                "header must be label,pixel1,…,pixel784, in any order"
            )
        key = tuple(int(number) for number in match.groups()[1:] if number)
        if key in found:
            raise DataError(f"{path}: line 1, column {i + 1}: a second column of {name[:40]!r}")
        found[key] = i
    if len(found) != PIXELS:
        raise DataError(
            f"{path}: line 1: expected {COLUMNS} columns (label and {PIXELS} pixels), "
            f"found {len(found) + 1}"
        )
    _check_numbers(path, found, names)
    return [found[key] for key in sorted(found)]


def _check_numbers(path: Path, found: dict[tuple[int, ...], int], names: list[str]) -> None:
    """Numbers that leave one out say nothing about where their pixels stand."""
    keys = set(found)
    for begin in (0, 1):
        flat = {(i,) for i in range(begin, begin + PIXELS)}
        side = range(begin, begin + SIDE)
        if keys in (flat, {(row, column) for row in side for column in side}):
            return
    odd = names[found[max(keys)]]
    raise DataError(
        f"{path}: line 1: the pixel columns are not numbered 1 to {PIXELS} or 1x1 to "
        f"{SIDE}x{SIDE} (found {odd!r})"
    )


# ---- cells -------------------------------------------------------------------------------------


def _load(text: str, layout: _Layout, kind: type, columns: Sequence[int] | None = None) -> Cells:
    """The cells as ``kind`` [N, columns]; about 1.5 s for 60,000 lines of whole numbers."""
    cells: Cells = np.loadtxt(
        io.StringIO(text),
        np.dtype(kind),
        delimiter=layout.separator,
        comments=None,
        quotechar='"',
        skiprows=int(layout.header),
        usecols=columns,
        ndmin=2,
    )
    return cells


def _read_odd(path: Path, text: str, layout: _Layout) -> Table:
    """Where not every cell is a whole number: labels in words, pixels as 18.0 or from 0 to 1."""
    try:
        pixels = _load(text, layout, np.float32, layout.pixels)
        labels = tuple(_label(cell) for cell in _load(text, layout, str, [layout.label])[:, 0])
    except (ValueError, DeprecationWarning) as error:
        raise _explain(path, text, layout, str(error)) from None
    notes = list(layout.notes)
    whole = np.array_equal(pixels, np.rint(pixels))
    if not whole and pixels.min() >= 0 and pixels.max() <= 1:
        pixels, whole = np.rint(pixels * 255), True
        notes.append(f"Pixels of {path.name} are fractions of 0 to 1; they were multiplied by 255.")
    if not (whole and pixels.min() >= 0 and pixels.max() <= 255 and _labels_fit(labels)):
        raise _explain(path, text, layout, "breaks a rule")
    return Table(path, _square(pixels), labels, tuple(notes))


def _label(cell: str) -> str:
    """``3.0`` is the label 3."""
    cell, number = cell.strip(), _float(cell)
    return str(int(number)) if number is not None and number == int(number) else cell


def _labels_fit(labels: Sequence[str]) -> bool:
    """All numbers that a byte holds, or all words."""
    numbers = [int(label) for label in labels if _is_number(label)]
    if len(numbers) == len(labels):
        return min(numbers) >= 0 and max(numbers) <= 255
    return not numbers and all(labels)


def _square(pixels: NDArray[np.generic]) -> Images:
    return pixels.astype(np.uint8).reshape(-1, SIDE, SIDE)


def _is_number(cell: str) -> bool:
    try:
        int(cell)
    except ValueError:
        return False
    return True


def _float(cell: str) -> float | None:
    try:
        return float(cell)
    except ValueError:
        return None


# ---- errors ------------------------------------------------------------------------------------


def _explain(path: Path, text: str, layout: _Layout, reason: str) -> DataError:
    """The error for the first line that breaks a rule."""
    reader = csv.reader(io.StringIO(text), delimiter=layout.separator)
    for cells in reader:
        if not cells or (layout.header and reader.line_num == 1):
            continue
        if len(cells) != layout.columns:
            return DataError(
                f"{path}: line {reader.line_num}: expected {layout.columns} columns (label and "
                f"{PIXELS} pixels), found {len(cells)}"
            )
        for column in sorted((layout.label, *layout.pixels)):
            if problem := _cell_problem(cells[column], is_label=column == layout.label):
                return DataError(f"{path}: line {reader.line_num}, column {column + 1}: {problem}")
    return DataError(f"{path}: not a table of whole numbers: {reason}")


def _cell_problem(cell: str, is_label: bool) -> str:
    if not _is_number(cell):
        return f"expected a whole number, found {cell!r}"
    if not 0 <= int(cell) <= 255:
        if is_label:
            return f"label {int(cell)} is out of range; labels count from 0"
        return f"pixel value {int(cell)} is out of range; pixels are 0 to 255"
    return ""
