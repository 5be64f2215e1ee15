"""``fmnist worker`` as a process: a folder and a name of its own, and a watch that restarts it."""

from __future__ import annotations

import itertools
import os
import platform
import re
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from filelock import FileLock, Timeout

from fmnist.errors import EXIT_CODES, StorageError, UserError
from fmnist.integrations.postgresql import VARIABLE, Storage
from fmnist.pipeline.progress import ProgressDisplay
from fmnist.runs import library_output
from fmnist.runs.folder import Run, RunError

_NAME_FILE, _LOCK = "name.txt", ".lock"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_KEPT = "_FMNIST_KEPT"
"""Set for the process that is watched: its folder is locked by the one that watches."""
# What Python returns for an exception that nobody caught: to be tried again.
_CRASH = 1


@dataclass(frozen=True)
class WorkerRequest:
    """What ``fmnist worker`` was asked for; see its options."""

    storage: Storage | None
    study: str
    display: ProgressDisplay
    name: str | None = None
    folder: Path | None = None
    data: Path | None = None
    jobs: int | Literal["auto"] = "auto"
    restart: bool = True
    flags: tuple[str, ...] = ()


def run_worker(asked: WorkerRequest) -> int:
    """``fmnist worker``: work, or watch a process that does; returns the exit code.

    Raises:
        UserError: no storage, a name that will not do, a folder in use; see ``Worker.execute``.
    """
    if asked.storage is None:
        raise StorageError(
            f"where is the study? Give --storage-file FILE, or the URL in {VARIABLE}, or "
            "--storage URL"
        )
    Run.named(Path(), asked.study)  # refuses what is no plain name
    if asked.name is not None and not _NAME.fullmatch(asked.name):
        raise UserError(f"--name {asked.name!r}: use up to 100 letters, digits, '.', '_' and '-'")
    if os.environ.get(_KEPT):
        assert asked.folder is not None
        return _work(asked, asked.storage, asked.folder)
    with locked_worker_folder(asked.folder, asked.study) as folder:
        work = _watched if asked.restart else _work
        return work(asked, asked.storage, folder)


def _work(asked: WorkerRequest, storage: Storage, folder: Path) -> int:
    from fmnist.distributed.worker import Worker

    worker = Worker(
        storage=storage,
        study=asked.study,
        name=asked.name or load_or_make_worker_name(folder),
        folder=folder,
        display=asked.display,
        data=str(asked.data.absolute()) if asked.data else None,
        jobs=asked.jobs,
    )
    return worker.execute()


def _watched(asked: WorkerRequest, storage: Storage, folder: Path) -> int:
    """The same in a process that is started again after a crash."""
    from search.processes.restart import run_with_restarts

    command = [
        *(sys.executable, "-m", "fmnist", "worker", "--study", asked.study),
        *("--folder", str(folder), "--name", asked.name or load_or_make_worker_name(folder)),
        *("--jobs", str(asked.jobs), "--grace", f"{storage.grace}s"),
        *(("--data", str(asked.data.absolute())) if asked.data else ()),
        *asked.flags,
    ]
    # The URL in the environment, which other users do not see.
    os.environ.update({VARIABLE: storage.url, _KEPT: "1"})
    final = tuple(code for code in EXIT_CODES if code != _CRASH)
    return int(
        run_with_restarts(
            command,
            progress=lambda: _finished(folder),
            final=final,
            stderr=library_output.descriptor(),  # what it has to say is for the user
        )
    )


def _finished(folder: Path) -> int:
    """Trials that were recorded in the worker's folder so far."""
    return sum(file.read_bytes().count(b"\n") for file in folder.glob("*/trials.jsonl"))


@contextmanager
def locked_worker_folder(folder: Path | None, study: str) -> Iterator[Path]:
    """A folder that no other worker uses meanwhile: the one given, else the first that is free.

    Raises:
        RunError: the one given is in use.
    """
    if folder is not None:
        candidates = iter([folder])
    else:
        start = f"worker-{study}-{platform.node() or 'host'}"
        candidates = (Path(f"{start}-{number}") for number in itertools.count(1))
    for path in candidates:
        path.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path / _LOCK, timeout=0)
        try:
            lock.acquire()
        except Timeout:
            continue
        with lock:
            yield path.absolute()
            return
    raise RunError(f"--folder {folder}: another worker uses it; give each one its own")


def load_or_make_worker_name(folder: Path) -> str:
    """The worker's name, made once and kept in its folder: host and a few random letters.

    So a worker that comes back is known as the one that it was.
    """
    file = folder / _NAME_FILE
    if not file.is_file():
        host = re.sub(r"[^A-Za-z0-9._-]", "-", platform.node()) or "host"
        Run(folder).write_text(_NAME_FILE, f"{host[:60]}-{secrets.token_hex(2)}\n")
    return file.read_text(encoding="utf-8").strip()
