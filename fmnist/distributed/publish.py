"""The winner for everybody: its network and configuration in the artifact store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fmnist.distributed.coordinator import study_name
from fmnist.distributed.storage import StorageError, connected
from fmnist.runs.folder import utc_now

if TYPE_CHECKING:
    from fmnist.pipeline.context import Context

FILES = ("model.keras", "best_config.toml")


def wanted(job: Context) -> bool:
    """Whether there is a store to take the files."""
    return job.shared is not None and job.shared.artifacts is not None


def publish(job: Context) -> None:
    """Put the final network and its configuration into the store, named in the study.

    A store or a database that is gone by now costs no report.
    """
    assert job.shared is not None
    assert job.shared.artifacts is not None
    from search.distributed import SharedStudy
    from search.distributed.artifacts import open_artifacts, put_file

    try:
        with connected(job.shared) as storage:
            study = SharedStudy.find(storage, study_name(job))
            if study is None:
                raise StorageError(f"the study {study_name(job)} is gone")
            store = open_artifacts(job.shared.artifacts)
            for name in FILES:
                put_file(store, study, name, job.run / name)
            study.set("winner", {"run": job.run.path.name, "files": list(FILES)})
    except Exception as error:
        problem = job.shared.clean(f"{type(error).__name__}: {error}")
        job.note("publish", f"{' and '.join(FILES)} are in this folder only: {problem}")
        return
    job.run.write_json(
        "published.json",
        {"schema": 1, "store": job.shared.artifacts, "files": list(FILES), "at": utc_now()},
    )
