"""Numbers as a reader wants them: units, thin spaces, no false precision."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

THIN = "\u202f"
"""Narrow no-break space: stands before a unit and keeps it on the line of its number."""
NOT_RECORDED = "Not recorded in this run."
NOT_YET = "The run has not come to this yet."
_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
FEW_CLASSES = 12
"""Classes up to which every figure and table shows all, as for Fashion-MNIST."""
FINE_SAMPLE = 5000
"""From this many images on, a hundredth of a per cent is worth printing."""


def percent(fraction: float, n: int | None = None, *, digits: int | None = None) -> str:
    """``0.92314`` as ``92.31 %``; one decimal where ``n`` images do not carry two."""
    return f"{100 * fraction:.{_digits(n, digits)}f}{THIN}%"


def interval(bounds: Sequence[float], n: int | None = None, *, digits: int | None = None) -> str:
    """Two fractions as ``91.77–92.82 %``."""
    places = _digits(n, digits)
    low, high = (f"{100 * bound:.{places}f}" for bound in bounds)
    return f"{low}–{high}{THIN}%"


def points(difference: float, *, digits: int = 2) -> str:
    """A difference of two fractions in percentage points: ``0.41 percentage points``."""
    return f"{100 * difference:.{digits}f} percentage points"


def signed_points(difference: float, *, digits: int = 2) -> str:
    """A difference with its sign, the unit left out: ``−0.30``."""
    shown = f"{100 * difference:.{digits}f}"
    return shown.replace("-", "" if float(shown) == 0 else "−")


def point_span(bounds: Sequence[float]) -> str:
    """Bounds of a difference: ``−0.30 to 0.72 percentage points``."""
    low, high = bounds
    return f"{signed_points(low)} to {signed_points(high)} percentage points"


def _digits(n: int | None, digits: int | None) -> int:
    if digits is not None:
        return digits
    return 2 if n is None or n >= FINE_SAMPLE else 1


def loss(value: float) -> str:
    """A cross-entropy with three decimals."""
    return f"{value:z.3f}"


def score(value: float) -> str:
    """Precision, recall, F1 and the like as a fraction with three decimals."""
    return f"{value:z.3f}"


def p_value(p: float) -> str:
    """A p-value with three decimals, or two significant digits below a hundredth."""
    if p < 1e-4:
        return "< 0.0001"
    return f"{p:.3f}" if p >= 0.01 else f"{p:.2g}"


def count(n: int) -> str:
    """``60000`` as ``60,000``."""
    return f"{n:,}"


def counted(n: int, singular: str, plural: str | None = None) -> str:
    """``1 image``, ``2 images``."""
    return f"{count(n)} {singular if n == 1 else plural or singular + 's'}"


def duration(seconds: float) -> str:
    """Seconds as ``8 min 12 s``, ``2 h 05 min`` or ``0.8 s``."""
    if seconds < 10:
        return f"{seconds:.1f}{THIN}s"
    total = round(seconds)
    hours, minutes, rest = total // 3600, total % 3600 // 60, total % 60
    if hours:
        return f"{hours}{THIN}h {minutes:02d}{THIN}min"
    if minutes:
        return f"{minutes}{THIN}min" + (f" {rest:02d}{THIN}s" if rest else "")
    return f"{rest}{THIN}s"


def moment(iso: str) -> str:
    """An ISO 8601 time as ``2026-11-21 05:31 UTC``; anything else as it is."""
    try:
        when = datetime.fromisoformat(iso)
    except ValueError:
        return iso
    return when.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC") if when.tzinfo else iso


def zoned(iso: str) -> str:
    """An ISO 8601 time in its own zone: ``2026-11-22 07:00 (UTC+01:00)``; else as it is."""
    try:
        when = datetime.fromisoformat(iso)
    except ValueError:
        return iso
    if when.tzinfo is None:
        return when.strftime("%Y-%m-%d %H:%M")
    return f"{when:%Y-%m-%d %H:%M} ({when.tzname() if when.utcoffset() else 'UTC'})"


def memory(size: float) -> str:
    """Bytes as ``812 MB`` or ``1.4 GB``."""
    return f"{size / 1e6:.0f}{THIN}MB" if size < 1e9 else f"{size / 1e9:.1f}{THIN}GB"


def sentence(words: str) -> str:
    """With a capital at the start and a full stop at the end."""
    words = words.strip()
    if not words:
        return ""
    return words[0].upper() + words[1:] + ("" if words[-1] in ".!?" else ".")


def value(item: Any) -> str:
    """The value of a hyperparameter: three significant digits, yes and no for switches."""
    if isinstance(item, bool):
        return "yes" if item else "no"
    if isinstance(item, int):
        return str(item)
    return number(item) if isinstance(item, float) else str(item)


def number(x: float) -> str:
    """Three significant digits; powers of ten below a thousandth: ``4.2 × 10⁻⁵``."""
    if x == 0 or not math.isfinite(x):
        return f"{x:g}"
    if 1e-3 <= abs(x) < 1e6:
        return f"{x:.3g}" if abs(x) < 1000 else f"{x:,.0f}"
    mantissa, exponent = f"{x:.2e}".split("e")
    power = f"10{str(int(exponent)).translate(_SUPERSCRIPT)}"
    mantissa = mantissa.rstrip("0").rstrip(".")
    return power if mantissa == "1" else f"{mantissa} × {power}"


def shape(sizes: Sequence[int | None]) -> str:
    """``(28, 28, 32)`` as ``28 × 28 × 32``; an unknown size is left out."""
    return " × ".join(str(size) for size in sizes if size is not None)


def listing(items: Sequence[str], last: str = "and") -> str:
    """``a``, ``a and b``, ``a, b and c``; ``last`` is the word before the last one."""
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} {last} {items[-1]}"


def title_case(name: str) -> str:
    """A field's name for people: ``learning_rate`` as ``learning rate``."""
    return name.replace("_", " ")
