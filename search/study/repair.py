"""Journals with damaged lines: set aside, and refilled from whatever else knows of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from search.atomic import write_bytes
from search.engines.persistence import free_name
from search.json_lines import all_lines_of, to_line, to_row
from search.records import Trial

_Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Repair:
    """What became of the damaged lines of a journal.

    Attributes:
        damaged: their numbers, from 1.
        kept_as: name of the file that has them now.
        refilled: numbers of the trials that were written anew.
    """

    file: str
    damaged: tuple[int, ...]
    kept_as: str
    refilled: tuple[int, ...] = ()

    def __str__(self) -> str:
        lines = ", ".join(map(str, self.damaged))
        text = f"{self.file}: damaged, line {lines}: kept in {self.kept_as}"
        trials = ", ".join(map(str, self.refilled))
        return f"{text}; trial {trials} written anew from the study" if trials else text


def repair_rows(path: Path, mend: Callable[[_Rows], _Rows] = list) -> Repair | None:
    """Take the damaged lines out of a journal, a torn last one too; None where there are none.

    Args:
        mend: makes of the other rows those that are to stand there.
    """
    rows, damaged = _sorted_out(path)
    if not damaged:
        return None
    target = free_name(path)
    write_bytes(target, b"".join(line + b"\n" for line in damaged.values()))
    write_bytes(path, b"".join(map(to_line, mend(rows))))
    return Repair(path.name, tuple(damaged), target.name)


def repair_trials(path: Path, known: Callable[[], Iterable[Trial]] = tuple) -> Repair | None:
    """The same for a log of trials.

    Args:
        known: the trials that something else knows, asked only if lines are damaged.
    """
    missing: list[Trial] = []

    def refill(rows: _Rows) -> _Rows:
        numbers = {row.get("number") for row in rows}
        missing.extend(trial for trial in known() if trial.number not in numbers)
        return [*rows, *(trial.to_json() for trial in missing)]

    repair = repair_rows(path, refill)
    return repair and replace(repair, refilled=tuple(trial.number for trial in missing))


def repair_epochs(path: Path) -> Repair | None:
    """The same for a journal of epochs; of a trial with a gap the epochs before it stay."""
    return repair_rows(path, _without_gaps)


def _without_gaps(rows: _Rows) -> _Rows:
    reached: dict[Any, int] = {}
    whole = []
    for row in rows:
        trial, epoch = row.get("trial"), row.get("epoch")
        if epoch == reached.get(trial, 0) + 1:
            reached[trial] = epoch
            whole.append(row)
    return whole


def _sorted_out(path: Path) -> tuple[_Rows, dict[int, bytes]]:
    """The rows that are whole, and the damaged lines by number."""
    rows, damaged = [], {}
    for number, line in enumerate(all_lines_of(path), start=1):
        try:
            rows.append(to_row(line))
        except ValueError:
            damaged[number] = line
    return rows, damaged
