"""What every table is: head, rows of text, and which columns hold numbers."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

LINE, DENSE_LINE = 64.0, 70.0
"""Width of the printed page in the type of a table, in em."""
PADDING, DENSE_PADDING = 1.6, 0.9
LONGEST_WORD = 14.0
"""Above it a word of a text is broken; of numbers none is."""


@dataclass(frozen=True)
class Table:
    """A table: texts only.

    Attributes:
        caption: says what it holds.
        head: one text a column.
        rows: texts; the first is the head of its row.
        numeric: columns set flush right.
        foot: how many of the last rows are totals.
        dense: many columns, so a smaller type.
        sortable: whether its rows may be put into another order on the screen.
    """

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: tuple[int, ...] = ()
    foot: int = 0
    dense: bool = False
    sortable: bool = True

    @property
    def widths(self) -> tuple[float, ...]:
        """Per cent of the printed line that each column gets, from the lengths of its texts.

        It is what the automatic layout of CSS would give, which lays out every word to know it.
        """
        line, padding = (DENSE_LINE, DENSE_PADDING) if self.dense else (LINE, PADDING)
        columns = zip(self.head, *self.rows, strict=True)
        spans = [_span(*column, numeric=k in self.numeric) for k, column in enumerate(columns)]
        least, most = (sum(side) for side in zip(*spans, strict=True))
        spare = line - padding * len(spans)
        if most <= spare:
            taken = [padding + high * spare / most for _, high in spans]
        else:
            share = max(0.0, spare - least) / (most - least or 1)
            taken = [padding + low + share * (high - low) for low, high in spans]
        return tuple(round(100 * width / sum(taken), 2) for width in taken)

    def turned(self) -> Table:
        """The same with a column for each row: for few rows of many values."""
        head, *rows = zip(self.head, *self.rows, strict=True)
        numeric = tuple(range(1, len(head)))
        return Table(self.caption, head, tuple(rows), numeric, dense=self.dense, sortable=False)


def _span(head: str, *cells: str, numeric: bool) -> tuple[float, float]:
    """The least and the most width in em that a column can use; its numbers are never broken."""
    words = [_width(word) for text in (head, *cells) for word in text.split()] or [0.0]
    whole = [_width(text) for text in cells] or [0.0]
    least = (
        max(*whole, *map(_width, head.split()), 1.0) if numeric else min(max(words), LONGEST_WORD)
    )
    return least, max(least, _width(head), *whole)


def _width(text: str) -> float:
    """Width of a text in the type of the report, roughly, in em."""
    wide = sum(unicodedata.east_asian_width(c) in "WF" for c in text)
    large = sum(c.isupper() or c.isdigit() for c in text)
    return 0.53 * len(text) + 0.1 * large + 0.5 * wide
