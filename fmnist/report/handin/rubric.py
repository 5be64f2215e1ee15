"""A teacher's list of what a hand-in must have: it orders and names the sections, and is checked.

The check is for the author alone: it stands in the terminal and in ``rubric.md``, never in a PDF.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from fmnist.errors import UserError
from fmnist.report import text
from fmnist.report.handin.author import AFTER, REFERENCES, STATEMENT
from fmnist.report.handin.fitting import PLACES, Fitted
from fmnist.report.markdown import SUFFIX
from fmnist.report.outline import HANDIN, SECTIONS, Outline
from fmnist.runs.artifacts import RUBRIC
from fmnist.runs.codec import FactsError, convert
from fmnist.runs.records.run import Document
from fmnist.text import read_text
from search.atomic import write_bytes

OURS = tuple(slug for slug, *_ in HANDIN)
ABSTRACT, ANSWERS = "abstract", "answers"
LAST = (STATEMENT, REFERENCES)
BLANK = "to be filled in by the author"
"""What the statement says until the author has filled it in."""
DONE, PARTLY, OPEN, WHOLE = "answered", "partly", "open", "whole document"
MOST_POINTS = 1000
_SLUG = re.compile(r"[a-z][a-z0-9-]*")


class RubricError(UserError):
    """A rubric that breaks a rule; the message names file, rule and value."""


@dataclass(frozen=True)
class Line:
    """One required part.

    Attributes:
        name: as the teacher words it; becomes the heading of its section.
        section: of the hand-in that answers it: one of ours, or one that the author's words make;
            empty where the whole document does.
        keywords: what must be said there; ``|`` parts words of which one is enough.
        advice: what to do where it is not answered, in place of ours.
    """

    name: str
    points: float = 0
    section: str = ""
    keywords: tuple[str, ...] = ()
    advice: str = ""


@dataclass(frozen=True)
class Rubric:
    """The parts in the teacher's order, and the limits; a limit that is 0 or empty is none."""

    part: tuple[Line, ...]
    title: str = "Rubric"
    pages: int = 0
    words: int = 0
    questions: str = ""

    @property
    def own(self) -> tuple[str, ...]:
        """Sections that only the author can write."""
        found = (line.section for line in self.part)
        return tuple(dict.fromkeys(s for s in found if s and s not in OURS))

    def limited(self, document: Document) -> Document:
        """The document with these limits where it says none itself."""
        return replace(
            document,
            max_pages=document.max_pages or self.pages,
            max_words=document.max_words or self.words,
            questions=document.questions or self.questions,
        )

    def outline(self, written: Collection[str]) -> Outline:
        """Sections of the hand-in in the order of the parts, named after them.

        Those that no part names keep their place among themselves: the abstract before all, the
        others behind. Sections of the author's stand there where they are ``written``.
        """
        usual = {slug: (title, counted) for slug, title, counted in HANDIN}
        named: dict[str, list[str]] = {}
        for line in self.part:
            if line.section and (line.section in usual or line.section in written):
                named.setdefault(line.section, []).append(line.name)
        rest = [slug for slug in usual if slug not in named]
        first = [slug for slug in rest if slug == ABSTRACT]
        last = [slug for slug in rest if slug in LAST]
        order = [*first, *named, *(s for s in rest if s not in (*first, *last)), *last]
        return tuple(
            (slug, _heading(named[slug]) if slug in named else usual[slug][0],
             usual.get(slug, ("", True))[1])
            for slug in order
        )  # fmt: skip


@dataclass(frozen=True)
class Answer:
    """Whether a line is answered, on which pages, and what to do where it is not."""

    line: Line
    state: str
    pages: str = ""
    advice: str = ""


@dataclass(frozen=True)
class Checked:
    """All lines of a rubric with their answers.

    ``summary`` counts lines and points that have one, and pages and words beside their limits.
    """

    title: str
    found: tuple[Answer, ...]
    summary: str


def load_rubric(path: Path) -> Rubric:
    """Read and check a rubric.

    Raises:
        RubricError: it cannot be read or breaks a rule.
    """
    name = path.name
    try:
        data = tomllib.loads(read_text(path))
    except (OSError, ValueError, RecursionError) as error:
        raise RubricError(f"{name}: cannot be read as TOML: {error}") from None
    _known(name, "", data, Rubric)
    parts = data.get("part")
    if not isinstance(parts, list) or not parts:
        raise RubricError(f"{name}: has no part; write a table [[part]] with a name for each")
    for n, part in enumerate(parts, start=1):
        _known(name, f"part {n}: ", part if isinstance(part, dict) else {}, Line)
    try:
        rubric = convert(Rubric, data, name)
    except FactsError as error:
        raise RubricError(str(error)) from None
    _check(name, rubric)
    return rubric


def keep_rubric(source: Path, folder: Path) -> None:
    """Copy a rubric into the folder of a run; see ``load_rubric``."""
    load_rubric(source)
    write_bytes(folder / RUBRIC.name, source.read_bytes())


def _known(name: str, where: str, table: Mapping[str, Any], record: type[Any]) -> None:
    names = [f.name for f in fields(record)]
    if unknown := sorted(table.keys() - set(names)):
        raise RubricError(
            f"{name}: {where}unknown entry {unknown[0]!r}; known are {', '.join(names)}"
        )


def _check(name: str, rubric: Rubric) -> None:
    if min(rubric.pages, rubric.words) < 0:
        raise RubricError(f"{name}: pages and words are limits from 1 on; leave out what has none")
    if rubric.questions not in ("", *PLACES):
        raise RubricError(
            f"{name}: questions must be one of {', '.join(PLACES)}, found {rubric.questions!r}"
        )
    names = [line.name for line in rubric.part]
    for n, line in enumerate(rubric.part, start=1):
        where = f"{name}: part {n} ({line.name!r})"
        if not line.name.strip() or line.name in names[: n - 1]:
            raise RubricError(f"{where}: each part needs a name of its own")
        _check_line(where, line)


def _check_line(where: str, line: Line) -> None:
    if not 0 <= line.points <= MOST_POINTS:
        raise RubricError(f"{where}: points must be 0 to {MOST_POINTS}, found {line.points:g}")
    chapters = {section.slug for section in SECTIONS} - set(OURS)
    if line.section and (line.section in chapters or not _SLUG.fullmatch(line.section)):
        raise RubricError(
            f"{where}: section must be one of {', '.join(OURS)}, or another name in small "
            f"letters for a section that the author writes, found {line.section!r}; "
            f"{', '.join(sorted(chapters))} are chapters of the appendix"
        )
    if not all(word.strip() for word in line.keywords):
        raise RubricError(f"{where}: a keyword is empty; name a word, or leave keywords out")


def _heading(names: Sequence[str]) -> str:
    """Names of the parts that one section answers: ``Baseline, results and errors``."""
    rest = (name if name[:2].isupper() else name[:1].lower() + name[1:] for name in names[1:])
    return text.listing([names[0], *rest])


def check(rubric: Rubric, fitted: Fitted, written: Collection[str]) -> Checked:
    """Say what the finished hand-in answers.

    Args:
        fitted: the hand-in as it is printed.
        written: sections that have words of the author.
    """
    said = _Sections(fitted.html).said
    pages = fitted.sheets.places(list(said)) if fitted.sheets else {}
    found = tuple(_answer(line, said, pages, written) for line in rubric.part)
    return Checked(rubric.title, found, _summary(found, fitted, rubric))


def _answer(
    line: Line, said: Mapping[str, str], pages: Mapping[str, str], written: Collection[str]
) -> Answer:
    section = line.section
    words = said.get(section, "") if section else " ".join(said.values())
    missing = [k for k in line.keywords if not any(w in words for w in k.lower().split("|"))]
    advice, state = "", DONE if section else WHOLE
    if section and section not in said:
        state, advice = OPEN, _to_write(section)
    elif missing:
        state = PARTLY if len(missing) < len(line.keywords) else OPEN
        ending = SUFFIX if section in written else AFTER + SUFFIX
        where = section + ending if section else "a text of yours"
        wanted = text.listing([f"“{k.replace('|', '” or “')}”" for k in missing])
        advice = f"nothing is said of {wanted}: write it in {where} (--text)"
    elif section == STATEMENT and BLANK in words:
        state = PARTLY
        advice = f"fill in name, course, contribution and ai: {STATEMENT}{SUFFIX} (--text)"
    return Answer(line, state, pages.get(section, ""), advice and (line.advice or advice))


def _to_write(section: str) -> str:
    if section == ANSWERS:
        return "the answers stand in appendix.pdf: --questions inline, or allow more pages"
    return f"write {section}{SUFFIX} in the folder of --text"


class _Sections(HTMLParser):
    """The text of each section, in small letters."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.said: dict[str, str] = {}
        self._here = ""
        self.feed(html)
        self.said = {slug: " ".join(words.split()) for slug, words in self.said.items()}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "section":
            self._here = dict(attrs).get("id") or ""
            self.said[self._here] = ""

    def handle_endtag(self, tag: str) -> None:
        if tag == "section":
            self._here = ""

    def handle_data(self, data: str) -> None:
        if self._here:
            self.said[self._here] += data.lower()


def _summary(found: Sequence[Answer], fitted: Fitted, rubric: Rubric) -> str:
    asked = [a for a in found if a.state != WHOLE]
    told = [a for a in asked if a.state == DONE]
    most = sum(a.line.points for a in asked)
    points = f", {sum(a.line.points for a in told):g} of {most:g} points" if most else ""
    limits = [
        f"{had:,} of {most:,} {what}"
        for had, most, what in (
            (fitted.pages, rubric.pages, "pages"), (fitted.words, rubric.words, "words"),
        )
        if had is not None and most
    ]  # fmt: skip
    return "; ".join([f"{len(told)} of {len(asked)} lines answered{points}", *limits])


def as_markdown(checked: Checked) -> str:
    """``rubric.md``: the lines with their pages, for the author."""
    rows = [
        (f"{a.line.points:g}", a.line.name, a.pages or "–", a.state, a.advice or "–")
        for a in checked.found
    ]
    table = [("Points", "Part", "Page", "State", "What to do"), ("---:", *["---"] * 4), *rows]
    lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in table]
    head = [
        f"# {checked.title}",
        "For the author; this list is in no PDF. A line is answered where its section stands and "
        "says what the line names. How well it is answered, the marker says.",
        f"{checked.summary}.",
    ]
    return "\n\n".join([*head, "\n".join(lines)]) + "\n"
