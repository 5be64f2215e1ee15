"""The winner for everybody: its network and configuration in the artifact store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fmnist.errors import StorageError
from fmnist.integrations.postgresql import Storage, connected
from fmnist.runs.artifacts import BEST_CONFIG, MODEL, PUBLISHED
from fmnist.runs.folder import utc_now
from fmnist.runs.records.workers import PublishedModel

if TYPE_CHECKING:
    from fmnist.pipeline.context import Context

FILES = (MODEL.name, BEST_CONFIG.name)


def publish(job: Context, storage: Storage, study_name: str) -> None:
    """Put the final network and its configuration into the store, named in the study.

    A store or a database that is gone by now costs no report.
    """
    assert storage.artifacts is not None
    from search.distributed import DistributedStudy
    from search.distributed.artifacts import open_artifacts, put_file

    try:
        with connected(storage) as opened:
            study = DistributedStudy.find(opened, study_name)
            if study is None:
                raise StorageError(f"the study {study_name} is gone")
            store = open_artifacts(storage.artifacts)
            for name in FILES:
                put_file(store, study, name, job.run / name)
            study.set("winner", {"run": job.run.path.name, "files": list(FILES)})
    except Exception as error:
        problem = storage.clean(f"{type(error).__name__}: {error}")
        job.note("publish", f"{' and '.join(FILES)} are in this folder only: {problem}")
        return
    job.run.write(PUBLISHED, PublishedModel(storage.artifacts, FILES, utc_now()))
