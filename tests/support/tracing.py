"""Where the numbers of a report come from: fields of the run's files, or a named derivation.

``untraced(run)`` reads ``report.html`` and the files beside it. A number counts as traced when it
equals a field in the precision in which it is printed; when a rule of ``tracing_rules`` computes it
anew from fields; or when it is part of what templates and question files say in every report.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parents[2]
TEMPLATES = ROOT / "report_templates"
SOURCES = ROOT / "fmnist" / "report" / "bibliography.py"
PUBLISHED = ROOT / "fmnist" / "report" / "published.toml"
THIN = "\u202f"
SUPERSCRIPT = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")
PLAIN = r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?"
NUMBER = re.compile(rf"(?<![\w.])[−-]?{PLAIN}(?![\w]|\.\d)")
POWER = re.compile(r"(?:([\d.]+) × )?10([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)")
DURATION = re.compile(rf"(?:(\d+){THIN}h)? ?(?:(\d+){THIN}min)? ?(?:([\d.]+){THIN}s(?![\w]))?")
MEMORY = re.compile(rf"([\d.]+){THIN}([MG]B)")
BLOCKS = {
    "p", "li", "tr", "td", "th", "h1", "h2", "h3", "h4", "caption", "figcaption", "summary", "dt",
    "dd", "pre", "div", "span",
}  # fmt: skip
SILENT = {"style", "script", "head", "svg"}


@dataclass(frozen=True)
class Found:
    """A number of the report: its value, how far it was rounded, and the words around it."""

    value: float
    half: float
    around: str


class _Words(HTMLParser):
    """What a reader of the page sees, blocks apart; numbers of chapters left out."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []
        self._silent: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in SILENT or given.get("class") == "number" or self._silent[-1:] == [tag]:
            self._silent.append(tag)
        elif tag in BLOCKS:
            self.parts.append("\n")
        if given.get("alt") and not self._silent:
            self.parts.append(f"\n{given['alt']}\n")

    def handle_endtag(self, tag: str) -> None:
        if self._silent[-1:] == [tag]:
            self._silent.pop()
        elif tag in BLOCKS:
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.parts.append(data)


def words(page: str) -> str:
    """What a reader of the page sees, alternative texts included."""
    parser = _Words()
    parser.feed(page)
    return "".join(parser.parts)


def numbers(text: str) -> Iterator[Found]:
    """All numbers of a text; a duration, a size in memory and a power of ten count as one."""
    for pattern, reading in ((DURATION, _seconds), (MEMORY, _bytes), (POWER, _power)):
        for match in [m for m in pattern.finditer(text) if m.group().strip()]:
            yield Found(*reading(match), _around(text, match))
            text = text[: match.start()] + "~" * len(match.group()) + text[match.end() :]
    for match in NUMBER.finditer(text):
        plain = match.group().replace("−", "-").replace(",", "")
        yield Found(float(plain), _half(plain), _around(text, match))


def _half(printed: str) -> float:
    return 0.5 * float(10.0 ** -len(printed.partition(".")[2]))


def _around(text: str, match: re.Match[str]) -> str:
    return " ".join(text[max(0, match.start() - 60) : match.end() + 40].split())


def _seconds(match: re.Match[str]) -> tuple[float, float]:
    hours, minutes, seconds = match.groups()
    total = 3600 * int(hours or 0) + 60 * int(minutes or 0) + float(seconds or 0)
    if seconds and not (hours or minutes):
        return total, _half(seconds)
    return total, 60.0 if hours else 0.5


def _bytes(match: re.Match[str]) -> tuple[float, float]:
    unit = {"MB": 1e6, "GB": 1e9}[match[2]]
    return float(match[1]) * unit, _half(match[1]) * unit


def _power(match: re.Match[str]) -> tuple[float, float]:
    unit = 10.0 ** int(match[2].translate(SUPERSCRIPT))
    return float(match[1] or 1) * unit, _half("0.00") * unit


class Values:
    """Numbers, to be asked whether one of them, or a hundred times it, is printed so."""

    def __init__(self, values: Iterable[float]) -> None:
        kept = np.array([v for v in values if np.isfinite(v)], dtype=float)
        self._sorted = np.unique(np.concatenate([s * kept for s in (1, -1, 100, -100)]))

    def hold(self, number: Found) -> bool:
        """Whether a value rounds to the number as printed."""
        half = number.half * (1 + 1e-6) + 1e-12
        place = np.searchsorted(self._sorted, number.value - half)
        return bool(place < len(self._sorted) and self._sorted[place] <= number.value + half)


@dataclass
class Leaves:
    """All numbers and all texts in some files."""

    numbers: list[float]
    texts: list[str]


def leaves(contents: Iterable[Any]) -> Leaves:
    """Take nested lists and dictionaries apart; names of fields are texts too."""
    found = Leaves([], [])
    for leaf in _walk(list(contents)):
        if isinstance(leaf, str):
            found.texts.append(leaf)
        elif isinstance(leaf, int | float):
            found.numbers.append(float(leaf))
    return found


def _walk(content: Any) -> Iterator[Any]:
    if isinstance(content, dict):
        content = [*content, *content.values()]
    if isinstance(content, list | tuple):
        for part in content:
            yield from _walk(part)
    else:
        yield content


def contents(run: Path) -> dict[str, Any]:
    """What the files of a run hold, by name; of arrays, those that count images."""
    found: dict[str, Any] = {"published.toml": tomllib.loads(PUBLISHED.read_text())}
    for path in sorted(run.iterdir()):
        if path.name == "findings.json":  # made with the report
            continue
        if path.suffix == ".json":
            found[path.name] = json.loads(path.read_text())
        elif path.suffix == ".jsonl":
            found[path.name] = [json.loads(line) for line in path.read_text().splitlines()]
        elif path.suffix == ".toml":
            found[path.name] = tomllib.loads(path.read_text())
        elif path.suffix == ".npz":
            with np.load(path) as arrays:
                found[path.name] = {k: arrays[k] for k in arrays.files}
    return found


def said_anyway() -> Values:
    """Numbers in the words of templates, questions and sources, which no run changes."""
    files = [*TEMPLATES.glob("*.j2"), *TEMPLATES.glob("concepts/*.md"), SOURCES]
    return Values(n.value for f in files for n in numbers(words(f.read_text())))


def untraced(run: Path, rules: Iterable[Any]) -> list[Found]:
    """The numbers of ``report.html`` that neither a field nor a rule nor a template explains."""
    files = contents(run)
    known = leaves(v for v in files.values())
    derived = [float(value) for rule in rules for value in rule(files)]
    traced, anyway = Values([*known.numbers, *derived]), said_anyway()
    text = words((run / "report.html").read_text())
    for name in sorted({t for t in known.texts if re.search(r"\d", t)}, key=len, reverse=True):
        if len(name) > 3:
            text = text.replace(name, " ")
    return [n for n in numbers(text) if not (traced.hold(n) or anyway.hold(n))]
