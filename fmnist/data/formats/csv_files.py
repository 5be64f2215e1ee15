"""CSV in the shape Kaggle gives it: ``label,pixel1,…,pixel784``, one image a line."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fmnist.data.dataset import SIDE, Part, RawData
from fmnist.data.formats.idx import read_bytes
from fmnist.errors import DataError
from search.atomic import atomic_write

COLUMNS = 1 + SIDE * SIDE
LABEL_COLUMN = "label"
HEADER = ",".join([LABEL_COLUMN, *(f"pixel{i}" for i in range(1, COLUMNS))])
_NUMBERS = [str(value).encode() for value in range(256)]


def find_files(folder: Path) -> dict[str, Path]:
    """The files ``*train*.csv`` and ``*test*.csv`` (or ``.csv.gz``) of a folder, by half.

    Raises:
        DataError: more than one file fits a half.
    """
    found = {}
    for half in ("train", "test"):
        fitting = [
            path
            for path in sorted(folder.iterdir())
            if half in path.name.lower() and path.name.lower().endswith((".csv", ".csv.gz"))
        ]
        if len(fitting) > 1:
            names = ", ".join(path.name for path in fitting)
            raise DataError(f"{folder}: expected one *{half}*.csv, found {names}; leave one")
        if fitting:
            found[half] = fitting[0]
    return found


def read_folder(folder: Path, source: str) -> RawData:
    """Read the training and the test CSV of a folder.

    Raises:
        DataError: a file is missing, or a line breaks a rule.
    """
    files = find_files(folder)
    for half in ("train", "test"):
        if half not in files:
            raise DataError(f"{folder}: the {half} file is missing; expected one *{half}*.csv")
    return RawData(
        train=read_part(files["train"]),
        test=read_part(files["test"]),
        source=source,
        name=folder.resolve().name,
    )


def read_pair(train: Path) -> RawData:
    """Read a training CSV and the test CSV beside it, named alike but for ``test``.

    Raises:
        DataError: there is no such test file, or a line breaks a rule.
    """
    name = re.sub("train", "test", train.name, flags=re.IGNORECASE)
    return RawData(
        train=read_part(train),
        test=read_part(train.with_name(name)),
        source=f"CSV files {train} and {name}",
        name=train.parent.resolve().name,
    )


def read_part(path: Path) -> Part:
    """Read one CSV file, with a header or without.

    The label stands in the column ``label``, or first where there is no header; the other
    columns are the 784 pixels, row by row from the top left.

    Raises:
        DataError: names line and column of the first cell that breaks a rule.
    """
    text = _decode(path)
    first = text.split("\n", 1)[0]
    has_header = not _is_number(first.split(",")[0])
    label_at = _label_position(path, first) if has_header else 0
    table = _table(path, text, skip=int(has_header))
    if table.shape[1] != COLUMNS or table.min() < 0 or table.max() > 255:
        raise _explain(path, text, has_header, label_at, "breaks a rule")
    pixels = np.delete(table.astype(np.uint8), label_at, axis=1)
    images = pixels.reshape(-1, SIDE, SIDE)
    return Part(images, table[:, label_at].astype(np.int64), str(path), str(path))


def write_folder(folder: Path, train: Part, test: Part) -> None:
    """Write ``fashion-mnist_train.csv`` and ``fashion-mnist_test.csv``, each whole or not at all.

    Raises:
        OSError: the folder cannot be made or written.
    """
    for half, part in (("train", train), ("test", test)):
        write_part(folder / f"fashion-mnist_{half}.csv", part)


def write_part(path: Path, part: Part) -> None:
    """Write a header and one line an image, label first; what ``read_part`` reads back.

    Raises:
        DataError: a label above 255, which no reader takes.
        OSError: the file cannot be written; it is then as it was.
    """
    if part.labels.min() < 0 or part.labels.max() > 255:
        raise DataError(f"{path}: labels must be 0 to 255 in a CSV file of this shape")
    rows = np.column_stack(
        [part.labels.astype(np.uint8), part.images.reshape(len(part.images), -1)]
    )

    def write(temporary: Path) -> None:
        with temporary.open("wb") as file:
            file.write(f"{HEADER}\n".encode())
            # Thirty times as fast as np.savetxt: a cell is looked up, not formatted.
            file.writelines(b",".join([_NUMBERS[v] for v in row.tobytes()]) + b"\n" for row in rows)

    atomic_write(path, write)


def _decode(path: Path) -> str:
    try:
        text = read_bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not a CSV file: {error}") from None
    if not text.strip():
        raise DataError(f"{path}: the file is empty")
    return text


def _is_number(cell: str) -> bool:
    try:
        int(cell)
    except ValueError:
        return False
    return True


def _label_position(path: Path, header: str) -> int:
    names = [name.strip().strip('"').lower() for name in header.split(",")]
    if LABEL_COLUMN not in names:
        raise DataError(
            f"{path}: line 1: no column is named {LABEL_COLUMN!r} (found {', '.join(names[:3])}, "
            "…); the header must be label,pixel1,…,pixel784"
        )
    if len(names) != COLUMNS:
        raise DataError(
            f"{path}: line 1: expected {COLUMNS} columns (label and {COLUMNS - 1} pixels), "
            f"found {len(names)}"
        )
    return names.index(LABEL_COLUMN)


def _table(path: Path, text: str, skip: int) -> NDArray[np.int32]:
    """The numbers as int32 [N, columns]; about 1.5 s for 60,000 lines."""
    if not text.partition("\n")[2].strip() and skip:
        raise DataError(f"{path}: holds a header and no image; at least one is needed")
    try:
        return np.loadtxt(
            io.StringIO(text), np.int32, delimiter=",", comments=None, skiprows=skip, ndmin=2
        )
    except (ValueError, DeprecationWarning) as error:
        label_at = _label_position(path, text.split("\n", 1)[0]) if skip else 0
        raise _explain(path, text, bool(skip), label_at, str(error)) from None


def _explain(path: Path, text: str, has_header: bool, label_at: int, reason: str) -> DataError:
    """The error for the first line that breaks a rule."""
    for line, cells in _lines(text, has_header):
        if len(cells) != COLUMNS:
            return DataError(
                f"{path}: line {line}: expected {COLUMNS} columns (label and {COLUMNS - 1} "
                f"pixels), found {len(cells)}"
            )
        for column, cell in enumerate(cells):
            if problem := _cell_problem(cell, is_label=column == label_at):
                return DataError(f"{path}: line {line}, column {column + 1}: {problem}")
    return DataError(f"{path}: not a table of whole numbers: {reason}")


def _lines(text: str, has_header: bool) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text))
    for cells in reader:
        if cells and not (has_header and reader.line_num == 1):
            yield reader.line_num, cells


def _cell_problem(cell: str, is_label: bool) -> str:
    if not _is_number(cell):
        return f"expected a whole number, found {cell!r}"
    if not is_label and not 0 <= int(cell) <= 255:
        return f"pixel value {int(cell)} is out of range; pixels are 0 to 255"
    if is_label and not 0 <= int(cell) <= 255:
        return f"label {int(cell)} is out of range; labels count from 0"
    return ""
