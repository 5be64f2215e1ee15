"""Class names that a data set brings along in a file of its own."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from pathlib import Path

from fmnist.data.romanization import sound
from fmnist.errors import DataError
from fmnist.text import read_text


def beside(folder: Path, prefix: str) -> tuple[str, ...] | None:
    """Names from ``<prefix>-mapping.txt`` (EMNIST) or ``<prefix>_classmap.csv`` (KMNIST).

    Raises:
        DataError: such a file that breaks a rule.
    """
    for name, read in (
        (f"{prefix}-mapping.txt", read_mapping),
        (f"{prefix}_classmap.csv", read_classmap),
    ):
        if (folder / name).is_file():
            return read(folder / name)
    return None


def natural(name: str) -> tuple[object, ...]:
    """A key that sorts numbers in names by their value, before words, and words by the alphabet."""
    parts = [part for part in re.split(r"([0-9]+)", name.casefold()) if part]
    return (*((0, int(p), "") if p.isdecimal() else (1, 0, p) for p in parts), (2, 0, name))


def read_mapping(path: Path) -> tuple[str, ...]:
    """EMNIST's mapping: in each line a label, then the ASCII codes of its characters.

    Raises:
        DataError: a line that is not so, or a label that is missing.
    """
    rows = {}
    for number, line in enumerate(_text(path).splitlines(), start=1):
        if not line.strip():
            continue
        try:
            label, *codes = (int(word) for word in line.split())
            rows[label] = "/".join(chr(code) for code in codes)
        except (ValueError, OverflowError):
            raise DataError(
                f"{path}: line {number}: expected a label and character codes, found {line!r}"
            ) from None
    return _in_order(path, rows)


def read_classmap(path: Path) -> tuple[str, ...]:
    """KMNIST's map: a table with the columns ``index`` and ``char``; kana in Latin letters.

    Raises:
        DataError: a missing column, an index that is no number, or one that is missing.
    """
    rows = {}
    table = csv.DictReader(io.StringIO(_text(path)), skipinitialspace=True)
    for number, row in enumerate(table, start=2):
        try:
            rows[int(row["index"])] = romanised(row["char"].strip())
        except (KeyError, ValueError, TypeError, AttributeError):
            raise DataError(f"{path}: line {number}: expected the columns index and char") from None
    return _in_order(path, rows)


def romanised(text: str) -> str:
    """Kana in Latin letters, as most fonts lack them; anything else as it is."""
    return "".join(_latin(c) for c in text)


def _latin(character: str) -> str:
    if unicodedata.name(character, "").endswith("ITERATION MARK"):
        return "iteration mark"
    return sound(character) or character


def _in_order(path: Path, rows: dict[int, str]) -> tuple[str, ...]:
    """The names by rising label; the first label is 0 or, of EMNIST letters, 1."""
    labels = sorted(rows)
    if not labels or labels != list(range(labels[0], labels[0] + len(labels))):
        raise DataError(f"{path}: the labels must be consecutive numbers, found {labels[:5]}")
    return tuple(rows[label] for label in labels)


def _text(path: Path) -> str:
    try:
        return read_text(path)
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not UTF-8 text: {error}") from None
