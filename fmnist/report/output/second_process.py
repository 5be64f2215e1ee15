"""Two documents printed side by side: one by a process of its own, with the same bytes."""

from __future__ import annotations

import contextlib
import gc
import multiprocessing
import signal
from collections.abc import Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any

from fmnist.report.output.pdf import Printed, print_document
from search.processes.handle import nothing_foreign_imported
from search.processes.supervisor import available_cores
from search.processes.temporary import make_temporary_folder, share_temporary_folder

_COLLECTED_AFTER = 100_000
"""Objects between two searches for garbage, which took an eighth of the time at Python's 700."""


@contextlib.contextmanager
def seldom_collected() -> Iterator[None]:
    """Search for garbage more seldom: documents and plots are many objects that all stay."""
    before = gc.get_threshold()
    gc.set_threshold(_COLLECTED_AFTER, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


@dataclass
class Printer:
    """Prints one document in the second process; itself where there is none.

    Attributes:
        pipe: to the process; None on a single core, where it would gain nothing.
    """

    pipe: Connection | None
    _job: tuple[Any, ...] = field(default=(), init=False)

    def begin(self, *job: Any) -> None:
        """Hand over the arguments of ``print_document`` and go on."""
        self._job = job
        if self.pipe is not None:
            with contextlib.suppress(OSError):  # it has died, which is noticed later
                self.pipe.send(job)

    def result(self) -> Printed:
        """Wait for the document; a process that died, such as for want of memory, is replaced.

        Raises:
            PrintingError: see ``lay_out``.
        """
        done: Printed | Exception | None = None
        if self.pipe is not None:
            with contextlib.suppress(EOFError, OSError):
                done = self.pipe.recv()
        if isinstance(done, Exception):
            raise done
        return done or print_document(*self._job)


@contextlib.contextmanager
def printer(*, wanted: bool = True) -> Iterator[Printer]:
    """A printer that has its process while there is a second core; it makes ready at once."""
    if not wanted or available_cores() < 2:
        yield Printer(None)
        return
    context = multiprocessing.get_context("spawn")
    make_temporary_folder()
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs,), name="printer", daemon=True)
    with nothing_foreign_imported(main=False):
        process.start()
    theirs.close()
    try:
        yield Printer(ours)
    finally:
        ours.close()
        process.kill()
        process.join()


def _serve(pipe: Connection) -> None:
    share_temporary_folder()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent is told too, and ends it
    with contextlib.suppress(OSError):  # no Pango, which the parent tells
        import weasyprint  # noqa: F401
    with contextlib.suppress(EOFError, OSError):
        job = pipe.recv()
        try:
            with seldom_collected():
                pipe.send(print_document(*job))
        except Exception as error:
            pipe.send(error)
