"""Checkpoints of trials under way: where they lie, and how they reach another machine."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from search.records import Epoch


@dataclass(frozen=True)
class CheckpointFolder:
    """Where trials keep their checkpoints, each in a folder of its own.

    Attributes:
        path: the folder of those folders; None: trials keep no checkpoint.
        epochs_in: the epochs behind the checkpoint in a trial's folder; none where there is none.
        upload: called with a trial's number and folder after every epoch but its last: carries
            the checkpoint to where another machine finds it.
        download: called with the number and folder of a trial taken over from a dead worker:
            brings that worker's checkpoint, where there is one.
    """

    path: Path | None = None
    epochs_in: Callable[[Path], Sequence[Epoch]] = lambda _: ()
    upload: Callable[[int, Path], object] | None = None
    download: Callable[[int, Path], object] | None = None

    def of(self, number: int) -> Path | None:
        """The folder of trial ``number``."""
        return self.path and self.path / f"{number:04d}"

    def epochs(self, number: int) -> Sequence[Epoch]:
        """The epochs that trial ``number`` has behind its checkpoint."""
        folder = self.of(number)
        return self.epochs_in(folder) if folder is not None else ()

    def keep(self, number: int) -> None:
        """Have another machine find the checkpoint; it must not change meanwhile."""
        folder = self.of(number)
        if folder is not None and self.upload is not None:
            self.upload(number, folder)

    def fetch(self, number: int) -> Sequence[Epoch]:
        """Bring a dead worker's checkpoint, unless there is one here; the epochs behind it."""
        folder = self.of(number)
        if folder is None or self.download is None or self.epochs_in(folder):
            return ()
        self.download(number, folder)
        return self.epochs_in(folder)

    def remove(self, number: int) -> None:
        """Delete what trial ``number`` has kept."""
        folder = self.of(number)
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)
