"""A folder of the user's own pictures, a subfolder a class, to try a finished network on."""

from __future__ import annotations

import difflib
import hashlib
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from fmnist.data.formats.image_folder import class_files, class_name, subfolders
from fmnist.errors import DataError
from fmnist.text import in_unicode, listed, one_line

_SHOWN = 12


@dataclass(frozen=True)
class PhotoFolder:
    """The files that look like pictures, each with its label.

    Attributes:
        folder: that they lie in.
        labels: path to class index, in the order of folders and names.
        left_out: what is not used and why, a line each.
    """

    folder: Path
    labels: dict[Path, int]
    left_out: tuple[str, ...]

    @property
    def name(self) -> str:
        """The name of the folder, see ``name_of``."""
        return _printable(self.folder.resolve().name)

    def name_of(self, path: Path) -> str:
        """The path below the folder, as other files and a terminal can hold it."""
        return _printable(str(path.relative_to(self.folder)))


def read_photos(folder: Path, names: Sequence[str]) -> PhotoFolder:
    """Find the pictures of each class.

    A subfolder is named after a class, capitals and signs aside (``t-shirt_top`` for T-shirt/top),
    or is its label. A copy of a file counts once. No picture is opened as one.

    Args:
        names: of the classes of the network, by label.

    Raises:
        DataError: a subfolder of no class, no subfolder, no picture in any, or a file that cannot
            be read.
    """
    try:
        found = PhotoFolder(folder, _labels(folder, names), ())
        left_out, first = list(_no_pictures(found)), dict[bytes, Path]()
        for path in list(found.labels):
            digest = hashlib.sha256(path.read_bytes()).digest()
            if (original := first.setdefault(digest, path)) != path:
                del found.labels[path]
                same = found.name_of(original)
                left_out.append(f"{found.name_of(path)}: the same file as {same}; counted once")
    except OSError as error:
        raise DataError(f"{error.filename}: cannot be read: {error.strerror}") from None
    if not found.labels:
        raise DataError("\n".join([f"{folder}: no picture in any class folder", *left_out]))
    return PhotoFolder(folder, found.labels, tuple(left_out))


def _printable(name: str) -> str:
    return one_line(in_unicode(name))


def label_of(name: str, names: Sequence[str]) -> int | None:
    """The class that a folder is named after: its name, its label, or its name but for signs."""
    if name in names:
        return list(names).index(name)
    if name.isascii() and name.isdigit():
        return int(name) if int(name) < len(names) else None
    alike = [label for label, known in enumerate(names) if _plain(known) == _plain(name)]
    return alike[0] if len(alike) == 1 and _plain(name) else None


def _plain(name: str) -> str:
    """Letters and digits alone, in small letters: a folder's name can hold no stroke, say."""
    return "".join(c for c in unicodedata.normalize("NFKC", name).casefold() if c.isalnum())


def _labels(folder: Path, names: Sequence[str]) -> dict[Path, int]:
    labels, folders = dict[Path, int](), subfolders(folder)
    if not folders:
        raise DataError(
            f"{folder}: has no folder of a class; make one for each, named "
            f"{_named(names)}, and put the pictures into them"
        )
    for sub in folders:
        label = label_of(class_name(sub), names)
        if label is None:
            raise DataError(f"{sub}: is no class of this run; {_advice(class_name(sub), names)}")
        labels |= dict.fromkeys(class_files(sub)[0], label)
    return labels


def _advice(name: str, names: Sequence[str]) -> str:
    near = difflib.get_close_matches(_plain(name), [_plain(known) for known in names], 1, 0.5)
    meant = [known for known in names if near and _plain(known) == near[0]]
    return (f"perhaps {meant[0]}? " if meant else "") + f"name it {_named(names)}, or take it away"


def _named(names: Sequence[str]) -> str:
    return listed([f"{name} (or {label})" for label, name in enumerate(names)], _SHOWN)


def _no_pictures(found: PhotoFolder) -> Iterator[str]:
    """What lies in the folder and is no picture in a class, with a line on each."""
    for path in class_files(found.folder)[0]:
        yield f"{found.name_of(path)}: lies in no class folder"
    for sub in subfolders(found.folder):
        for path in class_files(sub)[1]:
            yield (
                f"{found.name_of(path)}: its ending is of no picture format that Pillow reads; "
                "save it as JPEG or PNG"
            )
        for path in subfolders(sub):
            yield f"{found.name_of(path)}: a folder inside a class folder is not read"
