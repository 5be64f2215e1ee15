"""Facts and columns. Nothing is wrapped unless asked: paths and commands are there to be copied."""

from __future__ import annotations

import io
from collections.abc import Iterable

from rich.console import Console, RenderableType
from rich.table import Table

_UNLIMITED = 100_000
_LABEL = 13


def render(*parts: RenderableType, width: int = _UNLIMITED, color: bool = False) -> str:
    """Return the parts, one below the other, as text of at most ``width`` columns."""
    buffer = io.StringIO()
    console = Console(
        file=buffer, width=width, force_terminal=color, color_system="standard" if color else None,
        highlight=False, emoji=False, markup=False,
    )  # fmt: skip
    console.print(*parts, sep="\n")
    return "\n".join(line.rstrip() for line in buffer.getvalue().splitlines())


def facts(rows: Iterable[tuple[str, str]]) -> str:
    """Return a line a fact: its label, and what there is to say."""
    table = Table.grid(padding=(0, 2))
    table.add_column(min_width=_LABEL, no_wrap=True)
    table.add_column(no_wrap=True)
    for row in rows:
        table.add_row(*row)
    return render(table)
