"""What a study lies in: a folder, a file or a database, told apart by what is there."""

from __future__ import annotations

from pathlib import Path

from fmnist.importers.external import ExternalStudy, ForeignError, plain
from fmnist.importers.keras_tuner import is_project, read_project
from fmnist.runs.artifacts import RUN

_SQLITE = b"SQLite format 3\0"
_PICKLE = b"\x80"
_ADDRESS = b"postgres"
KINDS = (
    "a keras-tuner project folder, an SQLite or journal file of Optuna, an address "
    "postgresql+psycopg://USER@HOST/DATABASE, or a file that holds one"
)


def open_study(source: str, name: str | None = None) -> ExternalStudy:
    """The study in ``source``; of several the one called ``name``.

    Raises:
        ForeignError: nothing of that kind is there, or it is broken.
    """
    if "://" in source:
        return _by_address(source, name)
    path = Path(source)
    if path.name in ("oracle.json", "tuner0.json"):
        path = path.parent
    if path.is_dir():
        return read_project(_project_in(path))
    if not path.is_file():
        raise ForeignError(f"{plain(source)}: no such file or folder; give {KINDS}")
    return _by_content(path, name)


def _by_address(source: str, name: str | None) -> ExternalStudy:
    scheme, _, rest = source.partition("://")
    if scheme == "sqlite":
        return open_study(rest.removeprefix("/"), name)
    if scheme.split("+")[0] not in ("postgresql", "postgres"):
        raise ForeignError(f"{plain(scheme)}://…: not supported; give {KINDS}")
    from fmnist.errors import StorageError
    from fmnist.integrations.postgresql import refuse_password

    try:
        refuse_password(source)
    except StorageError as error:
        raise ForeignError(str(error).replace("--storage:", "SOURCE:", 1)) from None
    return _by_postgresql(source, None, name)


def _by_postgresql(address: str | None, file: Path | None, name: str | None) -> ExternalStudy:
    """By its address, or by a file of the user's that holds the address with a password."""
    from fmnist.importers.optuna import read_postgresql
    from fmnist.integrations.postgresql import storage_of

    storage = storage_of(address, file)
    assert storage is not None, "an address or a file was given"
    return read_postgresql(storage, name)


def _project_in(folder: Path) -> Path:
    """The folder itself, or the one project in it, as keras-tuner's ``directory`` has it."""
    if is_project(folder):
        return folder
    inside = sorted(f for f in folder.iterdir() if f.is_dir() and is_project(f))
    if len(inside) == 1:
        return inside[0]
    if inside:
        names = ", ".join(plain(f) for f in inside[:20])
        raise ForeignError(f"{folder}: holds {len(inside)} projects; give one of them: {names}")
    if (folder / RUN.name).is_file():
        raise ForeignError(
            f"{folder}: is a run of fmnist already; 'fmnist report {folder}' reports on it"
        )
    raise ForeignError(f"{folder}: no keras-tuner project (no oracle.json, no trial_*/trial.json)")


def _by_content(path: Path, name: str | None) -> ExternalStudy:
    with path.open("rb") as file:
        begin = file.read(200)
    if begin.startswith(_SQLITE):
        from fmnist.importers.optuna import read_sqlite

        return read_sqlite(path, name)
    if begin.startswith(_PICKLE):
        raise ForeignError(
            f"{path}: a pickle, which can hold any program and is never loaded; store the study "
            "with Optuna: optuna.copy_study(from_study_name=…, from_storage=…, "
            "to_storage='sqlite:///study.db')"
        )
    if begin.startswith(_ADDRESS):
        return _by_postgresql(None, path, name)
    from fmnist.importers.optuna import read_journal
    from fmnist.importers.optuna_journal import is_journal

    if is_journal(begin):
        return read_journal(path, name)
    raise ForeignError(f"{path}: neither an SQLite file nor a journal of Optuna; give {KINDS}")
