"""Fonts of a machine as a test wants them."""

import functools
import inspect
import string

from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from matplotlib import font_manager

from fmnist.report import machine_fonts

RESTRICTED, PRINTABLE, WHOLE_ONLY = 0x2, 0x4, 0x100
"""Values of ``fsType``."""


def install(monkeypatch, *fonts):
    """Have the machine no other fonts than these files."""
    monkeypatch.setattr(font_manager, "findSystemFonts", lambda: [str(font) for font in fonts])
    monkeypatch.setattr(machine_fonts, "_drawn_by", {})
    ranked = functools.cache(inspect.unwrap(machine_fonts._ranked))
    monkeypatch.setattr(machine_fonts, "_ranked", ranked)


def make_font(path, letters, terms=0):
    """A font that has a box for each of these letters, and letters of Latin script."""
    letters = sorted({*letters, *string.ascii_letters, " "})
    names = [".notdef", *(f"uni{ord(letter):04X}" for letter in letters)]
    font = FontBuilder(1000)
    font.setupGlyphOrder(names)
    font.setupCharacterMap({ord(c): n for c, n in zip(letters, names[1:], strict=True)})
    font.setupGlyf({name: _box(k) for k, name in enumerate(names)})
    font.setupHorizontalMetrics(dict.fromkeys(names, (1000, 0)))
    font.setupHorizontalHeader(ascent=900, descent=-200)
    font.setupNameTable({"familyName": path.stem, "styleName": "Regular", "psName": path.stem})
    font.setupOS2(fsType=terms)
    font.setupPost()
    font.save(path)
    return path


def _box(number):
    pen = TTGlyphPen(None)
    corners = (50, 0), (50, 700 + number), (900, 700), (900, 0)
    pen.moveTo(corners[0])
    for corner in corners[1:]:
        pen.lineTo(corner)
    pen.closePath()
    return pen.glyph()
