"""Letters of any script: which fonts have them, and how a text is spelt where none has.

Screens show every letter. Figures and paper take the fonts of the report first: the bundled ones
with Latin and Greek letters, then the DejaVu Sans that comes with matplotlib, with Cyrillic, Arabic
and others. What they lack comes from the fonts of this machine, of which the few letters that are
needed go along. A letter that none has is spelt by its number in Unicode, kana by their sound.
"""

from __future__ import annotations

import functools
import io
import logging
import re
import unicodedata
from collections import defaultdict
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import Any

from fmnist.data.romanization import sound
from fmnist.report.facts import Facts
from fmnist.report.machine_fonts import fonts_of

FAMILY = "Report More"
"""Family of the letters that the bundled fonts lack; further ones have a letter behind it."""
_LEFTWARD = re.compile("[{0}]+(?: [{0}]+)*".format("\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc"))
_EAST_ASIAN = ("CJK", "HIRAGANA", "KATAKANA", "HANGUL", "BOPOMOFO")


def with_note(facts: Facts) -> Facts:
    """The facts with a note of what is spelt, and of what helps, where no font has the letters."""
    data = facts.run.data
    cover = [text for text in vars(facts.run.document).values() if isinstance(text, str)]
    texts = {"class names": data.class_names, "words on the cover": cover}
    lacking = {what: missing("".join(names)) for what, names in texts.items()}
    letters = set[str]().union(*lacking.values())
    if not letters:
        return facts
    packages = sorted({_package(letter) for letter in letters})
    note = (
        f"No font of this machine has some letters of the "
        f"{' and '.join(what for what in lacking if lacking[what])}: on paper and in figures they "
        "are spelt by their sound or by the number of the letter in Unicode. To have them printed, "
        f"install fonts (Debian and Ubuntu: apt install {' '.join(packages)}) and make the report "
        "again."
    )
    data = replace(data, notes=(*data.notes, note))
    return replace(facts, run=replace(facts.run, data=data))


def texts_of(facts: Facts) -> str:
    """What others wrote of a run, in which letters of any script may stand."""
    own = facts.new_data.without_pictures() if facts.new_data else None
    return repr((facts.run, facts.space, facts.comparison, own))


def missing(text: str) -> set[str]:
    """The letters of a text that neither the fonts of the report nor this machine's have."""
    beyond = {c for c in _beyond(text) if ord(c) not in _dejavu_has()}
    return beyond - fonts_of(beyond).keys()


def _beyond(text: str) -> set[str]:
    """The letters that the bundled fonts lack, without signs that only say how others look."""
    letters = {c for c in text if ord(c) not in _bundled() and c.isprintable()}
    return {c for c in letters if not unicodedata.name(c, "").startswith("VARIATION SELECTOR")}


def _package(letter: str) -> str:
    """Debian's package of fonts with the letter."""
    if unicodedata.name(letter, "").startswith(_EAST_ASIAN):
        return "fonts-noto-cjk"
    return "fonts-symbola" if unicodedata.category(letter) == "So" else "fonts-noto-core"


def spelt(text: str) -> str:
    """The text in letters that can be printed here."""
    text = unicodedata.normalize("NFC", text)
    lacking = missing(text)
    if not lacking:
        return text
    letters = ((sound(c) or f"U+{ord(c):04X}") if c in lacking else c for c in text)
    return re.sub(r"(?<=[0-9A-F])(?=U\+[0-9A-F]{4})", " ", "".join(letters))


def isolated(html: str) -> str:
    """The page with words that run from right to left kept apart from numbers and lists around."""
    head, end, body = html.partition("</head>")
    return head + end + _LEFTWARD.sub("\u2068\\g<0>\u2069", body)


def further_fonts(text: str) -> list[Path]:
    """Fonts of this machine that plots need for letters of the text."""
    return sorted(set(fonts_of(c for c in _beyond(text) if ord(c) not in _dejavu_has()).values()))


def faces(text: str) -> dict[str, bytes]:
    """Family and file of fonts with the letters of the text that the bundled ones lack.

    Each has a family of its own: a PDF takes two fonts of one family for the same. The same letters
    give the same bytes on this machine.
    """
    beyond, of_file = _beyond(text), defaultdict(set)
    ours = {c for c in beyond if ord(c) in _dejavu_has()}
    for letter, path in [*((c, _dejavu()) for c in ours), *fonts_of(beyond - ours).items()]:
        of_file[path].add(letter)
    files = sorted(of_file.items(), key=lambda item: (item[0] != _dejavu(), item[0]))
    parts = filter(None, (_part(path, frozenset(letters)) for path, letters in files))
    return {
        f"{FAMILY} {chr(ord('A') + place)}" if place else FAMILY: part
        for place, part in enumerate(parts)
    }


def _part(path: Path, letters: frozenset[str]) -> bytes | None:
    """The font with these letters alone; None where it is broken, which costs no report."""
    try:
        return _subset(path, letters)
    except Exception:  # fontTools has no one kind for what is wrong in a file
        return None


@functools.lru_cache(maxsize=16)
def _subset(path: Path, letters: frozenset[str]) -> bytes:
    """The font with these letters and the space between them."""
    from fontTools import subset
    from fontTools.ttLib import TTFont

    options = subset.Options(layout_features=["*"], notdef_outline=True)
    logging.getLogger("fontTools.subset").setLevel(logging.ERROR)  # of tables it knows nothing of
    with TTFont(path, fontNumber=0, recalcTimestamp=False) as font:
        chosen = subset.Subsetter(options)
        chosen.populate(unicodes=[ord(" "), *map(ord, letters)])
        chosen.subset(font)
        buffer = io.BytesIO()
        font.save(buffer)
    return buffer.getvalue()


@functools.cache
def _bundled() -> frozenset[int]:
    folder = resources.files("report_templates").joinpath("fonts")
    files = [f.read_bytes() for f in folder.iterdir() if f.name.endswith(".ttf")]
    return frozenset[int]().union(*(_letters(io.BytesIO(content)) for content in files))


@functools.cache
def _dejavu_has() -> frozenset[int]:
    return _letters(_dejavu())


def _dejavu() -> Path:
    import matplotlib

    return Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"


def _letters(file: Any) -> frozenset[int]:
    from fontTools.ttLib import TTFont

    with TTFont(file, lazy=True) as font:
        return frozenset(font.getBestCmap())
