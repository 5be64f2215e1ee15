"""``fmnist dashboard``: optuna-dashboard on the study of a run, looked at through a copy.

The run's own ``study.db`` is only read, with SQLite's backup, which waits for a writer and takes
milliseconds; the dashboard gets the copy, and no request may change even that. It listens on the
loopback, and answers only to this machine's names, so no page of another site can ask it.
"""

from __future__ import annotations

import contextlib
import importlib.util
import logging
import shutil
import sqlite3
import tempfile
import threading
import webbrowser
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING, Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from fmnist.errors import UserError
from fmnist.runs.artifacts import RUN
from fmnist.runs.folder import Run, RunError
from search.processes.interrupt import Interrupt

if TYPE_CHECKING:
    from optuna.storages import BaseStorage, RDBStorage

    from fmnist.integrations.postgresql import Storage

HOST = "127.0.0.1"
STUDY = "study.db"
_NAMES = {HOST, "localhost"}
_READING = {"GET", "HEAD"}
_BUSY_SECONDS = 5.0  # how long a copy waits for a writer
_POLL_SECONDS = 0.5
_CONNECT_SECONDS = 10
App = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def serve(
    folder: Path,
    *,
    port: int,
    browser: bool,
    tell: Callable[[str], object],
    shared: Storage | None = None,
) -> int:
    """Show the study of the run in ``folder`` until Ctrl-C or SIGTERM; returns the exit code.

    Args:
        tell: called with the address.
        shared: the database of a study that machines share.

    Raises:
        RunError: no run, or one without an Optuna study.
        StorageError: the shared study's database was not named or cannot be reached.
        UserError: optuna-dashboard is not installed, or the port is taken.
    """
    run = Run.existing(folder)
    check_installed()
    with opened(run, shared) as (storage, refresh), Interrupt() as interrupt:
        server = server_of(storage, port, refresh)
        with server:
            thread = threading.Thread(target=server.serve_forever, daemon=True)
            thread.start()
            address = f"http://{HOST}:{server.server_port}/"
            tell(address)
            if browser:
                webbrowser.open(address)
            while not interrupt.requested:
                thread.join(_POLL_SECONDS)
            server.shutdown()
    return 0


def check_installed() -> None:
    """Raise ``UserError`` with the remedy where optuna-dashboard is not installed."""
    if importlib.util.find_spec("optuna_dashboard") is None:
        raise UserError(
            "fmnist dashboard needs optuna-dashboard, which is not installed; install it with: "
            "pip install optuna-dashboard  (the extra 'dashboard')"
        )


@contextlib.contextmanager
def opened(
    run: Run, shared: Storage | None = None
) -> Iterator[tuple[BaseStorage, Callable[[], None]]]:
    """A storage that shows the study of ``run``, and what brings it up to date.

    Raises:
        RunError: the run has no Optuna study, or it cannot be read.
        StorageError: the shared study's database was not named or cannot be reached.
    """
    from optuna.storages import RDBStorage

    with contextlib.ExitStack() as stack:
        if run.read_toml(RUN).get("request", {}).get("study"):
            storage, refresh = _reached(run, shared), lambda: None
        elif run.has(STUDY):
            folder = tempfile.TemporaryDirectory(prefix="fmnist-dashboard-")
            copy = Copy(run / STUDY, Path(stack.enter_context(folder)) / STUDY)
            copy.refresh()
            storage, refresh = RDBStorage(f"sqlite:///{copy.target}"), copy.refresh
        else:
            raise RunError(f"{run.path}: {_without(run)}")
        stack.callback(storage.engine.dispose)
        stack.callback(storage.remove_session)
        yield storage, refresh


def _reached(run: Run, shared: Storage | None) -> RDBStorage:
    """The database of a study that machines share; all its studies are shown."""
    from optuna.exceptions import StorageInternalError
    from optuna.storages import RDBStorage
    from sqlalchemy.exc import SQLAlchemyError

    from fmnist.errors import StorageError
    from fmnist.integrations.postgresql import VARIABLE

    if shared is None:
        raise StorageError(
            f"{run.path}: machines shared its study, in a database; give --storage-file FILE, or "
            f"the URL in {VARIABLE}, or --storage URL"
        )
    waiting = {"connect_args": {"connect_timeout": _CONNECT_SECONDS}, "pool_pre_ping": True}
    try:
        return RDBStorage(shared.url, engine_kwargs=waiting, skip_table_creation=True)
    except (SQLAlchemyError, StorageInternalError, ImportError, RuntimeError) as error:
        reason = shared.clean(str(error.__cause__ or error)).splitlines()[0]
        raise StorageError(f"{shared.shown}: cannot be reached: {reason}") from None


def _without(run: Run) -> str:
    """Why there is no study to show."""
    whole = run.read_toml(RUN)
    record = whole.get("request", {})
    if whole.get("imported"):
        return "its trials were read in from another study; open that one with optuna-dashboard"
    if record.get("kind") == "train":
        return "one configuration was trained; without a search there is no study to show"
    if record.get("engine") == "keras-tuner":
        return (
            "the search ran with keras-tuner, which keeps no Optuna database; see 'fmnist status' "
            "and the report, or search with --engine optuna"
        )
    return f"there is no {STUDY} yet; the search makes it when it begins"


class Copy:
    """A copy of a study's file, made anew when the file has changed.

    Raises:
        RunError: the file cannot be read as a database.
    """

    def __init__(self, source: Path, target: Path) -> None:
        self.source, self.target = source, target
        self._seen: tuple[int, int] | None = None
        self._lock = threading.Lock()

    def refresh(self) -> None:
        """Bring the copy up to date; where the file cannot be read now, it stays as it was."""
        with self._lock:
            try:
                stat = self.source.stat()
                seen = (stat.st_mtime_ns, stat.st_size)
                if seen != self._seen:
                    self._copy()
                    self._seen = seen
            except (OSError, sqlite3.Error) as error:
                if self._seen is None:
                    raise RunError(f"{self.source}: cannot be read: {error}") from None
                logging.getLogger(__name__).warning("%s: not read: %s", self.source, error)

    def _copy(self) -> None:
        try:
            _backup(self.source, self.target)
        except sqlite3.OperationalError:
            # A killed run left half a transaction beside the file, which a reader may not undo:
            # SQLite undoes it in a copy of both.
            with tempfile.TemporaryDirectory(dir=self.target.parent) as folder:
                halves = Path(folder) / self.source.name
                shutil.copyfile(self.source, halves)
                journal = self.source.with_name(f"{self.source.name}-journal")
                if journal.exists():
                    shutil.copyfile(journal, halves.with_name(f"{halves.name}-journal"))
                _backup(halves, self.target, mode="rw")


def _backup(source: Path, target: Path, mode: str = "ro") -> None:
    address = f"{source.absolute().as_uri()}?mode={mode}"
    with (
        contextlib.closing(sqlite3.connect(address, uri=True, timeout=_BUSY_SECONDS)) as old,
        contextlib.closing(sqlite3.connect(target, timeout=_BUSY_SECONDS)) as new,
    ):
        old.backup(new)


class _Server(ThreadingMixIn, WSGIServer):
    """A thread a request; none outlives the server."""

    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: a page asks every few seconds."""


def server_of(storage: BaseStorage, port: int, refresh: Callable[[], None]) -> WSGIServer:
    """A server of the dashboard on the loopback, bound but not yet serving; 0 is any free port.

    Raises:
        UserError: the port is taken.
    """
    from optuna_dashboard import wsgi

    app = reading_only(wsgi(storage), refresh)
    try:
        return make_server(HOST, port, app, server_class=_Server, handler_class=_Quiet)
    except OSError as error:
        raise UserError(f"--port {port}: {error.strerror}; --port 0 takes a free one") from None


def reading_only(app: App, refresh: Callable[[], None]) -> App:
    """``app``, refreshed before each request; what would change something is refused."""

    def guarded(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        name = str(environ.get("HTTP_HOST", "")).rpartition(":")[0] or environ.get("HTTP_HOST")
        if name not in _NAMES or environ["REQUEST_METHOD"] not in _READING:
            start_response("403 Forbidden", [("Content-Type", "application/json")])
            return [b'{"reason": "fmnist dashboard only shows the study; nothing is changed"}']
        refresh()
        return app(environ, start_response)

    return guarded
