"""Fonts of this machine that have letters which the fonts of the report lack."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from pathlib import Path
from typing import Any

_REGULAR = ("Regular", "Book", "Roman", "Normal")
_COLOURED = 1 << 14
"""Bit of the flags of a face whose letters are pictures, which no plot can draw."""
_LICENCES, _RESTRICTED, _WHOLE_OR_BITMAPS = 0xE, 0x2, 0x300
"""Bits of ``fsType``, which says how a font may be embedded."""
_drawn_by: dict[str, Path | None] = {}
"""The font of each letter that was asked for, None where there is none."""


def fonts_of(letters: Iterable[str]) -> dict[str, Path]:
    """The file that draws each of the letters; those that no font has are left out."""
    wanted = set(letters)
    if unknown := wanted - _drawn_by.keys():
        _drawn_by.update(dict.fromkeys(unknown) | _search(unknown))
    return {letter: path for letter in sorted(wanted) if (path := _drawn_by[letter])}


def _search(letters: set[str]) -> dict[str, Path]:
    left, found = set(letters), dict[str, Path]()
    for path in _ranked():
        if not left:
            break
        font = _opened(path)
        has = {letter for letter in left if font.get_char_index(ord(letter))} if font else set()
        found |= dict.fromkeys(has, path)
        left -= has
    return found


@functools.cache
def _ranked() -> tuple[Path, ...]:
    """Fonts that may be embedded: upright ones without serifs first, the largest in front.

    They are looked for anew in each process: matplotlib's own list is as old as its cache.
    """
    from matplotlib import font_manager

    ranked = []
    for path in sorted(map(Path, font_manager.findSystemFonts())):
        font = _opened(path)
        if font is not None and _usable(font):
            looks = (font.style_name not in _REGULAR, "Sans" not in font.family_name)
            ranked.append((*looks, -font.num_glyphs, path))
    return tuple(rank[-1] for rank in sorted(ranked))


def _opened(path: Path) -> Any:
    """The font as matplotlib has it; None where it is broken, or gone meanwhile."""
    from matplotlib.font_manager import ttfFontProperty
    from matplotlib.ft2font import FT2Font

    try:
        font = FT2Font(str(path))
        ttfFontProperty(font)
    except Exception:  # of many kinds, none of which says that the file is at fault
        return None
    return font


def _usable(font: Any) -> bool:
    """Whether it has outlines in one colour and may go along in a document."""
    terms = (font.get_sfnt_table("OS/2") or {}).get("fsType", 0)
    allowed = terms & _LICENCES != _RESTRICTED and not terms & _WHOLE_OR_BITMAPS
    flags = getattr(font.face_flags, "value", font.face_flags)
    drawable = font.scalable and not flags & _COLOURED
    return bool(allowed and drawable and "LastResort" not in font.family_name)
