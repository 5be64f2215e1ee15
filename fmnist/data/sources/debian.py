"""The data set as Debian and Ubuntu carry it: installed, or fetched with apt without root."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from fmnist.data.dataset import RawData
from fmnist.data.formats import idx
from fmnist.errors import DataError

PACKAGE = "dataset-fashion-mnist"
INSTALLED_FOLDER = Path("/usr/share/datasets/fashion-mnist")
_SOURCE = f"Debian package {PACKAGE}"
_LIMIT_SECONDS = 600


def is_installed(folder: Path = INSTALLED_FOLDER) -> bool:
    """Whether the package is installed on this machine."""
    return len(idx.find_files(folder)) == 4


def read_installed(folder: Path = INSTALLED_FOLDER) -> RawData:
    """Read the installed package.

    Raises:
        DataError: it is not installed, or a file is damaged.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder (the package {PACKAGE} is not installed)")
    return idx.read_folder(folder, _SOURCE)


def can_fetch() -> bool:
    """Whether apt-get and dpkg-deb are on this machine."""
    return all(shutil.which(tool) for tool in ("apt-get", "dpkg-deb"))


def fetch(cache: Path) -> RawData:
    """Download the package (31 MB) into the cache folder and read it; needs no root.

    The system's package lists are tried first; where they are empty, as in a container, lists
    are fetched into a folder of our own.

    Raises:
        DataError: no apt on this machine, or one of its commands failed.
    """
    if not can_fetch():
        raise DataError("apt-get or dpkg-deb is not on this machine (it is not Debian or Ubuntu)")
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="apt-", dir=cache) as name:
            return _fetch_into(Path(name))
    except OSError as error:
        raise DataError(f"{cache}: the package could not be stored: {error}") from None


def apt_command(work: Path, *, own_lists: bool) -> list[str]:
    """The apt-get command without its verb: short waits, and nothing written outside ``work``."""
    options = [f"Dir::Cache={work / 'cache'}", "APT::Sandbox::User="]
    options += ["Acquire::Retries=0", "Acquire::http::Timeout=10", "Acquire::https::Timeout=10"]
    if own_lists:
        options.append(f"Dir::State::Lists={work / 'lists'}")
    return ["apt-get", "-q", *(word for option in options for word in ("-o", option))]


def _fetch_into(work: Path) -> RawData:
    for folder in ("cache", "lists/partial"):
        (work / folder).mkdir(parents=True)
    try:
        _run([*apt_command(work, own_lists=False), "download", PACKAGE], work)
    except DataError:
        apt = apt_command(work, own_lists=True)
        _run([*apt, "update"], work)
        _run([*apt, "download", PACKAGE], work)
    archives = sorted(work.glob("*.deb"))
    if not archives:
        raise DataError(f"apt-get download {PACKAGE} left no .deb file")
    _run(["dpkg-deb", "-x", str(archives[-1]), str(work / "unpacked")], work)
    return idx.read_folder(work / "unpacked" / INSTALLED_FOLDER.relative_to("/"), _SOURCE)


def _run(command: Sequence[str], folder: Path) -> None:
    """Run a command in ``folder``; ``DataError`` carries the last line it wrote."""
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_LIMIT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise DataError(f"{command[0]} took longer than {_LIMIT_SECONDS} s") from None
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines() or ["no message"]
        verb = " ".join(word for word in command[1:] if word in ("update", "download", PACKAGE))
        raise DataError(f"{command[0]} {verb} failed: {said[-1]}".replace("  ", " "))
