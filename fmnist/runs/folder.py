"""A run folder: its files, its lock, its clock. Every file is written whole or not at all."""

from __future__ import annotations

import logging
import os
import re
import secrets
import shutil
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from filelock import FileLock, Timeout

from fmnist.errors import UserError
from fmnist.runs.artifacts import CHILDREN_LOG, LOG, REPORT, RUN, TRIALS, Artifact
from fmnist.runs.codec import FactsError, decode, encode, toml_text
from fmnist.runs.library_output import libraries_into
from fmnist.runs.safe_read import read_bytes
from search.atomic import atomic_write
from search.folders import make_folder
from search.json_lines import to_line
from search.records import Epoch, RecordError, Trial, read_epochs, read_trials

T = TypeVar("T")

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class RunError(UserError):
    """A run folder that is missing, in use, finished or not readable."""

    exit_code = 4


def new_name(now: datetime | None = None) -> str:
    """A name of date and short id, such as ``2026-11-21-7f3a``."""
    return f"{now or datetime.now():%Y-%m-%d}-{secrets.token_hex(2)}"


def utc_now() -> str:
    """The time as an ISO 8601 string in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


class Run:
    """The folder of one run."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def named(cls, results: Path, name: str) -> Run:
        """The run ``name`` under ``results``; a name that is no plain file name is refused."""
        if not _NAME.fullmatch(name):
            raise UserError(
                f"--name {name!r}: use up to 100 letters, digits, '.', '_' and '-', starting "
                "with a letter or digit"
            )
        return cls(results / name)

    @classmethod
    def existing(cls, path: Path) -> Run:
        """An existing run folder.

        Raises:
            RunError: no such folder, or it holds no ``run.toml``.
        """
        if not (path / RUN.name).is_file():
            raise RunError(f"{path}: not a run folder (it has no run.toml)")
        return cls(path)

    def __truediv__(self, file: str | Artifact[Any]) -> Path:
        return self.path / str(file)

    def has(self, file: str | Artifact[Any]) -> bool:
        """Whether the run holds the file."""
        return (self / file).is_file()

    def write(self, artifact: Artifact[T], record: T) -> None:
        """Write a record to its file, whole or not at all; not-a-number is refused."""
        self.write_text(artifact, encode(artifact, record))

    def read(self, artifact: Artifact[T]) -> T:
        """The record in a file; ``RunError`` names the file, and the entry that is wrong."""
        try:
            return decode(artifact, read_bytes(self / artifact))
        except FactsError as error:
            raise RunError(f"{self.path}/{error}") from None

    def get(self, artifact: Artifact[T]) -> T | None:
        """The record in a file; None where the stage that writes it has not been."""
        return self.read(artifact) if self.has(artifact) else None

    def trials(self, log: Artifact[Trial] = TRIALS) -> list[Trial]:
        """The finished trials of a log that another process may be writing; it is not mended.

        Raises:
            RunError: a line that is no trial.
        """
        try:
            return read_trials(self / log)
        except RecordError as error:
            raise RunError(f"{error}; fmnist check --repair mends it") from None

    def epochs(self, journal: Artifact[Epoch]) -> dict[int, list[Epoch]]:
        """The epochs of a journal by training, as ``trials`` reads a log.

        Raises:
            RunError: a line that is no epoch.
        """
        try:
            return read_epochs(self / journal)
        except RecordError as error:
            raise RunError(f"{error}; fmnist check --repair mends it") from None

    def write_text(self, file: str | Artifact[Any], text: str) -> None:
        """Write a text file, whole or not at all."""
        atomic_write(self / file, lambda path: _write(path, text))

    def write_rows(self, file: str | Artifact[Any], rows: Iterable[Mapping[str, Any]]) -> None:
        """Write a file of JSON objects, one a line, each with its checksum."""
        self.write_text(file, b"".join(map(to_line, rows)).decode())

    def write_arrays(self, file: str | Artifact[Any], **arrays: np.ndarray[Any, Any]) -> None:
        """Write a compressed ``.npz``."""
        atomic_write(
            self / file, lambda path: np.savez_compressed(path, allow_pickle=False, **arrays)
        )

    def write_toml(self, file: str | Artifact[Any], data: dict[str, Any]) -> None:
        """Write a TOML file; ``None`` values are left out, since TOML has none."""
        self.write_text(file, toml_text(data))

    def read_toml(self, name: str | Artifact[Any]) -> dict[str, Any]:
        """Read a TOML file; ``RunError`` names the file that is missing or broken."""
        try:
            return tomllib.loads(read_bytes(self / name).decode("utf-8"))
        except (FactsError, ValueError, RecursionError) as error:
            raise RunError(f"{self / name}: cannot be read: {error}") from None

    def renew_cover(self, texts: Mapping[str, Any]) -> dict[str, Any]:
        """Have the cover say ``texts``, those that are not empty; returns what is new."""
        record = self.read_toml(RUN)
        said = record.get("document", {})
        new = {name: text for name, text in texts.items() if text not in ("", said.get(name))}
        if new:
            self.write_toml(RUN, {**record, "document": {**said, **new}})
        return new

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder for this process.

        Raises:
            RunError: another process holds it; the message names that process.
        """
        try:
            make_folder(self.path)
        except OSError as error:
            raise RunError(
                f"{self.path}: cannot be made: {error.strerror}; choose another folder with "
                "--results"
            ) from None
        owner = self.path / ".owner"
        lock = FileLock(self.path / ".lock", timeout=0)
        try:
            lock.acquire()
        except Timeout:
            pid = owner.read_text().strip() if owner.exists() else "unknown"
            raise RunError(
                f"{self.path}: in use by process {pid}; wait for it, or give another --name"
            ) from None
        try:
            owner.write_text(str(os.getpid()))
            yield
        finally:
            owner.unlink(missing_ok=True)
            lock.release()

    @contextmanager
    def logging(self, logger: logging.Logger) -> Iterator[None]:
        """Have ``logger`` write to ``run.log``; what ends the work with an error goes there too.

        A folder in which nothing was asked yet (no ``run.toml``) is removed after an error: no
        data found, say.
        """
        handler = _Quiet(self / LOG, encoding="utf-8")
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
        logger.setLevel(logging.INFO)
        logger.propagate = False
        logger.addHandler(handler)
        try:
            with libraries_into(self / CHILDREN_LOG):
                yield
        except BaseException as error:
            trace = None if isinstance(error, UserError) else error
            said = f"{type(error).__name__}: {error}".rstrip(": ") if trace else str(error)
            logger.error("stopped: %s", " ".join(said.split()), exc_info=trace)
            if not self.has(RUN):
                shutil.rmtree(self.path, ignore_errors=True)
            raise
        finally:
            logger.removeHandler(handler)
            handler.close()

    def busy(self) -> bool:
        """Whether another process holds the folder now; also where this one may only read."""
        lock = FileLock(self.path / ".lock", timeout=0)
        try:
            lock.acquire()
        except Timeout:
            return True
        except OSError:  # another user's, or on a medium that cannot be written
            return _locked_by_another(self.path / ".lock")
        lock.release()
        return False


class _Quiet(logging.FileHandler):
    """A log that cannot be written (a full disk) is no reason for noise or failure."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """Nothing: what matters is said by what raised it."""


def unfinished(results: Path, request: dict[str, Any]) -> Run | None:
    """The newest run under ``results`` that was asked the same, has no report, and is ours."""
    found = []
    for file in results.glob(f"*/{RUN}"):
        run = Run(file.parent)
        if run.has(REPORT) or not os.access(run.path, os.W_OK) or run.busy():
            continue
        try:
            record = run.read_toml(RUN)
        except RunError:
            continue
        if record.get("request") == request:
            found.append((str(record.get("created")), run))
    return max(found, key=lambda pair: pair[0])[1] if found else None


def _locked_by_another(lock: Path) -> bool:
    """Ask for a share in a lock that may only be read."""
    try:
        import fcntl

        with lock.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except (ImportError, OSError):  # Windows; no lock was ever taken
        return False
    return False


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")
