"""A folder of pictures by class: ``train/<class>/*`` and ``test/<class>/*``, or ``<class>/*``.

In the second shape a fifth of each class becomes the test set, chosen by the SHA-256 of the files:
the same pictures always give the same split, whatever their names and order.
"""

from __future__ import annotations

import dataclasses
import hashlib
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fmnist.data import image_files
from fmnist.data.dataset import FEWEST_IN_CLASS, Part, RawData
from fmnist.data.formats.class_names import natural
from fmnist.errors import DataError
from fmnist.text import listed

TEST_SHARE = 0.2
SALT = b"fmnist test split 1"
"""Stands before the bytes of a file when its place is drawn; another one gives another split."""
_HALVES = {"train": ("train", "training"), "test": ("test", "testing")}
_NO_CLASSES = ("__macosx", "@eadir")
_SHOWN = 3


@dataclass(eq=False)
class _Pictures:
    """Some pictures: their paths, labels int64 [N], SHA-256 and images [N, 28, 28]."""

    folder: Path
    paths: list[Path]
    labels: NDArray[np.int64]
    hashes: list[bytes] = field(default_factory=list)
    images: NDArray[np.uint8] = field(default_factory=lambda: np.empty((0, 28, 28), np.uint8))

    def part(self, chosen: NDArray[np.bool_] | None = None) -> Part:
        """All of them, or the chosen ones [N], as a half of a data set."""
        every = np.ones(len(self.paths), bool) if chosen is None else chosen
        place = str(self.folder)
        names = tuple(
            str(path.relative_to(self.folder.parent))
            for path, keep in zip(self.paths, every.tolist(), strict=True)
            if keep
        )
        return Part(self.images[every], self.labels[every], place, place, names)


def is_one(folder: Path) -> bool:
    """Whether a folder looks like one: subfolders with pictures in them, one or two levels down."""
    return any(_has_pictures(sub) for sub in [*subfolders(folder), *_grandchildren(folder)])


def read_folder(folder: Path) -> RawData:
    """Read the pictures of all classes; a class has the name of its folder.

    Raises:
        DataError: a picture that cannot be read, an empty class, a class that only the test half
            has, fewer than two classes, too few pictures; names the file or folder.
    """
    halves = _halves(folder)
    notes = [f"Pictures were made 28 × 28 by one rule: {image_files.RULE}."]
    if halves:
        names, train, test = _given_halves(folder, halves, notes)
    else:
        names, train, test = _own_split(folder, notes)
    negated = image_files.is_light(train.images)
    if negated:
        notes.append(
            "The background of the training pictures is light, so every picture of both halves "
            "was negated: bright on black, as the program expects images."
        )
    return RawData(
        _negated(train) if negated else train,
        _negated(test) if negated else test,
        source=f"pictures in {folder}",
        name=folder.resolve().name,
        class_names=names,
        notes=tuple(notes),
        pictures="whole, negated" if negated else "whole",
        test_split_off=not halves,
    )


def _negated(part: Part) -> Part:
    return dataclasses.replace(part, images=255 - part.images)


# ---- folders -----------------------------------------------------------------------------------


def subfolders(folder: Path) -> list[Path]:
    """Those that may be classes: not hidden, and not what systems leave behind."""
    found = [p for p in folder.iterdir() if p.is_dir() and not p.name.startswith(".")]
    return sorted((p for p in found if p.name.lower() not in _NO_CLASSES), key=_order)


def _order(folder: Path) -> tuple[object, ...]:
    return natural(class_name(folder))


def class_name(folder: Path) -> str:
    """Composed: macOS writes an accent as a letter of its own."""
    return unicodedata.normalize("NFC", folder.name).strip()


def _grandchildren(folder: Path) -> list[Path]:
    return [sub for half in subfolders(folder) for sub in subfolders(half)]


def class_files(folder: Path) -> tuple[list[Path], list[Path]]:
    """The pictures of a class, and the other files in it, by name."""
    known = image_files.suffixes()
    files = sorted(p for p in folder.iterdir() if p.is_file() and not p.name.startswith("."))
    return (
        [p for p in files if p.suffix.lower() in known],
        [p for p in files if p.suffix.lower() not in known],
    )


def _has_pictures(folder: Path) -> bool:
    return bool(class_files(folder)[0])


def _halves(folder: Path) -> dict[str, Path]:
    """The folders of both halves, or none where the folders are classes.

    Raises:
        DataError: one half without the other.
    """
    found = {
        half: sub
        for half, words in _HALVES.items()
        for sub in subfolders(folder)
        if sub.name.lower() in words and not _has_pictures(sub)
    }
    if len(found) == 1:
        half, other = next(iter(found)), next(h for h in _HALVES if h not in found)
        raise DataError(
            f"{folder}: there is {found[half].name}/ but no {other}/; give both, or put the "
            "folders of the classes here, to have a fifth of each class split off as the test set"
        )
    return found


# ---- both shapes -------------------------------------------------------------------------------


def _given_halves(
    folder: Path, halves: dict[str, Path], notes: list[str]
) -> tuple[tuple[str, ...], Part, Part]:
    names = _class_names(halves["train"])
    beyond = [p for p in subfolders(halves["test"]) if class_name(p) not in names]
    if beyond:
        raise DataError(f"{beyond[0]}: this class is not in {halves['train']}; there it has none")
    others = [p.name for p in subfolders(folder) if p not in halves.values()]
    if others:
        shown = listed(others)
        notes.append(f"Not read: {shown}; validation images come from the training half.")
    train = _read(halves["train"], names, notes)
    test = _read(halves["test"], names, notes, train=False)
    both = set(train.hashes) & set(test.hashes)
    if both:
        first = next(p for p, h in zip(test.paths, test.hashes, strict=True) if h in both)
        again = sum(h in both for h in test.hashes)
        notes.append(
            f"{again} of {len(test.paths)} test files are also among the training files, byte for "
            f"byte ({first.relative_to(folder)} for one); they were kept, as the split is given."
        )
    return names, train.part(), test.part()


def _own_split(folder: Path, notes: list[str]) -> tuple[tuple[str, ...], Part, Part]:
    names = _class_names(folder)
    every = _read(folder, names, notes)
    chosen = _test_choice(every.hashes, every.labels)
    left = np.bincount(every.labels[~chosen], minlength=len(names))
    if left.min() < FEWEST_IN_CLASS or not np.isin(every.labels, every.labels[chosen]).all():
        few = int(np.bincount(every.labels, minlength=len(names)).argmin())
        raise DataError(
            f"{folder / names[few]}: too few different pictures; at least {FEWEST_IN_CLASS + 1} "
            "are needed, so that there are some to train, to validate and to test with"
        )
    digest = hashlib.sha256(b"".join(sorted(h for h, c in _pairs(every, chosen) if c)))
    notes.append(
        f"The folder has no test half: {int(chosen.sum())} of {len(chosen)} pictures, a fifth of "
        "each class, were set apart as the test set by the checksums of the files, so the same "
        f"pictures are always the test set (checksum of it: {digest.hexdigest()[:12]})."
    )
    return names, every.part(~chosen), every.part(chosen)


def _pairs(every: _Pictures, chosen: NDArray[np.bool_]) -> list[tuple[bytes, bool]]:
    return list(zip(every.hashes, chosen.tolist(), strict=True))


def _test_choice(hashes: Sequence[bytes], labels: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which pictures [N] are for the test: of each class the first fifth by hash.

    Copies of a file stand on the same side.
    """
    wanted: set[bytes] = set()
    for label in np.unique(labels):
        own = sorted(hashes[int(i)] for i in np.flatnonzero(labels == label))
        different = sorted(set(own))
        wanted |= set(different[: max(1, round(TEST_SHARE * len(different)))])
    return np.array([h in wanted for h in hashes])


def _class_names(folder: Path) -> tuple[str, ...]:
    folders = subfolders(folder)
    names = tuple(class_name(p) for p in folders)
    if len(names) < 2:
        raise DataError(
            f"{folder}: {len(names)} class folders; at least two are needed, one for each class"
        )
    twice = next((n for n in names if names.count(n) > 1), None)
    if twice:
        raise DataError(f"{folder}: two folders of the name {twice!r}, spelt differently")
    return names


# ---- reading -----------------------------------------------------------------------------------


def _read(
    folder: Path, names: tuple[str, ...], notes: list[str], *, train: bool = True
) -> _Pictures:
    paths, labels, skipped = [], [], []
    for sub in subfolders(folder):
        own, others = class_files(sub)
        if not own and train:
            raise DataError(f"{sub}: no picture in it; put some there, or take the folder away")
        paths += own
        labels += [names.index(class_name(sub))] * len(own)
        skipped += [*others, *subfolders(sub)]
    if not paths:
        raise DataError(f"{folder}: no picture in it")
    if skipped:
        shown = listed([str(p.relative_to(folder)) for p in skipped])
        notes.append(f"Not read, being no picture: {shown}.")
    found = _Pictures(folder, paths, np.array(labels, np.int64))
    found.hashes = [hashlib.sha256(SALT + _bytes(path)).digest() for path in paths]
    found.images = _images(paths)
    _note_copies(found, names, notes)
    return found


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from None


def _images(paths: Sequence[Path]) -> NDArray[np.uint8]:
    """The pictures [N, 28, 28]; those that are broken are named together."""
    images, broken = [], []
    for path in paths:
        try:
            images.append(image_files.read(path))
        except DataError as error:
            broken.append(str(error))
    if broken:
        more = len(broken) - _SHOWN
        raise DataError(
            "\n".join(broken[:_SHOWN])
            + (f"\nand {more} more broken pictures" if more > 0 else "")
            + (
                "; mend the file, or take it out of the folder"
                if len(broken) == 1
                else f"\nmend these {len(broken)} files, or take them out of the folder"
            )
        )
    return np.stack(images)


def _note_copies(found: _Pictures, names: tuple[str, ...], notes: list[str]) -> None:
    """Copies in two classes cannot both be right; those in one are only said."""
    first: dict[bytes, int] = {}
    again = [(first.setdefault(h, i), i) for i, h in enumerate(found.hashes)]
    copies = [(i, j) for i, j in again if i != j]
    if not copies:
        return
    text = f"{len(copies)} of {len(found.paths)} files in {found.folder.name}/ are copies of others"
    apart = [(i, j) for i, j in copies if found.labels[i] != found.labels[j]]
    if apart:
        i, j = apart[0]
        pair = " and ".join(str(found.paths[k].relative_to(found.folder)) for k in (i, j))
        text += f", {len(apart)} of them with another class ({pair} for one)"
    notes.append(f"{text}; they were kept.")
