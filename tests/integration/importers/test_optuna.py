"""Optuna studies in SQLite and journal files, made by Optuna, become runs."""

import json
import os
import pickle
import shutil
import sqlite3
import tomllib
from types import SimpleNamespace

import optuna
import pytest
from foreign_studies import closed, fmnist, journal_study, objective, sqlite_study
from report_pages import render_html, without_plots

from fmnist import load_config
from fmnist.errors import UserError
from fmnist.importers.detect import open_study
from fmnist.importers.external import ForeignError
from search.records import read_trials
from search.space import SearchSpace

RATE = ("--map", "lr=learning_rate")
STATES = {"COMPLETE": "complete", "PRUNED": "pruned", "FAIL": "failed"}


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """A finished study, and its file."""
    path = tmp_path_factory.mktemp("study") / "study.db"
    return sqlite_study(path), path


def test_every_trial_is_there_with_what_is_known_of_it(study, tmp_path):
    frozen, path = study
    outcome = fmnist("import", path, *RATE, "--name", "cnn", results=tmp_path)
    assert outcome.exit_code == 0, outcome.output
    trials = read_trials(tmp_path / "cnn" / "trials.jsonl")
    assert [t.number for t in trials] == [t.number for t in frozen]
    for ours, theirs in zip(trials, frozen, strict=True):
        assert ours.state == STATES[theirs.state.name]
        assert ours.params["learning_rate"] == theirs.params["lr"]
        assert ours.params["optimizer"] == theirs.params["optimizer"].lower()
        assert ours.reported == tuple(theirs.intermediate_values.items())
        assert ours.seconds == theirs.duration.total_seconds()
        assert (ours.epochs, ours.seed) == ((), None)
    assert [t.value for t in trials if t.state == "complete"] == [
        t.value for t in frozen if t.state.name == "COMPLETE"
    ]
    assert (trials[3].state, trials[3].value) == ("pruned", frozen[3].intermediate_values[2])
    assert (trials[5].failure.kind, trials[5].value) == ("unknown", None)


def test_the_run_says_where_its_trials_come_from(study, tmp_path):
    frozen, path = study
    fmnist("import", path, *RATE, "--set", "flip=false", "--name", "cnn", results=tmp_path)
    run = tmp_path / "cnn"
    imported = tomllib.loads((run / "run.toml").read_text())["imported"]
    assert (imported["kind"], imported["study"]) == ("Optuna study", "cnn")
    assert imported["source"] == str(path)
    assert imported["mapping"]["lr"] == "learning_rate"
    assert imported["settings"] == {"flip": False}
    best = max((t for t in frozen if t.state.name == "COMPLETE"), key=lambda t: t.value)
    config = load_config(run)
    assert (config.learning_rate, config.flip) == (best.params["lr"], False)
    space = SearchSpace.from_json(json.loads((run / "space.json").read_text()))
    assert all(space.contains(t.params) for t in read_trials(run / "trials.jsonl"))
    rate, filters, dropout, _ = space
    assert (rate.low, rate.high, rate.log) == (1e-4, 1e-1, True)
    assert (filters.low, filters.high, filters.step) == (8, 64, 8)
    assert (dropout.low, dropout.high) == (0.0, 0.6)
    assert json.loads((run / "importance.json").read_text())["trials"] == 10


@pytest.mark.slow
def test_folders_whose_names_are_not_utf_8(study, tmp_path):
    """As the archives of other systems leave them."""
    folder = tmp_path / os.fsdecode(b"\xe9tude")
    folder.mkdir()
    shutil.copy(study[1], folder / "study.db")
    done = fmnist("import", folder / "study.db", *RATE, "--name", "cnn", results=tmp_path)
    assert done.exit_code == 0, done.output
    run = shutil.move(tmp_path / "cnn", folder / "cnn")
    assert tomllib.loads((run / "run.toml").read_text())["imported"]["source"].endswith(
        "\\xe9tude/study.db"
    )
    assert load_config(run)
    with without_plots():
        assert render_html(run, interim=True).is_file()


def test_the_file_is_not_changed(study, tmp_path):
    path = study[1]
    before = path.read_bytes()
    fmnist("import", path, *RATE, results=tmp_path)
    assert path.read_bytes() == before
    assert sorted(p.name for p in path.parent.iterdir()) == ["study.db"]


def test_a_study_that_still_goes_on(tmp_path):
    path = tmp_path / "study.db"
    storage = optuna.storages.RDBStorage(f"sqlite:///{path}")
    study = optuna.create_study(storage=storage, direction="maximize")
    study.optimize(objective, n_trials=2)
    running = study.ask()
    running.suggest_float("lr", 1e-4, 1e-1, log=True)
    study.enqueue_trial({"lr": 0.01})
    found = open_study(str(path))  # while it is open
    assert [t.state for t in found.trials] == ["complete", "complete", "failed"]
    assert found.trials[2].failure.kind == "interrupted"
    assert found.notes == ("Left out, as not begun: 1 trial.",)
    closed(storage)


def test_of_several_studies_one_is_named(study, tmp_path):
    path = tmp_path / "both.db"
    path.write_bytes(study[1].read_bytes())
    sqlite_study(path, name="other", trials=1)
    with pytest.raises(ForeignError, match="2 studies; name one with --study: cnn, other"):
        open_study(str(path))
    with pytest.raises(ForeignError, match="no study 'cm'"):
        open_study(str(path), "cm")
    assert len(open_study(f"sqlite:///{path}", "other").trials) == 1


def test_a_journal_is_read_with_its_torn_lines(study, tmp_path):
    path = tmp_path / "journal.log"
    journal_study(path)
    whole = open_study(str(path))
    assert [t.params for t in whole.trials] == [t.params for t in study[0]]
    lines = path.read_bytes().splitlines(keepends=True)
    # A crash in the middle of a line; another worker then writes behind it.
    path.write_bytes(b"".join([*lines[:-1], lines[2][:20], lines[-1], lines[-2][:9]]))
    torn = open_study(str(path))
    assert torn.trials == whole.trials
    assert torn.notes == ("2 torn lines of the journal were passed over.",)
    path.write_bytes(b"".join([*lines, lines[-2][:9]]))
    assert open_study(str(path)).notes == ("1 torn line of the journal was passed over.",)


def test_an_older_schema_is_read_too(study, tmp_path):
    path = tmp_path / "old.db"
    path.write_bytes(study[1].read_bytes())
    connection = sqlite3.connect(path)
    before = connection.execute("SELECT version_num FROM alembic_version").fetchall()
    assert before
    connection.execute("UPDATE version_info SET library_version = '3.0.0'")
    connection.commit()
    connection.close()
    assert len(open_study(str(path)).trials) == 12


@pytest.mark.slow
def test_a_loss_is_refused_and_an_accuracy_beside_it_is_taken(tmp_path):
    path = tmp_path / "study.db"

    def loss(trial):
        return 1 - objective(trial)

    sqlite_study(path, direction="minimize", function=loss)
    refused = fmnist("import", path, *RATE, results=tmp_path)
    assert isinstance(refused.exception, UserError)
    assert "--value accuracy, where the direction was only forgotten" in str(refused.exception)
    assert "--value error" in str(refused.exception)
    assert "--metric: val_accuracy" in str(refused.exception)
    values = []
    for more in (("--value", "error"), ("--metric", "val_accuracy")):
        done = fmnist("import", path, *RATE, *more, "--name", more[1], results=tmp_path)
        assert done.exit_code == 0, done.output
        trials = read_trials(tmp_path / more[1] / "trials.jsonl")
        values.append([t.value for t in trials if t.state == "complete"])
    assert values[0] == pytest.approx(values[1])


def test_accuracies_that_were_minimised_by_oversight(tmp_path):
    path = tmp_path / "study.db"
    frozen = sqlite_study(path, direction="minimize")
    done = fmnist(
        "import", path, *RATE, "--value", "accuracy", "--name", "x", "--json", results=tmp_path
    )
    assert done.exit_code == 0, done.output
    best = max(t.value for t in frozen if t.state.name == "COMPLETE")
    assert json.loads(done.output)["best"]["value"] == best


@pytest.mark.parametrize(
    ("kept", "writable"), [("none", True), ("log", True), ("both", True), ("both", False)]
)
def test_nothing_is_written_beside_a_database_with_a_write_ahead_log(
    study, tmp_path, monkeypatch, kept, writable
):
    writer = sqlite3.connect(tmp_path / "live.db")
    with sqlite3.connect(study[1]) as source:
        source.backup(writer)
    source.close()
    writer.execute("PRAGMA journal_mode=WAL")
    writer.execute("PRAGMA wal_autocheckpoint=0")
    writer.execute("UPDATE trial_values SET value=0.99")
    writer.commit()
    folder = tmp_path / "there"
    folder.mkdir()
    endings = {"none": [""], "log": ["", "-wal"], "both": ["", "-wal", "-shm"]}[kept]
    for ending in endings:
        shutil.copy(tmp_path / f"live.db{ending}", folder / f"study.db{ending}")
    writer.close()
    before = sorted(p.name for p in folder.iterdir())
    connect, opened = sqlite3.connect, []
    rights = SimpleNamespace(access=lambda *_: writable, W_OK=os.W_OK)
    monkeypatch.setattr("fmnist.importers.optuna.os", rights)
    monkeypatch.setattr(
        sqlite3, "connect", lambda file, **k: opened.append(file) or connect(file, **k)
    )
    values = {t.value for t in open_study(str(folder / "study.db")).complete}
    in_place = any(str(folder) in str(file) for file in opened)
    assert in_place is (kept == "none" or (kept == "both" and writable))
    assert (values == {0.99}) is (kept != "none")
    assert sorted(p.name for p in folder.iterdir()) == before


def test_without_a_finished_trial_nothing_is_read_in(tmp_path):
    storage = optuna.storages.RDBStorage(f"sqlite:///{tmp_path}/study.db")
    optuna.create_study(study_name="cnn", storage=storage).enqueue_trial({"lr": 0.1})
    closed(storage)
    outcome = fmnist("import", tmp_path / "study.db", "--name", "x", results=tmp_path)
    assert "no finished trial" in str(outcome.exception)
    assert outcome.exception.exit_code == 3
    assert not (tmp_path / "x").exists()


def test_a_pickle_is_never_loaded(tmp_path):
    class Trap:
        def __reduce__(self):
            return (tmp_path.joinpath("sprung").touch, ())

    path = tmp_path / "study.pkl"
    path.write_bytes(pickle.dumps(Trap()))
    with pytest.raises(ForeignError, match="never loaded"):
        open_study(str(path))
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "neither an SQLite file nor a journal"),
        (b"SQLite format 3\0" + b"\7" * 400, "cannot be read as an Optuna study"),
        (b'{"op_code": 4, "study_id": 7}\n', "no Optuna study|cannot be read"),
        (b'{"op_code": 99}\n', "no Optuna study|cannot be read"),
        (b'{"op_code": ' + b"[" * 100_000 + b"\n", "no Optuna study"),
    ],
)
def test_a_broken_file_is_named(content, message, tmp_path):
    path = tmp_path / "study"
    path.write_bytes(content)
    with pytest.raises(ForeignError, match=message) as caught:
        open_study(str(path))
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("module", "content"),
    [("optuna", b"SQLite format 3\0" + bytes(100)), ("optuna_journal", b'{"op_code": 4}\n' * 9)],
    ids=["database", "journal"],
)
def test_a_huge_file_is_not_read(module, content, tmp_path, monkeypatch):
    (tmp_path / "study").write_bytes(content)
    monkeypatch.setattr(f"fmnist.importers.{module}.LARGEST", 100)
    with pytest.raises(ForeignError, match="larger than"):
        open_study(str(tmp_path / "study"))


def test_a_database_of_another_program_holds_no_study(tmp_path):
    path = tmp_path / "other.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE studies (a TEXT)")
    connection.commit()
    connection.close()
    with pytest.raises(ForeignError, match=r"other\.db: .*"):
        open_study(str(path))


@pytest.mark.parametrize("source", ["nothing", "mysql://u:secret@h/d", "postgresql://u:secret@:x/"])
def test_a_source_that_cannot_be_opened(source):
    with pytest.raises(ForeignError) as caught:
        open_study(source)
    assert "secret" not in str(caught.value)
