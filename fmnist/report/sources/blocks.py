"""The HTML of a report as a list of blocks, which Markdown and LaTeX are written from."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree.ElementTree import Element

import tinyhtml5

Spans = tuple[tuple[str, str], ...]
"""Runs of text, each with its kind: a key of ``KINDS``, ``link <address>`` or nothing."""
KINDS = {"b": "bold", "strong": "bold", "em": "italic", "i": "italic", "code": "code"}
APART = {"script", "style", "nav", "fieldset", "input", "head", "template"}
BLOCKS = {
    *("p", "ul", "ol", "li", "figure", "table", "pre", "details", "div", "section", "article"),
    *("aside", "main", "header", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote"),
}


@dataclass(frozen=True)
class Heading:
    """A heading; level 1 is the title."""

    level: int
    text: Spans


@dataclass(frozen=True)
class Paragraph:
    """A paragraph."""

    text: Spans


@dataclass(frozen=True)
class Items:
    """A list."""

    items: tuple[Spans, ...]
    ordered: bool


@dataclass(frozen=True)
class Code:
    """Preformatted text."""

    text: str


@dataclass(frozen=True, eq=False)
class Picture:
    """A figure or a formula; ``name`` is that of its files, ``element`` what it is drawn from."""

    name: str
    alt: str
    caption: Spans
    element: Element


@dataclass(frozen=True)
class Grid:
    """A table, head row first; ``numeric`` columns are set flush right.

    The numbers behind a figure have no caption, and the figure's name.
    """

    name: str
    caption: Spans
    rows: tuple[tuple[str, ...], ...]
    numeric: tuple[int, ...]


Block = Heading | Paragraph | Items | Code | Picture | Grid


def plain(spans: Spans) -> str:
    """The text alone."""
    return "".join(text for _, text in spans)


def read(html: str) -> list[Block]:
    """The blocks of a page in their order."""
    root = tinyhtml5.parse(html, namespace_html_elements=False)
    body = root.find("body")
    return [] if body is None else list(_Reader().blocks(body))


class _Reader:
    """Walks through a page and names its pictures and tables."""

    def __init__(self) -> None:
        self._count = {"figure": 0, "table": 0, "formula": 0}

    def blocks(self, parent: Element) -> Iterator[Block]:
        run: list[tuple[str, str]] = [("", parent.text or "")]
        for child in parent:
            if child.tag in BLOCKS:
                yield from _paragraph(run)
                yield from self._block(child)
                run = [("", child.tail or "")]
            else:
                run += [*_inline(child, ""), ("", child.tail or "")]
        yield from _paragraph(run)

    def _block(self, element: Element) -> Iterator[Block]:
        tag = str(element.tag)
        if tag in ("figure", "table"):
            yield self._picture(element) if tag == "figure" else self._grid(element)
        elif tag == "details":
            yield from (self._grid(table, behind=True) for table in element.iter("table"))
        elif re.fullmatch("h[1-6]", tag):
            yield Heading(int(tag[1]), _text(element))
        elif tag in ("ul", "ol"):
            items = (_text(item) for item in element.iter("li"))
            yield Items(tuple(item for item in items if item), tag == "ol")
        elif tag == "pre":
            yield Code("".join(element.itertext()).strip("\n"))
        elif tag == "p" and element.get("class") == "formula":
            yield self._formula(element)
        else:
            yield from self.blocks(element)

    def _next(self, kind: str) -> str:
        self._count[kind] += 1
        return f"{kind}-{self._count[kind]:02}"

    def _picture(self, element: Element) -> Picture:
        images = list(element.iter("img"))
        alt = images[0].get("alt", "") if len(images) == 1 else f"{len(images)} pictures"
        caption = element.find("figcaption")
        return Picture(
            self._next("figure"), alt, () if caption is None else _text(caption), element
        )

    def _formula(self, element: Element) -> Picture:
        alt = next((image.get("alt", "") for image in element.iter("img")), "")
        return Picture(self._next("formula"), alt, (), element)

    def _grid(self, element: Element, *, behind: bool = False) -> Grid:
        name = f"figure-{self._count['figure']:02}" if behind else self._next("table")
        caption = element.find("caption")
        cells = [list(row) for row in element.iter("tr")]
        numeric = [k for k, cell in enumerate(cells[-1]) if cell.get("class") == "n"]
        rows = tuple(tuple(plain(_text(cell)) for cell in row) for row in cells)
        return Grid(name, () if caption is None else _text(caption), rows, tuple(numeric))


def _paragraph(run: list[tuple[str, str]]) -> Iterator[Paragraph]:
    if text := _tidy(run):
        yield Paragraph(text)


def _text(element: Element) -> Spans:
    """All text of an element that holds no block of its own, such as a caption or a cell."""
    return _tidy(list(_inside(element, "")))


def _inside(element: Element, kind: str) -> Iterator[tuple[str, str]]:
    yield kind, element.text or ""
    for child in element:
        yield from _inline(child, kind)
        yield kind, child.tail or ""


def _inline(element: Element, kind: str) -> Iterator[tuple[str, str]]:
    """Runs of an element within a line; the innermost kind counts."""
    tag = str(element.tag)
    if tag in APART:
        return
    if tag == "br" or tag in BLOCKS:
        yield kind, " "
    target = element.get("href", "")
    own = f"link {target}" if tag == "a" and not target.startswith("#") else KINDS.get(tag, kind)
    yield from _inside(element, own)


def _tidy(run: list[tuple[str, str]]) -> Spans:
    """White space as a browser shows it, neighbours of one kind joined."""
    joined: list[tuple[str, str]] = []
    for kind, text in run:
        text = re.sub(r"[ \t\r\n]+", " ", text)
        if not joined or joined[-1][1].endswith(" "):
            text = text.lstrip(" ")
        if text and joined and joined[-1][0] == kind:
            joined[-1] = (kind, joined[-1][1] + text)
        elif text:
            joined.append((kind, text))
    if joined:
        joined[-1] = (joined[-1][0], joined[-1][1].rstrip(" "))
    return tuple((kind, text) for kind, text in joined if text)
