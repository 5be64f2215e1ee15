"""Numbers and outcomes in words, for the views; and text as people's programs save it."""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence
from importlib.resources.abc import Traversable
from typing import Any

_UNPRINTABLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]+"
)
_LONGEST = 200
_PASSWORD = re.compile(r"(://[^:/@\s]*):.+@")
_IN_QUERY = re.compile(r"(\b\w*(?:password|passwd|secret|token)\w*=)[^&\s]+", re.IGNORECASE)


def decoded(content: bytes) -> str:
    """Text in UTF-8 or, where it begins with the mark of it, UTF-16; without that mark.

    Raises:
        UnicodeDecodeError: it is in another encoding.
    """
    marked = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    return content.decode("utf-16" if marked else "utf-8-sig")


def read_text(path: Traversable) -> str:
    """A text file that a person wrote, see ``decoded``; ``\\r\\n`` as ``\\n``.

    Raises:
        OSError: it cannot be read.
        UnicodeDecodeError: it is in another encoding.
    """
    return decoded(path.read_bytes()).replace("\r\n", "\n")


def in_unicode(text: str) -> str:
    """A name of a file as other files can hold it: bytes of another encoding as ``\\xfc``."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def settings(params: dict[str, Any]) -> str:
    """Parameters as ``name value, name value``."""
    return ", ".join(f"{name} {cell(value)}" for name, value in params.items())


def percent(fraction: float | None) -> str:
    """A fraction as a percentage with two decimals."""
    return "–" if fraction is None else f"{100 * fraction:.2f} %"


def points(fraction: float) -> str:
    """A difference of fractions in percentage points, with a true minus sign."""
    text = f"{100 * fraction:.2f}".replace("-", "−")
    return f"{'0.00' if text == '−0.00' else text} points"


def duration(seconds: float) -> str:
    """Seconds as ``45 s``, ``9 min 30 s`` or ``8 h 0 min``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def listed(words: Sequence[str], shown: int = 3) -> str:
    """The first few of the words, and how many more."""
    more = len(words) - shown
    return ", ".join(words[:shown]) + (f" and {more} more" if more > 0 else "")


def counted(number: int, noun: str) -> str:
    """A number and its noun, in the plural unless it is one."""
    return f"{number} {noun}" + ("" if number == 1 else "s")


def ago(seconds: float) -> str:
    """How long ago: ``45 s ago``."""
    return f"{duration(seconds)} ago"


def clock(seconds: float) -> str:
    """Seconds as ``H:MM:SS``."""
    whole = int(seconds)
    return f"{whole // 3600}:{whole % 3600 // 60:02d}:{whole % 60:02d}"


def size(amount: float) -> str:
    """Bytes as ``3.2 GB``, ``740 MB`` or ``12 kB``."""
    if amount >= 1e9:
        return f"{amount / 1e9:.1f} GB"
    return f"{amount / 1e6:.0f} MB" if amount >= 1e6 else f"{amount / 1e3:.0f} kB"


def cell(value: Any) -> str:
    """A value of a hyperparameter, short."""
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def one_line(text: str) -> str:
    """``text`` without what cannot be printed: control characters, and such as turn the writing."""
    return " ".join(_UNPRINTABLE.sub(" ", text).split())


def brief(error: BaseException) -> str:
    """The first line of what an error says, short and without secrets."""
    line = hidden((str(error).splitlines() or [""])[0]) or type(error).__name__
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"


def hidden(text: str) -> str:
    """``text`` with the password of an address, and what else is secret in it, as stars."""
    return _IN_QUERY.sub(r"\1***", _PASSWORD.sub(r"\1:***@", text))
