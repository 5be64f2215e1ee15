"""What every table is: head, rows of text, and which columns hold numbers."""

from __future__ import annotations

from dataclasses import dataclass


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

    def turned(self) -> Table:
        """The same with a column for each row: for few rows of many values."""
        head, *rows = zip(self.head, *self.rows, strict=True)
        numeric = tuple(range(1, len(head)))
        return Table(self.caption, head, tuple(rows), numeric, dense=self.dense, sortable=False)
