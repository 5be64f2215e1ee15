"""Japanese syllables in Latin letters."""

from __future__ import annotations

import unicodedata

# What the names of kana in Unicode have otherwise than Hepburn's spelling.
_HEPBURN = {
    **{"SI": "shi", "TI": "chi", "TU": "tsu", "HU": "fu", "ZI": "ji", "DI": "ji", "DU": "zu"},
}


def sound(letter: str) -> str:
    """A hiragana or katakana by its sound, such as ``ki``; empty for any other letter."""
    script, _, name = unicodedata.name(letter, "").partition(" LETTER ")
    if script not in ("HIRAGANA", "KATAKANA"):
        return ""
    last = name.rsplit(" ", 1)[-1]
    return _HEPBURN.get(last, last.lower())
