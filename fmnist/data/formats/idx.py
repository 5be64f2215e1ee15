"""IDX, the format Fashion-MNIST is published in: a magic number, the sizes, then the bytes.

Source: http://yann.lecun.com/exdb/mnist/ ("THE IDX FILE FORMAT").
"""

from __future__ import annotations

import gzip
import io
import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fmnist.data import dataset
from fmnist.data.dataset import SIDE, Part, RawData, check_size
from fmnist.errors import DataError
from search.atomic import write_bytes

IMAGES_MAGIC = 2051
LABELS_MAGIC = 2049
_MEANING = {IMAGES_MAGIC: "images", LABELS_MAGIC: "labels"}
_GZIP_START = b"\x1f\x8b"
_FILES = {
    "train images": ("train", "images", 3),
    "train labels": ("train", "labels", 1),
    "test images": ("t10k", "images", 3),
    "test labels": ("t10k", "labels", 1),
}


def read_bytes(path: Path) -> bytes:
    """The content of a file, unpacked where it is gzip (whatever its name says).

    Raises:
        DataError: missing, unreadable, empty, truncated, damaged or huge.
    """
    try:
        check_size(path, path.stat().st_size)
        content = path.read_bytes()
    except FileNotFoundError:
        raise DataError(f"{path}: the file is missing") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from None
    if content.startswith(_GZIP_START):
        try:
            with gzip.open(io.BytesIO(content)) as packed:
                content = packed.read(dataset.MOST_BYTES + 1)
        except (EOFError, OSError, zlib.error) as error:
            raise DataError(
                f"{path}: the gzip file is truncated or damaged ({error}); fetch it again"
            ) from None
        check_size(path, len(content))
    if not content:
        raise DataError(f"{path}: the file is empty")
    return content


def _check_magic(path: Path, content: bytes, expected: int) -> None:
    found = int.from_bytes(content[:4], "big")
    if found == expected and len(content) >= 4:
        return
    other = _MEANING.get(found)
    message = f"{path}: expected magic {expected} ({_MEANING[expected]}), found {found}"
    if other:
        raise DataError(f"{message} ({other}); the image and label files look swapped")
    raise DataError(f"{message}; this is not an IDX file of {_MEANING[expected]}")


def _header(path: Path, content: bytes, magic: int, n_sizes: int) -> tuple[int, ...]:
    _check_magic(path, content, magic)
    length = 4 + 4 * n_sizes
    if len(content) < length:
        raise DataError(
            f"{path}: truncated in the header: expected {length} bytes or more, "
            f"found {len(content)}; fetch it again"
        )
    return struct.unpack_from(f">{n_sizes}I", content, 4)


def _body(path: Path, content: bytes, start: int, expected: int) -> NDArray[np.uint8]:
    found = len(content) - start
    if found != expected:
        how = "truncated" if found < expected else "longer than its header says"
        raise DataError(
            f"{path}: {how}: the header promises {expected} bytes of data, found {found}; "
            "fetch it again"
        )
    return np.frombuffer(content, np.uint8, offset=start)


def read_images(path: Path) -> NDArray[np.uint8]:
    """Read an IDX file of images, gzip or not, as uint8 [N, 28, 28].

    Raises:
        DataError: see ``read_bytes``; wrong magic, wrong image size, wrong length.
    """
    content = read_bytes(path)
    n, height, width = _header(path, content, IMAGES_MAGIC, 3)
    if (height, width) != (SIDE, SIDE):
        raise DataError(
            f"{path}: expected images of {SIDE} x {SIDE} pixels, found {height} x {width}"
        )
    return _body(path, content, 16, n * height * width).reshape(n, height, width)


def read_labels(path: Path) -> NDArray[np.int64]:
    """Read an IDX file of labels, gzip or not, as int64 [N].

    Raises:
        DataError: see ``read_bytes``; wrong magic, wrong length.
    """
    content = read_bytes(path)
    (n,) = _header(path, content, LABELS_MAGIC, 1)
    return _body(path, content, 8, n).astype(np.int64)


def encode_images(images: NDArray[np.uint8]) -> bytes:
    """The bytes of an IDX file of images uint8 [N, H, W]."""
    return struct.pack(">4I", IMAGES_MAGIC, *images.shape) + images.tobytes()


def encode_labels(labels: NDArray[np.int64]) -> bytes:
    """The bytes of an IDX file of labels [N], each 0 to 255."""
    return struct.pack(">2I", LABELS_MAGIC, len(labels)) + labels.astype(np.uint8).tobytes()


def _spellings(prefix: str, kind: str, rank: int) -> list[str]:
    stems = [f"{prefix}-{kind}{mark}idx{rank}-ubyte" for mark in "-."]
    return [stem + ending for stem in stems for ending in ("", ".gz")]


def find_files(folder: Path) -> dict[str, Path]:
    """The IDX files in a folder: "train images", "train labels", "test images", "test labels".

    Spellings with ``-idx3-`` and ``.idx3-``, with ``.gz`` or without, are known.
    """
    found = {}
    for role, naming in _FILES.items():
        for name in _spellings(*naming):
            if (folder / name).is_file():
                found[role] = folder / name
                break
    return found


def read_part(images: Path, labels: Path) -> Part:
    """Read a half from its two files; see ``read_images`` and ``read_labels`` for the errors."""
    return Part(read_images(images), read_labels(labels), str(images), str(labels))


def read_folder(folder: Path, source: str) -> RawData:
    """Read the four IDX files of a folder.

    Raises:
        DataError: a file is missing or breaks a rule of the format.
    """
    files = find_files(folder)
    for role, naming in _FILES.items():
        if role not in files:
            raise DataError(
                f"{folder}: the file of {role} is missing; "
                f"expected {_spellings(*naming)[1]} (with or without .gz)"
            )
    return RawData(
        train=read_part(files["train images"], files["train labels"]),
        test=read_part(files["test images"], files["test labels"]),
        source=source,
        name=folder.resolve().name,
    )


def write_folder(folder: Path, train: Part, test: Part) -> None:
    """Write both parts as four ``.gz`` files, each complete or not at all.

    The same data gives the same bytes.

    Raises:
        OSError: the folder cannot be written.
    """
    for (prefix, kind, rank), part in zip(_FILES.values(), (train, train, test, test), strict=True):
        content = encode_images(part.images) if rank == 3 else encode_labels(part.labels)
        packed = gzip.compress(content, compresslevel=6, mtime=0)
        write_bytes(folder / f"{prefix}-{kind}-idx{rank}-ubyte.gz", packed)
