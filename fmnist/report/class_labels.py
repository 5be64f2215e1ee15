"""Class names as figures and paper have them: short, different, in letters that can be printed."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence

from markupsafe import escape

from fmnist.report.glyphs import missing, spelt

LONGEST = 18
"""Width of a class name in a figure, in letters; the tables have the whole name."""
LONGEST_SPELT = 34
"""The same on paper for a name that had to be spelt: room for four of its letters."""
_UNIT = re.compile(r"U\+[0-9A-F]{4,6} ?|.", re.DOTALL)


def labels(names: Sequence[str]) -> list[str]:
    """The names as a figure has room and letters for."""
    return _different(names, LONGEST)


def printed_names(names: Sequence[str]) -> list[str]:
    """The names as paper has letters for; only those that had to be spelt differ from before."""
    short = _different(names, LONGEST_SPELT)
    return [new if missing(name) else name for name, new in zip(names, short, strict=True)]


def on_paper(html: str, names: Sequence[str]) -> str:
    """The page with its text spelt where no font has the letters; what only programs read stays.

    Args:
        names: of the classes, which stay different from each other.
    """
    head, end, body = html.partition("</head>")
    lacking = missing("".join(set(body)))
    if not lacking:
        return html
    new = {
        str(escape(name)): str(escape(said))
        for name, said in zip(names, printed_names(names), strict=True)
        if name != said
    }
    others = f"[{re.escape(''.join(sorted(lacking)))}]+"
    texts = "|".join((*map(re.escape, sorted(new, key=len, reverse=True)), others))
    return head + end + re.sub(texts, lambda found: new.get(found[0]) or spelt(found[0]), body)


def width(name: str) -> int:
    """How many letters of Latin script are as wide as the name."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in name)


def _different(names: Sequence[str], longest: int) -> list[str]:
    """The names spelt and cut to that width: what falls together keeps its end, or is numbered."""
    whole = [spelt(name) for name in names]
    short = [_cut(name, longest) for name in whole]
    for end in (1, 2, 4, 6):
        times = Counter(short)
        ended = [_cut(name, longest, end) for name in whole]
        short = [new if times[was] > 1 else was for was, new in zip(short, ended, strict=True)]
    times = Counter(short)
    return [
        f"{_cut(whole[place], longest - 6)} ({place})" if times[now] > 1 and now != name else now
        for place, (name, now) in enumerate(zip(names, short, strict=True))
    ]


def _cut(name: str, longest: int, end: int = 0) -> str:
    """The beginning of a name and so many units of its end, where all of it is too long."""
    if width(name) <= longest:
        return name
    units = _units(name)
    start, rest = units[: len(units) - end], "".join(units[len(units) - end :]).lstrip()
    while len(start) > 1 and width("".join(start).rstrip()) + 1 + width(rest) > longest:
        start.pop()
    return "".join(start).rstrip() + "…" + rest


def _units(name: str) -> list[str]:
    """Letters with their marks, and numbers of letters, none of which is cut."""
    units: list[str] = []
    for part in _UNIT.findall(name):
        if units and unicodedata.category(part[0]).startswith("M"):
            units[-1] += part
        else:
            units.append(part)
    return units
