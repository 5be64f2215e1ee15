"""The data set as Keras brings it: its folder of earlier downloads, or its download."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import io
import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from fmnist.data.dataset import Part, RawData
from fmnist.data.formats import idx
from fmnist.errors import DataError

_SOURCE = "Keras (keras.datasets.fashion_mnist)"
STALL_SECONDS = 20.0
"""Waiting for the download to move on before the next source is tried."""
_SOCKET_SECONDS = 10.0


def keras_folder() -> Path:
    """Where Keras keeps this data set: below KERAS_HOME, or ``~/.keras``."""
    home = os.environ.get("KERAS_HOME") or "~/.keras"
    home = os.path.expanduser(home)  # noqa: PTH111 - no home is no error
    return Path(home) / "datasets" / "fashion-mnist"


def is_cached() -> bool:
    """Whether Keras has all four files."""
    return len(idx.find_files(keras_folder())) == 4


def read_cached() -> RawData:
    """Read what Keras downloaded earlier, without importing it.

    Raises:
        DataError: nothing is there, or a file is damaged.
    """
    folder = keras_folder()
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder (Keras has not downloaded the data set)")
    return idx.read_folder(folder, _SOURCE)


def can_fetch() -> bool:
    """Whether Keras is installed; it is not imported."""
    return importlib.util.find_spec("keras") is not None


def fetch(stall_seconds: float = STALL_SECONDS) -> RawData:
    """Let Keras download the data set (30 MB).

    The download runs in a thread that is given up when nothing arrives for ``stall_seconds``,
    so that a machine without network moves on (a socket's time limit covers neither the name
    look-up nor the number of addresses tried).

    Raises:
        DataError: Keras cannot be imported, the download failed or stalled.
    """
    module = _import()
    outcome: dict[str, Any] = {}
    thread = threading.Thread(target=_download, args=(module, outcome), daemon=True)
    with _quiet():
        thread.start()
        _wait(thread, stall_seconds)
    if thread.is_alive():
        raise DataError(f"no bytes arrived for {stall_seconds:g} s (is there a network?)")
    if "error" in outcome:
        raise DataError(f"the download failed: {_one_line(outcome['error'])}{_torn()}")
    return _raw(outcome["data"])


def _torn() -> str:
    """The file that an interrupted download left behind, which Keras takes for whole."""
    for path in idx.find_files(keras_folder()).values():
        try:
            idx.read_bytes(path)
        except DataError:
            return f"; {path} is half a file of an earlier download: delete it and try again"
    return ""


def _import() -> Any:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with contextlib.redirect_stderr(io.StringIO()):
        try:
            return importlib.import_module("keras.datasets.fashion_mnist")
        except Exception as error:  # a backend can fail in any way
            raise DataError(f"Keras cannot be imported: {_one_line(error)}") from None


def _download(module: Any, outcome: dict[str, Any]) -> None:
    try:
        outcome["data"] = module.load_data()
    except BaseException as error:  # handed to the thread that waits
        outcome["error"] = error


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """No progress bars, and sockets that do not wait for ever."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_SOCKET_SECONDS)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        socket.setdefaulttimeout(before)


def _wait(thread: threading.Thread, stall_seconds: float) -> None:
    """Wait while the thread lives and bytes arrive in Keras's folder."""
    seen, since = -1, time.monotonic()
    while thread.is_alive() and time.monotonic() - since < stall_seconds:
        thread.join(min(0.2, stall_seconds))
        size = _size(keras_folder())
        if size != seen:
            seen, since = size, time.monotonic()


def _size(folder: Path) -> int:
    total = 0
    for path in folder.glob("*"):
        with contextlib.suppress(OSError):
            total += path.stat().st_size
    return total


def _one_line(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0]


def _raw(data: Any) -> RawData:
    parts = []
    for half, (images, labels) in zip(("training", "test"), data, strict=True):
        file = f"{_SOURCE}: {half}"
        parts.append(Part(np.asarray(images, np.uint8), np.asarray(labels, np.int64), file, file))
    return RawData(parts[0], parts[1], _SOURCE, "fashion-mnist")
