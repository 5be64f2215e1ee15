"""What only the Optuna engine has: a plain Optuna study in SQLite."""

import contextlib
import errno
import sqlite3
import tempfile

import optuna
import pytest
from engine_bench import SPACE, Bench
from optuna.trial import TrialState, create_trial

from search.engines import open_engine
from search.engines.persistence import CorruptStoreError
from search.engines.sqlite_checks import check_file
from search.engines.sqlite_store import SqliteStore
from search.space import Categorical, Float, SearchSpace


@pytest.fixture
def bench(tmp_path):
    bench = Bench(tmp_path, "optuna", "tpe")
    yield bench
    bench.close()


def stored(path):
    """The study as Optuna itself reads it."""
    storage = optuna.storages.RDBStorage(f"sqlite:///{path}")
    study = optuna.load_study(study_name="study", storage=storage)
    trials = study.trials
    storage.remove_session()
    storage.engine.dispose()
    return trials


def facts(trials):
    return [(t.number, t.state, t.params, t.values, t.intermediate_values) for t in trials]


def every_state(bench):
    bench.open()
    for suggestion, state in zip(bench.ask(3), ("complete", "pruned", "failed"), strict=True):
        bench.end(suggestion, state, steps=3)
    bench.close()


def test_the_study_is_a_plain_optuna_study(bench):
    every_state(bench)
    trials = stored(bench.path)
    states = [TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL]
    assert [t.state for t in trials] == states
    assert [t.params for t in trials] == [t.params for t in bench.log]
    assert [t.value for t in trials] == [t.value for t in bench.log]
    assert all(sorted(t.intermediate_values) == [1, 2, 3] for t in trials)
    assert [p.name for p in bench.folder.iterdir()] == ["study.db"]


def test_a_study_rebuilt_from_the_log_is_the_same_study(bench):
    every_state(bench)
    before = facts(stored(bench.path))
    bench.path.unlink()
    bench.open(finished=bench.log[::-1])
    bench.close()
    assert facts(stored(bench.path)) == before


def test_a_trial_told_from_the_log_has_its_epochs_too(bench):
    bench.open()
    first = bench.ask(1)[0]
    bench.end(first, steps=3)
    bench.close()
    before = facts(stored(bench.path))
    bench.path.unlink()
    bench.open()
    assert bench.ask(1) == [first]
    bench.engine.report(0, 1, bench.log[0].epochs[0].val_accuracy)
    bench.open(finished=bench.log)
    bench.close()
    assert facts(stored(bench.path)) == before


def test_cma_es_goes_on_with_what_it_has_learnt(tmp_path):
    space = SearchSpace((Float("x", 0.001, 1), Float("a", 0, 9)))
    bench = Bench(tmp_path, "optuna", "cmaes")
    for _ in range(3):
        bench.open(space)
        bench.run(5)
    bench.close()
    fit_cost_model = [t.number for t in stored(bench.path) if "cma:optimizer:0" in t.system_attrs]
    assert len(fit_cost_model) >= 2


def test_cma_es_says_that_categories_have_no_order(tmp_path):
    space = SearchSpace((Float("x", 0, 1), Categorical("c", ("u", "v"))))
    with pytest.warns(UserWarning, match="CMA-ES samples c at random"):
        open_engine("optuna", tmp_path, space, sampler="cmaes").close()


def test_a_folder_may_have_any_name(tmp_path):
    folder = tmp_path / "what? 50%20 {of} #1 ü"
    folder.mkdir()
    bench = Bench(folder, "optuna", "random")
    bench.open()
    bench.run(1)
    bench.close()
    assert [p.name for p in folder.iterdir()] == ["study.db"]


def test_a_journal_left_beside_a_damaged_file_goes_with_it(bench):
    every_state(bench)
    bench.path.write_bytes(b"no database" * 1000)
    journal = bench.path.with_name("study.db-journal")
    journal.write_bytes(b"half a transaction")
    bench.open(finished=bench.log)
    names = {p.name for p in bench.folder.iterdir()}
    assert {"study.db", "study.db.damaged-1"} <= names
    assert "study.db-journal" not in names


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE trial_params SET param_value = 0.5 WHERE param_name = 'x' AND trial_id = 4",
        "UPDATE trial_values SET value = 0.125 WHERE trial_id = 1",
        "UPDATE trial_intermediate_values SET intermediate_value = 0.125 WHERE trial_id = 2",
    ],
)
def test_a_study_that_says_another_number_is_set_aside(bench, change):
    every_state(bench)
    bench.open()
    bench.ask(1)
    bench.close()
    with contextlib.closing(sqlite3.connect(bench.path)) as file:
        assert file.execute(change).rowcount > 0
        file.commit()
    bench.open(finished=bench.log)
    assert bench.path.with_name("study.db.damaged-1").exists()


@pytest.mark.parametrize(
    ("place", "damage", "message"),
    [(0, bytes(4096), "malformed"), (7, b"\x09", "Fragmentation")],
    ids=["a page that never came", "a count that is off"],
)
def test_a_damaged_page_is_found_when_the_study_is_opened(bench, place, damage, message):
    every_state(bench)
    content = bytearray(bench.path.read_bytes())
    content[8192 + place : 8192 + place + len(damage)] = damage
    bench.path.write_bytes(content)
    with pytest.raises(CorruptStoreError, match=message):
        check_file(bench.path)
    bench.open(finished=bench.log)
    assert bench.path.with_name("study.db.damaged-1").read_bytes() == content


@pytest.mark.parametrize(("letter", "damaged"), [(0, False), (3, True), (4, True), (6, True)])
def test_a_column_of_text_that_would_store_numbers_is_found(bench, letter, damaged):
    """To SQLite a type with CHAR in its name is one of text; in others '12' is stored as 12."""
    every_state(bench)
    content = bytearray(bench.path.read_bytes())
    table = content.index(b"CREATE TABLE trial_user_attributes")
    content[content.index(b"VARCHAR", table) + letter] ^= 2
    bench.path.write_bytes(content)
    check_file(bench.path)
    bench.open(finished=bench.log)
    bench.end(bench.ask(1)[0], "complete", steps=3)
    assert bench.path.with_name("study.db.damaged-1").exists() == damaged


@pytest.mark.parametrize(
    ("code", "expected", "number"),
    [
        (sqlite3.SQLITE_FULL, OSError, errno.ENOSPC),
        (sqlite3.SQLITE_IOERR_WRITE, OSError, errno.EIO),
        (sqlite3.SQLITE_CANTOPEN, OSError, errno.EDQUOT),
        (sqlite3.SQLITE_READONLY_DIRECTORY, OSError, errno.EIO),
        (sqlite3.SQLITE_CORRUPT, CorruptStoreError, None),
        (sqlite3.SQLITE_CONSTRAINT, optuna.exceptions.StorageInternalError, None),
    ],
)
def test_errors_of_sqlite_are_told_apart(tmp_path, monkeypatch, code, expected, number):
    store = SqliteStore(tmp_path / "study.db", SPACE)

    def fail(*args):
        error = sqlite3.OperationalError("said SQLite")
        error.sqlite_errorcode = code
        raise optuna.exceptions.StorageInternalError("an exception") from error

    def no_room(**where):
        raise OSError(errno.EDQUOT, "a quota")

    monkeypatch.setattr(store._storage, "_get_prepared_new_trial", fail)
    if number == errno.EDQUOT:
        monkeypatch.setattr(tempfile, "TemporaryFile", no_room)
    with pytest.raises(expected) as caught:
        store.create(create_trial(state=TrialState.FAIL))
    if number is not None:
        assert caught.value.errno == number
    store.close()


def test_sqlite_waits_until_its_journal_is_gone(bench):
    with bench.open()._store._storage.engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 3  # EXTRA
