"""The inside of a child process: takes tasks from a pipe, reports epochs, answers for its errors.

A child never opens the database, outlives several tasks and never its parent.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import faulthandler
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import connection, parent_process
from pathlib import Path

from search.processes.temporary import share_temporary_folder
from search.records import Epoch, Failure, TrialError
from search.tasks import Objective, Task

Initializer = Callable[[], object]
DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
TERMINAL_SIGNALS = {signal.SIGINT, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])}
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Setup:
    """What a child is started with.

    Attributes:
        initializer: called first: imports what is slow to import; its result goes to the parent.
        threads: cores this child may use; None leaves that to the libraries.
        output: file that takes what the child writes to its standard streams.
    """

    initializer: Initializer | None = None
    threads: int | None = None
    output: Path | None = None


def main(pipe: connection.Connection, setup: Setup) -> None:
    """Serve tasks until the parent says None or is gone."""
    _ignore_terminal_signals()
    _exit_with_parent()
    _raise_oom_score()
    share_temporary_folder()
    if setup.output is not None:
        _redirect(setup.output)
    faulthandler.enable()
    if setup.threads is not None:
        _share_cores(setup.threads)
    with contextlib.suppress(EOFError, BrokenPipeError):
        result, broken = _initialize(setup)
        pipe.send(("ready", result))
        _serve(pipe, broken)
    # Not sys.exit: native libraries take seconds to come down, and there is nothing to save.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def _initialize(setup: Setup) -> tuple[object, Failure | None]:
    """What warming up returned; a child that cannot be warmed up says so with its first task."""
    try:
        return (setup.initializer() if setup.initializer is not None else None), None
    except BaseException as error:
        return None, _failure(error)


def _serve(pipe: connection.Connection, broken: Failure | None) -> None:
    objective: Objective | None = None
    while (message := pipe.recv()) is not None:
        if not isinstance(message, Task):
            objective = message
            continue
        assert objective is not None, "the objective comes before the first task"
        pipe.send(("ended", broken or _run(objective, message, pipe)))


def _run(objective: Objective, task: Task, pipe: connection.Connection) -> Failure | None:
    def report(epoch: Epoch) -> int:
        pipe.send(("epoch", epoch))
        remaining: int = pipe.recv()
        return remaining

    try:
        objective(task, report)
    except (EOFError, BrokenPipeError):
        raise
    except BaseException as error:
        return _failure(error)
    return None


def _failure(error: BaseException) -> Failure:
    if isinstance(error, TrialError):
        return Failure(error.kind, str(error))
    if isinstance(error, MemoryError):
        return Failure("memory", str(error) or "out of memory")
    if isinstance(error, OSError) and error.errno in DISK_FULL:
        return Failure("disk", str(error))
    text = f"{type(error).__name__}: {error}"
    trace = "".join(traceback.format_exception(error))
    return Failure("bug", text.splitlines()[0], trace)


def _ignore_terminal_signals() -> None:
    # Ctrl-C and a lost terminal reach the whole process group; the parent decides what they mean.
    for number in TERMINAL_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, TERMINAL_SIGNALS)


def signal_at_parent_death(number: int) -> None:
    """Have the kernel send signal ``number`` here when the parent dies; Linux only."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, number)


def _exit_with_parent() -> None:
    """The kernel does it where it can (Linux); a thread that waits for it everywhere else."""
    parent = parent_process()
    if parent is None:
        return
    signal_at_parent_death(signal.SIGKILL)

    def watch() -> None:
        connection.wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True, name="parent-watch").start()


def _raise_oom_score() -> None:
    # Where memory runs out, the kernel should take a trial and not the study.
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("500")


def _redirect(output: Path) -> None:
    file = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(file, 1)
    os.dup2(file, 2)
    os.close(file)


def _share_cores(threads: int) -> None:
    """Tell the native libraries before they are imported."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = str(threads)
    os.environ["TF_NUM_INTRAOP_THREADS"] = str(threads)
    os.environ["TF_NUM_INTEROP_THREADS"] = str(max(1, threads))
