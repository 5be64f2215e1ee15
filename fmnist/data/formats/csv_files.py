"""CSV in the shape Kaggle gives it: ``label,pixel1,…,pixel784``, one image a line."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from fmnist.data.dataset import SIDE, Part, RawData
from fmnist.data.formats import csv_table
from fmnist.errors import DataError
from search.atomic import atomic_write

HEADER = ",".join(["label", *(f"pixel{i}" for i in range(1, 1 + SIDE * SIDE))])
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
    return _read_both(files["train"], files["test"], source)


def read_pair(train: Path) -> RawData:
    """Read a training CSV and the test CSV beside it, named alike but for ``test``.

    Raises:
        DataError: there is no such test file, or a line breaks a rule.
    """
    name = re.sub("train", "test", train.name, flags=re.IGNORECASE)
    return _read_both(train, train.with_name(name), f"CSV files {train} and {name}")


def _read_both(train: Path, test: Path, source: str) -> RawData:
    """Both halves; labels that are words stand for the classes, in the order of the alphabet."""
    tables = [csv_table.read(path) for path in (train, test)]
    names = csv_table.class_names(tables[0])
    halves = [table.part(names) for table in tables]
    return RawData(
        halves[0],
        halves[1],
        source=source,
        name=train.parent.resolve().name,
        class_names=names,
        notes=tuple(dict.fromkeys(note for table in tables for note in table.notes)),
    )


def read_part(path: Path) -> Part:
    """Read one CSV file whose labels are numbers, see ``csv_table.read``.

    Raises:
        DataError: names line and column of the first cell that breaks a rule.
    """
    return csv_table.read(path).part(None)


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
