"""Files of a shared study that outlive a machine: checkpoints of trials, the winner's network.

They lie in a folder that all workers see, or in a bucket; the study says which file is whose.
"""

from __future__ import annotations

import logging
import shutil
import tarfile
import tempfile
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Final
from urllib.parse import urlsplit

from optuna.artifacts import Boto3ArtifactStore, FileSystemArtifactStore
from optuna.artifacts.exceptions import ArtifactNotFound

from search.atomic import atomic_write
from search.distributed.storage import StorageError
from search.distributed.study import DistributedStudy
from search.distributed.trial_records import CHECKPOINT

_log = logging.getLogger("search.distributed")
_ARTIFACT: Final = "artifact:"
_CLIENTS: Final = ("boto3", "botocore", "s3transfer")


class FolderStore(FileSystemArtifactStore):
    """Optuna's store in a folder, but each file is there whole or not at all."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        super().__init__(folder)

    def write(self, artifact_id: str, content_body: BinaryIO) -> None:
        """See ``FileSystemArtifactStore.write``."""

        def fill(temporary: Path) -> None:
            with temporary.open("wb") as file:
                shutil.copyfileobj(content_body, file)

        atomic_write(Path(self._get_filepath(artifact_id)), fill)


class BucketStore(Boto3ArtifactStore):
    """Optuna's store in an S3-compatible bucket, below a prefix. S3 writes whole or not at all."""

    def __init__(self, bucket: str, prefix: str) -> None:
        super().__init__(bucket, avoid_buf_copy=False)
        self._prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""

    def open_reader(self, artifact_id: str) -> BinaryIO:
        """See ``Boto3ArtifactStore.open_reader``."""
        return super().open_reader(self._prefix + artifact_id)

    def write(self, artifact_id: str, content_body: BinaryIO) -> None:
        """See ``Boto3ArtifactStore.write``."""
        super().write(self._prefix + artifact_id, content_body)

    def remove(self, artifact_id: str) -> None:
        """See ``Boto3ArtifactStore.remove``."""
        super().remove(self._prefix + artifact_id)


ArtifactStore = FolderStore | BucketStore


def open_artifacts(where: str | Path) -> ArtifactStore:
    """The store in a folder, or at ``s3://bucket/prefix``.

    A bucket's address and keys come from boto3's own places (``AWS_ENDPOINT_URL``,
    ``AWS_ACCESS_KEY_ID``, …): never from here, so that none is logged.

    Raises:
        StorageError: an address of another kind, or boto3 is missing.
        OSError: the folder cannot be made.
    """
    text = str(where)
    if "://" not in text:
        return FolderStore(Path(where))
    parts = urlsplit(text)
    if parts.scheme != "s3" or not parts.netloc or "@" in parts.netloc:
        raise StorageError("artifacts must be a folder or s3://bucket/prefix")
    try:
        return BucketStore(parts.netloc, parts.path)
    except ImportError:
        raise StorageError(f"{text} needs boto3; install: pip install boto3") from None


class CheckpointStore:
    """Checkpoint folders of running trials, for whoever takes one over.

    An error of the store never harms a trial: it is logged, and there is no checkpoint.

    Args:
        every: seconds between two of a trial at least.
    """

    def __init__(self, store: ArtifactStore, study: DistributedStudy, every: float = 60.0) -> None:
        self._store, self._study, self._every = store, study, every
        self._last: dict[int, float] = {}

    def put(self, number: int, folder: Path) -> bool:
        """Keep a trial's folder in place of what was kept of it before; whether it was done.

        The folder must not change meanwhile. ``Study.keep`` calls this.
        """
        now = time.monotonic()
        if not folder.is_dir() or now - self._last.get(number, -self._every) < self._every:
            return False
        done = _try(f"trial {number}: no checkpoint was kept", lambda: self._put(number, folder))
        if done:
            self._last[number] = now
        return done

    def fetch(self, number: int, folder: Path) -> bool:
        """Fill ``folder`` with what a trial was handed on with; false where there is nothing."""
        name = self._study.trial(number).user_attrs.get(CHECKPOINT)
        if name is None:
            return False
        what = f"trial {number}: its checkpoint cannot be read"
        return _try(what, lambda: self._fetch(name, folder))

    def drop(self, number: int) -> None:
        """Delete what was kept of a trial that is over; not of a dead one, whose heir has it."""
        self._last.pop(number, None)
        name = self._study.trial(number).user_attrs.get(CHECKPOINT)
        if name is not None and self._study.recorded(number):
            _remove(self._store, name)

    def _put(self, number: int, folder: Path) -> None:
        former = self._study.trial(number).user_attrs.get(CHECKPOINT)
        name = f"checkpoint-{uuid.uuid4().hex}.tar"
        with tempfile.TemporaryFile() as file:
            with tarfile.open(fileobj=file, mode="w") as archive:
                archive.add(folder, arcname=".")
            file.seek(0)
            self._store.write(name, file)
        # Named only now that it is there; the former one goes once nobody is told of it.
        self._study.attribute(number, CHECKPOINT, name)
        if former is not None:
            _remove(self._store, former)

    def _fetch(self, name: str, folder: Path) -> None:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".fetching-") as there:
            unpacked = Path(there) / "checkpoint"
            with self._store.open_reader(name) as body, tarfile.open(fileobj=body, mode="r|") as a:
                a.extractall(unpacked, filter="data")
            shutil.rmtree(folder, ignore_errors=True)
            unpacked.replace(folder)


def put_file(store: ArtifactStore, study: DistributedStudy, key: str, path: Path) -> None:
    """Keep one file for all workers under ``key``, in place of a former one.

    Raises:
        OSError: the file cannot be read or the store not written.
    """
    former = study.get(_ARTIFACT + key)
    name = f"{uuid.uuid4().hex}{path.suffix}"
    with path.open("rb") as file:
        store.write(name, file)
    study.set(_ARTIFACT + key, name)
    if former is not None:
        _remove(store, former)


def _remove(store: ArtifactStore, name: str) -> None:
    """Delete a file that nobody needs; one that stays does no harm."""
    _try(f"{name} cannot be deleted", lambda: store.remove(name))


def _try(what: str, act: Callable[[], None]) -> bool:
    """Whether ``act`` succeeded; an error of the store or of an archive is logged."""
    try:
        act()
    except Exception as error:
        known = isinstance(error, (ArtifactNotFound, OSError, tarfile.TarError))
        if not known and type(error).__module__.split(".")[0] not in _CLIENTS:
            raise
        _log.warning("%s: %s: %s", what, type(error).__name__, error)
        return False
    return True
