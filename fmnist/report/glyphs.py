"""Class names in letters that the fonts of the report have: a missing letter prints as a box.

The bundled fonts have Latin and Greek letters, the DejaVu Sans that comes with matplotlib Cyrillic,
Arabic and others: of it the few letters that are needed go along. Any other letter is spelt by its
name in Unicode, kana by their sound.
"""

from __future__ import annotations

import functools
import io
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import Any

from fmnist.data.romanization import sound
from fmnist.report.facts import Facts

FAMILY = "Report More"
"""Font of the letters that the bundled fonts lack."""
_BUNDLED = "ReportSans-Regular.ttf"


def respelt(facts: Facts) -> Facts:
    """The facts with names that can be printed; a note says which had to be spelt."""
    data, metrics, cover = facts.run.data, facts.metrics, facts.run.document
    names = spelt(data.class_names)
    texts: dict[str, Any] = {n: _spelt(t) for n, t in vars(cover).items() if isinstance(t, str)}
    document = replace(cover, **texts)
    changed = [
        what
        for what, same in (
            ("class names", names == data.class_names), ("words on the cover", document == cover)
        )
        if not same
    ]  # fmt: skip
    if not changed:
        return facts
    note = (
        f"The fonts of this report lack letters of some {' and '.join(changed)}; they are spelt by "
        "their sound or by the number of the letter in Unicode."
    )
    data = replace(data, class_names=names, notes=(*data.notes, note))
    facts = replace(facts, run=replace(facts.run, data=data, document=document))
    if metrics is None or len(metrics.test.classes) != len(names):
        return facts
    rows = tuple(replace(c, name=n) for c, n in zip(metrics.test.classes, names, strict=True))
    return replace(facts, metrics=replace(metrics, test=replace(metrics.test, classes=rows)))


def spelt(names: Sequence[str]) -> tuple[str, ...]:
    """The names, all different, in letters that can be printed."""
    found = tuple(_spelt(name) for name in names)
    return tuple(
        f"{name} ({place})" if found.count(name) > 1 else name for place, name in enumerate(found)
    )


def isolated(name: str) -> str:
    """The name for a list: one that runs from right to left leaves the numbers beside it alone."""
    leftward = any(unicodedata.bidirectional(c) in ("R", "AL") for c in name)
    return f"\u2068{name}\u2069" if leftward else name


def _spelt(name: str) -> str:
    letters = "".join(_printable(c) for c in unicodedata.normalize("NFC", name))
    return re.sub(r"(?<=[0-9A-F])(?=U\+[0-9A-F]{4})", " ", letters)


def _printable(letter: str) -> str:
    if ord(letter) in _bundled() or ord(letter) in _further() or not letter.isprintable():
        return letter
    return sound(letter) or f"U+{ord(letter):04X}"


def face(names: Sequence[str]) -> tuple[str, bytes] | None:
    """Family and file of a font with the letters of the names that the bundled ones lack.

    None where they lack none. The same letters give the same bytes.
    """
    letters = {ord(c) for name in names for c in name} & _further()
    if letters <= _bundled():
        return None
    from fontTools import subset
    from fontTools.ttLib import TTFont

    options = subset.Options(layout_features=["*"], notdef_outline=True)
    options.drop_tables += ["FFTM"]  # known to FontForge only, and warned of
    with TTFont(_dejavu(), recalcTimestamp=False) as font:
        chosen = subset.Subsetter(options)
        chosen.populate(unicodes=letters)  # with the spaces between them
        chosen.subset(font)
        buffer = io.BytesIO()
        font.save(buffer)
    return FAMILY, buffer.getvalue()


@functools.cache
def _bundled() -> frozenset[int]:
    file = resources.files("report_templates").joinpath("fonts").joinpath(_BUNDLED)
    return _letters(io.BytesIO(file.read_bytes()))


@functools.cache
def _further() -> frozenset[int]:
    return _letters(_dejavu())


def _dejavu() -> Path:
    import matplotlib

    return Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"


def _letters(file: Any) -> frozenset[int]:
    from fontTools.ttLib import TTFont

    with TTFont(file, lazy=True) as font:
        return frozenset(font.getBestCmap())
