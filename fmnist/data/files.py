"""The user's own ``--data PATH``: find out what lies there and read it."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from fmnist.data import csv_files, idx, npz
from fmnist.data.dataset import RawData
from fmnist.errors import DataError

CLASS_NAMES_FILE = "class_names.txt"
_WANTED = (
    "a folder with the four IDX files (train-images-idx3-ubyte.gz and so on), a folder with "
    "*train*.csv and *test*.csv, or an .npz file with x_train, y_train, x_test, y_test"
)


def read_path(path: Path) -> RawData:
    """Read a folder of IDX files, a folder of CSV files or an NPZ file.

    Raises:
        DataError: nothing is there, nothing known is there, or a file breaks a rule.
    """
    path = Path(path)
    if not path.exists():
        raise DataError(f"{path}: no such file or folder; expected {_WANTED}")
    if path.is_dir():
        raw = _read_folder(path)
    elif path.suffix.lower() == ".npz":
        raw = npz.read_file(path, f"NPZ file {path}")
    else:
        raise DataError(f"{path}: not a data set this program knows; expected {_WANTED}")
    folder = path if path.is_dir() else path.parent
    return dataclasses.replace(raw, class_names=read_class_names(folder / CLASS_NAMES_FILE))


def _read_folder(folder: Path) -> RawData:
    if idx.find_files(folder):
        return idx.read_folder(folder, f"IDX files in {folder}")
    if csv_files.find_files(folder):
        return csv_files.read_folder(folder, f"CSV files in {folder}")
    raise DataError(f"{folder}: the folder holds no data set; expected {_WANTED}")


def read_class_names(path: Path) -> tuple[str, ...] | None:
    """The class names in a text file, one a line in the order of the labels; None without it.

    Raises:
        DataError: the file is not UTF-8 text.
    """
    if not path.is_file():
        return None
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not UTF-8 text: {error}") from None
    return tuple(line.strip() for line in lines if line.strip())
