"""How much of the hand-in the allowed pages and words take, and what is moved to the appendix.

Nothing is estimated: the document is laid out, its pages and words are counted, and part after part
is moved out in the order of ``PICTURES`` and ``TEXTS`` until it fits.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Collection
from dataclasses import dataclass
from html.parser import HTMLParser

from fmnist.errors import UserError
from fmnist.report.output.pdf import Sheets
from fmnist.runs.records.run import Document

INLINE, APPENDIX, NONE = "inline", "appendix", "none"
PLACES = (INLINE, APPENDIX, NONE)
"""Where the questions may stand: in the hand-in in short, in the appendix alone, nowhere."""
PAGES, PAGES_WITH_QUESTIONS = 4, 6
PICTURES = {
    "cam": "Grad-CAM",
    "effects": "figure of the experiments",
    "tiles": "images of the largest confusions",
    "examples": "an image of each class",
    "trials": "figure of the search",
    "space": "searched hyperparameters",
    "architecture": "drawing of the network",
    "curves": "learning curves",
    "classes": "scores of each class",
    "matrix": "confusion matrix",
    "pairs": "most frequent errors",
}
"""What is moved out for want of pages, in this order."""
TEXTS = {
    "answers": "answers to the questions",
    "related": "related work",
    "recipe": "details of the training",
}
"""What is moved out for want of words, and of pages after all pictures."""
TEXTS_OF = {"answers": "answers", "related": "objective", "recipe": "model"}
"""The section that each of these texts stands in."""


SIZES = (12.0, 11.3, 10.6, 10.0)
"""Points of the type unit of the hand-in, the best first; at the last one parts are moved out."""
APART = {"figure", "table", "style", "script", "header", "nav", "head"}
"""Tags whose words are not running text."""


class LimitError(UserError):
    """Limits that no document can keep."""


@dataclass(frozen=True)
class Limits:
    """What the hand-in may take up; ``words`` None: as many as there are."""

    pages: int
    words: int | None
    questions: str
    cover: bool

    @classmethod
    def of(cls, document: Document) -> Limits:
        """The limits that a run's document asks for, and ours where it leaves them open.

        Without ``questions`` they stand in the hand-in where six pages are allowed.
        """
        asked = document.questions
        pages = document.max_pages or (PAGES if asked in (APPENDIX, NONE) else PAGES_WITH_QUESTIONS)
        roomy = pages >= PAGES_WITH_QUESTIONS
        place = asked or (INLINE if roomy else APPENDIX)
        if place not in PLACES:
            raise LimitError(f"questions must be one of {', '.join(PLACES)}, found {place!r}")
        return cls(pages, document.max_words or None, place, document.cover)


@dataclass(frozen=True)
class Fitted:
    """A hand-in that was fitted.

    Attributes:
        sheets: its pages; None where none could be laid out.
        moved: names of what was moved out, in that order.
        html: what was laid out.
        excess: which limit it still breaks, and by what; empty where it keeps both.
    """

    sheets: Sheets | None
    pages: int | None
    words: int
    moved: tuple[str, ...]
    excess: str = ""
    html: str = ""


def fit(
    render: Callable[[Collection[str]], str],
    lay_out: Callable[[str, float], Sheets] | None,
    limits: Limits,
    present: Collection[str],
) -> Fitted:
    """Move parts out until pages and words are within the limits.

    Args:
        render: keys of what is moved out to the HTML of the hand-in.
        lay_out: HTML and size of the type (one of ``SIZES``) to pages; None where that is not
            possible, then only words are counted.
        limits: what is allowed.
        present: keys of the parts that this run has.
    """
    moved = ["answers"] if "answers" in present and limits.questions != INLINE else []
    asked = len(moved)
    rest = [key for key in TEXTS if key in present and key not in moved]
    while limits.words and rest and count_words(render(moved)) > limits.words:
        moved.append(rest.pop(0))
    order = [key for key in (*PICTURES, *rest) if key in present]
    sheets, pages = None, None
    if lay_out is not None:
        sheets = _even(render(moved), lay_out, limits)
        if pages_that_count(sheets, limits) > limits.pages:
            start = list(moved)
            moved += _least(lambda keys: lay_out(render([*start, *keys]), SIZES[-1]), limits, order)
            sheets = _even(render(moved), lay_out, limits)
        pages = pages_that_count(sheets, limits)
    names = {**PICTURES, **TEXTS}
    html = render(moved)
    words = count_words(html)
    return Fitted(
        sheets, pages, words, tuple(names[key] for key in moved[asked:]),
        _excess(pages, words, limits), html,
    )  # fmt: skip


def _even(html: str, lay_out: Callable[[str, float], Sheets], limits: Limits) -> Sheets:
    """All of it in the largest type with which it fits and fills its pages, else in the smallest.

    A last page with a line or two, and a large gap before a picture, go with another size.
    """
    for size in SIZES:
        sheets = lay_out(html, size)
        if pages_that_count(sheets, limits) <= limits.pages and sheets.even:
            break
    return sheets


def _least(lay_out: Callable[[list[str]], Sheets], limits: Limits, order: list[str]) -> list[str]:
    """As few of the parts as have to be moved out to keep the limit, one at least; else all."""

    def fits(n: int) -> bool:
        return pages_that_count(lay_out(order[:n]), limits) <= limits.pages

    return order[: bisect_left(range(len(order)), True, lo=min(1, len(order)), key=fits)]


def pages_that_count(sheets: Sheets, limits: Limits) -> int:
    """Pages that count: the cover does not."""
    return sheets.pages - limits.cover


def _excess(pages: int | None, words: int, limits: Limits) -> str:
    over = []
    if pages is not None and pages > limits.pages:
        over.append(f"{pages} pages instead of {limits.pages}")
    if limits.words and words > limits.words:
        over.append(f"{words:,} words instead of {limits.words:,}")
    return " and ".join(over)


class _Running(HTMLParser):
    """The words of the running text: none in pictures, tables, references and titles."""

    def __init__(self) -> None:
        super().__init__()
        self.text: list[str] = []
        self._apart: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        classes = (dict(attrs).get("class") or "").split()
        if tag in APART or "sources" in classes or self._apart[-1:] == [tag]:
            self._apart.append(tag)
        self.text.append(" ")

    def handle_endtag(self, tag: str) -> None:
        if self._apart[-1:] == [tag]:
            self._apart.pop()

    def handle_data(self, data: str) -> None:
        if not self._apart:
            self.text.append(data)


def count_words(html: str) -> int:
    """Words of the running text, headings included: what has a letter or a digit in it."""
    parser = _Running()
    parser.feed(html)
    return sum(bool(re.search(r"\w", word)) for word in "".join(parser.text).split())
