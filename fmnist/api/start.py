"""``fmnist.search``: the job of ``fmnist run``, started and followed from Python or a notebook."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from fmnist.api.progress import Progress
from fmnist.api.results import RunResults, open_run
from fmnist.errors import UserError

Event = Mapping[str, Any]
_PACKAGES = Path(__file__).parents[2]


class SearchError(UserError):
    """The job ended without a result; the message is its own.

    Attributes:
        exit_code: as in the README's table.
    """

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def search(
    time: str | None = None, *, on_event: Callable[[Event], object] | None = None, **options: Any
) -> RunResults:
    """Search, confirm, retrain, test and report, as ``fmnist run`` does; wait until it is over.

    The job has a process of its own, so it needs no ``__main__`` guard and outlives a notebook's
    kernel; an interrupt stops it, and the same call with its ``name`` goes on.

    Args:
        time: for the whole job, such as ``"10m"`` or ``"8h"``.
        on_event: hears of everything that happens, as the lines of ``fmnist run --json`` say it;
            left out, the progress is shown.
        **options: those of ``fmnist run`` with underscores: ``trials=20``, ``results="results"``,
            ``no_confirm=True``, ``refit=False``, ``set={"dropout": 0.2}``.

    Raises:
        SearchError: an option is wrong, or the job failed.
        KeyboardInterrupt: it was stopped; an interim report lies in the run folder.
    """
    told = on_event or Progress()
    arguments = ["run", "--json", *_arguments({"time": time, **options})]
    with tempfile.TemporaryFile("w+", encoding="utf-8") as errors:
        with _started(arguments, errors) as process:
            folder = _follow(process, told)
        errors.seek(0)
        complaint = errors.read().strip().removeprefix("fmnist: ")
    if process.returncode == 130:
        raise KeyboardInterrupt(complaint)
    if folder is None or process.returncode not in (0, 5):  # 5: all but the PDF
        raise SearchError(complaint or "the job ended without a word", process.returncode)
    return open_run(folder)


def _arguments(options: Mapping[str, Any]) -> list[str]:
    """Options of the command line: a flag for True and False, each of several values by itself."""
    found = []
    for name, value in options.items():
        option = "--" + name.replace("_", "-")
        if isinstance(value, bool):
            found.append(option if value else option.replace("--", "--no-", 1))
        elif isinstance(value, Mapping):
            found += [f"{option}={key}={_text(item)}" for key, item in value.items()]
        elif isinstance(value, list | tuple):
            found += [f"{option}={_text(item)}" for item in value]
        elif value is not None:
            found.append(f"{option}={_text(value)}")
    return found


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _started(arguments: list[str], errors: Any) -> subprocess.Popen[str]:
    known = [str(_PACKAGES), *filter(None, [os.environ.get("PYTHONPATH")])]
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "fmnist", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=errors,
        text=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONPATH": os.pathsep.join(known), "PYTHONIOENCODING": "utf-8"},
        start_new_session=True,  # Ctrl-C comes through here, once
    )


def _follow(process: subprocess.Popen[str], told: Callable[[Event], object]) -> Path | None:
    """Pass on what happens until the job ends; the folder of its run, once it has said it."""
    assert process.stdout is not None
    folder = None
    while True:
        try:
            for line in process.stdout:
                event = json.loads(line)
                folder = Path(event["run"]) if event["event"] == "begin" else folder
                told(event)
            process.wait()
        except KeyboardInterrupt:
            process.send_signal(signal.SIGINT)
            continue
        return folder
