"""Blocks as one page of Markdown, for pull requests and language models."""

from __future__ import annotations

import re
from collections.abc import Iterable

from fmnist.report.sources.blocks import (
    Block,
    Code,
    Grid,
    Heading,
    Items,
    Paragraph,
    Picture,
    Spans,
)

LONGEST, BETWEEN = 30, 4
"""Letters; the widest that a column of a table is asked to be, and the room beside its text."""
MARKS = {"bold": "**", "italic": "*"}


def markdown(blocks: Iterable[Block]) -> str:
    """The page; its pictures are the SVG files beside it."""
    return "\n\n".join(_block(block) for block in blocks) + "\n"


def _block(block: Block) -> str:
    match block:
        case Heading(level, text):
            return f"{'#' * level} {_spans(text)}"
        case Paragraph(text):
            return _spans(text)
        case Items(items, ordered):
            return "\n".join(
                f"{f'{n}.' if ordered else '-'} {_spans(item)}" for n, item in enumerate(items, 1)
            )
        case Code(text):
            return f"```\n{text}\n```"
        case Picture(name, alt, caption):
            image = f"![{_escape(alt)}]({name}.svg)"
            return f"{image}\n\n{_spans(caption)}" if caption else image
        case Grid():
            return _grid(block)


def _grid(grid: Grid) -> str:
    if not grid.caption:
        return f"Numbers of this figure: [{grid.name}.csv]({grid.name}.csv)"
    head, *rows = [[_escape(cell) for cell in row] for row in grid.rows]
    # Pandoc shares the width of the page out by the lengths of these.
    widths = [min(LONGEST, max(map(len, column))) for column in zip(*grid.rows, strict=True)]
    rule = ["-" * (n + BETWEEN) + ":" * (k in grid.numeric) for k, n in enumerate(widths)]
    lines = [f"| {' | '.join(row)} |" for row in (head, rule, *rows)]
    return f"{_spans(grid.caption)}\n\n" + "\n".join(lines)


def _spans(spans: Spans) -> str:
    return "".join(_span(*span) for span in spans)


def _span(kind: str, text: str) -> str:
    if kind == "code":
        return f"`{text}`"
    text = _escape(text)
    if kind.startswith("link "):
        return f"[{text}](<{kind.removeprefix('link ')}>)"
    mark = MARKS.get(kind, "")
    left, right = text[: len(text) - len(text.lstrip())], text[len(text.rstrip()) :]
    return f"{left}{mark}{text.strip()}{mark}{right}" if text.strip() else text


def _escape(text: str) -> str:
    return re.sub(r"([\\`*_\[\]<>|#~$])", r"\\\1", text)
