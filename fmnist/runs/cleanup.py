"""``fmnist clean``: room freed without losing results; whole runs go only when asked for.

What is removed by itself can be made again or is of no use: checkpoints of finished runs, stores
that were damaged and rebuilt, halves of files that a killed process left. A run that a process
holds is left alone, and so is all that no run wrote: links, notes, other folders.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from fmnist.errors import UserError
from fmnist.runs.artifacts import ARTIFACTS, RUN
from fmnist.runs.folder import Run, RunError
from fmnist.runs.listing import Listed, bytes_in, list_runs
from fmnist.text import size
from search.atomic import HALF, halves_of_files

_AGE = re.compile(r"(\d+)([dwh])")
_HOURS = {"h": 1, "d": 24, "w": 7 * 24}
_CHECKPOINTS = "trials"
_DAMAGED = re.compile(r"(study\.db|engine\.json)\.damaged-\d+(-journal|-wal|-shm)?")
_PRODUCED = ("report", "appendix", "interim", "comparison")
_FOLDERS = (_CHECKPOINTS, "ensemble", "questions", "text", "export", "tensorboard")
_LAST = (RUN.name, ".lock")  # until then it is a run folder, should the removing be cut off


@dataclass(frozen=True)
class Removal:
    """What is to go from one run.

    Attributes:
        paths: files and folders in the run's folder.
        why: what they are, for people.
        whole: whether the run itself goes.
        kept: names of what no run wrote, and therefore stays.
    """

    run: Listed
    paths: tuple[Path, ...]
    why: str
    bytes: int
    whole: bool = False
    kept: tuple[str, ...] = ()


@dataclass(frozen=True)
class CleanRequest:
    """What may go besides leftovers.

    Attributes:
        keep: all but so many of the newest runs.
        older_than: seconds since a run was started; with ``keep``, both must hold.
        whole: the runs that were named.
        checkpoints: also those of runs that are not finished, which begin trainings anew then.
    """

    keep: int | None = None
    older_than: float | None = None
    whole: bool = False
    checkpoints: bool = False


def parse_age(text: str) -> float:
    """Seconds of ``12h``, ``30d`` or ``6w``.

    Raises:
        UserError: another form.
    """
    match = _AGE.fullmatch(text)
    if match is None:
        raise UserError(f"--older-than {text}: expected an age such as 12h, 30d or 6w")
    return int(match[1]) * _HOURS[match[2]] * 3600.0


def select_runs(results: Path, folders: Sequence[Path]) -> list[Listed]:
    """The runs that were named, or all under ``results``, newest first; links are none.

    Raises:
        RunError: a named folder is a link or no run.
    """
    if not folders:
        return [r for r in list_runs(results) if not Path(r.path).is_symlink()]
    found = []
    for folder in dict.fromkeys(f.absolute() for f in folders):
        if folder.is_symlink():
            raise RunError(f"{folder}: a link; name the folder itself")
        Run.existing(folder)
        found += [r for r in list_runs(folder.parent) if r.name == folder.name]
    return sorted(found, key=lambda r: r.started, reverse=True)


def plan_removals(
    runs: Sequence[Listed], request: CleanRequest, now: datetime | None = None
) -> Iterator[Removal]:
    """What would go from ``runs``, newest first; nothing from one that runs or is damaged."""
    now = now or datetime.now(UTC)
    for place, run in enumerate(runs):
        if run.state in ("running", "damaged"):
            continue
        removal = _whole(run) if _too_many(run, place, request, now) else _leftovers(run, request)
        if removal.paths:
            yield removal


def _too_many(run: Listed, place: int, request: CleanRequest, now: datetime) -> bool:
    if request.whole:
        return True
    rules = []
    if request.keep is not None:
        rules.append(place >= request.keep)
    if request.older_than is not None:
        started = datetime.fromisoformat(run.started)
        rules.append(now - started > timedelta(seconds=request.older_than))
    return bool(rules) and all(rules)


def _leftovers(run: Listed, request: CleanRequest) -> Removal:
    folder = Path(run.path)
    found: dict[str, list[Path]] = {"checkpoints": [], "damaged stores": [], "halves of files": []}
    if run.state == "finished" or request.checkpoints:
        found["checkpoints"] = [p for p in [folder / _CHECKPOINTS] if _real(p)]
    found["damaged stores"] = [p for p in folder.iterdir() if _named(p, _DAMAGED)]
    found["halves of files"] = halves_of_files(folder)
    # What lies in the checkpoints goes with them.
    found["halves of files"] = [
        p for p in found["halves of files"] if not set(found["checkpoints"]) & set(p.parents)
    ]
    paths = tuple(p for group in found.values() for p in group)
    why = ", ".join(name for name, group in found.items() if group)
    return Removal(run, paths, why, _sum(paths))


def _whole(run: Listed) -> Removal:
    folder = Path(run.path)
    ours = {p for p in folder.iterdir() if _is_ours(p)}
    kept = tuple(sorted(p.name for p in folder.iterdir() if p not in ours))
    # The largest first, and what makes it a run at the end.
    order = sorted(ours, key=lambda p: (p.name in _LAST, -bytes_in(p)))
    why = f"the whole run, {run.state}"
    return Removal(run, tuple(order), why, _sum(order), whole=True, kept=kept)


def _is_ours(path: Path) -> bool:
    if path.is_symlink():
        return False
    if path.is_dir():
        return path.name in _FOLDERS
    produced = path.suffix in (".html", ".pdf") and path.stem in _PRODUCED
    known = path.name in (*map(str, ARTIFACTS), ".owner", *_LAST)
    return produced or known or _named(path, _DAMAGED) or _named(path, HALF)


def remove(removal: Removal) -> int:
    """Remove it, with the run's folder held meanwhile; returns the bytes freed.

    Raises:
        RunError: a process took the run up in the meantime.
        OSError: something could not be removed; the rest stays.
    """
    run = Run(Path(removal.run.path))
    before = bytes_in(run.path)
    with run.locked():
        for path in removal.paths:
            if path.name != ".lock":
                _remove(path)
    if removal.whole:
        _remove(run / ".lock")  # Windows removes no file that is open
        if not any(run.path.iterdir()):
            run.path.rmdir()
    return before - (bytes_in(run.path) if run.path.is_dir() else 0)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)  # removes links, never what they point at
    else:
        path.unlink(missing_ok=True)


def describe(planned: Iterable[Removal]) -> Iterator[str]:
    """What would go, a line a run, and what stays of it."""
    for removal in planned:
        yield f"{size(removal.bytes):>7}  {removal.run.name}: {removal.why}"
        if removal.kept:
            yield f"{'':9}stays, since no run wrote it: {', '.join(removal.kept)}"


def _named(path: Path, pattern: re.Pattern[str]) -> bool:
    return bool(pattern.fullmatch(path.name)) and path.is_file() and not path.is_symlink()


def _real(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _sum(paths: Iterable[Path]) -> int:
    return sum(bytes_in(path) for path in paths)
