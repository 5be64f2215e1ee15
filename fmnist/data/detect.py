"""The user's own ``--data PATH``: find out what lies there and read it."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from fmnist.data import registry
from fmnist.data.dataset import RawData
from fmnist.data.formats import class_names, csv_files, emnist, idx, image_folder, kmnist, npz
from fmnist.errors import DataError
from fmnist.text import read_text

CLASS_NAMES_FILE = "class_names.txt"
_WANTED = (
    "a folder with the four IDX files of a data set (train-images-idx3-ubyte.gz and so on, or "
    "EMNIST's), *train*.csv and *test*.csv, or KMNIST's four .npz; an .npz file with x_train, "
    "y_train, x_test, y_test; or a folder of pictures, train/<class>/… and test/<class>/… or "
    "<class>/…"
)


def read_path(path: Path) -> RawData:
    """Read what ``--data`` names: a folder of files or pictures, an NPZ file, a file of a set.

    Class names are taken from ``class_names.txt`` beside the files, else from a mapping file of
    the set, else as the source knows them (folder names, EMNIST, KMNIST, MNIST by its checksums).

    Raises:
        DataError: nothing is there, nothing known is there, or a file breaks a rule.
    """
    path = Path(path)
    if not path.exists():
        raise DataError(f"{path}: no such file or folder; expected {_WANTED}")
    folder = path if path.is_dir() else path.parent
    raw = registry.named(_read_folder(path) if path.is_dir() else _read_file(path))
    names = read_class_names(folder / CLASS_NAMES_FILE)
    return raw if names is None else dataclasses.replace(raw, class_names=names)


def _read_folder(folder: Path) -> RawData:
    if idx.find_files(folder):
        return idx.read_folder(folder, f"IDX files in {folder}")
    if emnist.splits_in(folder):
        return _mapped(emnist.read_folder(folder), folder)
    if csv_files.find_files(folder):
        return _csv(csv_files.read_folder(folder, f"CSV files in {folder}"), folder)
    if kmnist.sets_in(folder):
        return _mapped(kmnist.read_folder(folder), folder)
    if image_folder.is_one(folder):
        return image_folder.read_folder(folder)
    raise DataError(f"{folder}: the folder holds no data set; expected {_WANTED}")


def _read_file(path: Path) -> RawData:
    """An NPZ file; or one of the files of a set, which stands for all of them."""
    folder, name = path.parent, path.name.lower()
    if kmnist.set_of(name):
        return _mapped(kmnist.read_folder(folder, kmnist.set_of(name)), folder)
    if name.endswith(".npz"):
        return npz.read_file(path, f"NPZ file {path}")
    if name.endswith((".csv", ".csv.gz")) and "train" in name:
        return _csv(csv_files.read_pair(path), folder)
    if "idx" in name and emnist.split_of(name):
        return _mapped(emnist.read_folder(folder, emnist.split_of(name)), folder)
    if path in idx.find_files(folder).values():
        return idx.read_folder(folder, f"IDX files in {folder}")
    raise DataError(f"{path}: not a data set this program knows; expected {_WANTED}")


def _csv(raw: RawData, folder: Path) -> RawData:
    """CSV files of EMNIST have its images and labels as its IDX files have them."""
    split = emnist.split_of(Path(raw.train.images_file).name)
    return _mapped(emnist.mended(raw, split), folder) if split else raw


def _mapped(raw: RawData, folder: Path) -> RawData:
    """With the class names of the set's own mapping file, where it lies beside the files."""
    prefixes = {name: prefix for prefix, name in kmnist.NAMES.items()}
    prefix = prefixes.get(raw.name) or raw.name.lower().replace(" ", "-")
    names = class_names.beside(folder, prefix)
    return dataclasses.replace(raw, class_names=names) if names else raw


def read_class_names(path: Path) -> tuple[str, ...] | None:
    """The class names in a text file, one a line in the order of the labels; None without it.

    Raises:
        DataError: the file is not UTF-8 text.
    """
    if not path.is_file():
        return None
    try:
        lines = read_text(path).splitlines()
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not UTF-8 text: {error}") from None
    return tuple(line.strip() for line in lines if line.strip())
