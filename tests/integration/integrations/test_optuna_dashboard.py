import contextlib
import json
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote

import optuna
import pytest
from optuna.storages import RDBStorage
from postgres import PASSWORD

from fmnist.errors import StorageError, UserError
from fmnist.integrations import optuna_dashboard
from fmnist.integrations.optuna_dashboard import Copy, check_installed, opened
from fmnist.integrations.postgresql import storage_of
from fmnist.runs.folder import Run, RunError
from search.engines import open_engine
from search.records import Trial, TrialLog
from search.space import Float, SearchSpace

RECORDED = Path(__file__).parents[2] / "data" / "short_run"
SPACE = SearchSpace((Float("dropout", 0.0, 0.5),))


def engine(run, log):
    return open_engine("optuna", run.path, SPACE, sampler="random", finished=log.trials)


def one_trial(study, log, state="complete"):
    """Ask, report and tell one trial, in the order that the study loop does it."""
    suggestion = study.ask()
    value = None if state == "failed" else 0.5 + suggestion.params["dropout"]
    if value is not None:
        study.report(suggestion.number, 1, value)
    trial = Trial(suggestion.number, state, suggestion.params, value, (), 0, "", 1.0)
    log.append(trial)
    study.tell(trial.number, state, value)


@pytest.fixture
def run(tmp_path):
    """A run with a study of three trials."""
    run = Run(tmp_path / "night")
    run.path.mkdir()
    run.write_toml("run.toml", {"request": {"kind": "search", "engine": "optuna"}})
    log = TrialLog(run / "trials.jsonl")
    study = engine(run, log)
    for state in ("complete", "complete", "failed"):
        one_trial(study, log, state)
    study.close()
    return run


@pytest.fixture
def served(run):
    """The command, really started on a free port: the address, and the process."""
    command = [sys.executable, "-m", "fmnist", "dashboard", str(run.path)]
    command += ["--port", "0", "--no-browser"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, text=True, **pipes) as process:
        try:
            yield process.stdout.readline().split()[0], process
        finally:
            process.kill()


def get(address, path, **more):
    request = urllib.request.Request(address + path, **more)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def refused(address, path, **more):
    with pytest.raises(urllib.error.HTTPError) as error:
        get(address, path, **more)
    with error.value:
        return error.value.code


def snapshot(folder):
    return {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def shown(address):
    """Number to state and value, as the dashboard's own pages ask for them."""
    (study,) = get(address, "api/studies")["study_summaries"]
    assert (study["study_name"], study["directions"]) == ("study", ["maximize"])
    trials = get(address, f"api/studies/{study['study_id']}")["trials"]
    return {t["number"]: (t["state"], (t.get("values") or [None])[0]) for t in trials}


def recorded(run):
    states = {"complete": "Complete", "pruned": "Pruned", "failed": "Fail"}
    trials = TrialLog(run / "trials.jsonl").trials
    return {t.number: (states[t.state], t.value) for t in trials}


@pytest.mark.slow
def test_it_shows_the_trials_of_the_records_and_leaves_the_run_as_it_is(run, served):
    address, process = served
    before = snapshot(run.path)
    assert address.startswith("http://127.0.0.1:")
    assert shown(address) == recorded(run)
    assert len(recorded(run)) == 3
    port = int(address.rsplit(":", 1)[1].strip("/"))
    assert refused(address, "api/studies/1", method="DELETE") == 403
    assert refused(address, "api/studies", data=b"{}", method="POST") == 403
    assert refused(address, "api/studies", headers={"Host": f"evil.example:{port}"}) == 403
    assert get(address, "api/studies", headers={"Host": f"localhost:{port}"})
    with urllib.request.urlopen(address + "dashboard/", timeout=60) as page:
        assert b"Optuna Dashboard" in page.read()
    assert snapshot(run.path) == before
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=60) == 0
    assert process.stderr.read() == ""


def test_it_follows_a_run_that_goes_on(run):
    log = TrialLog(run / "trials.jsonl")
    study = engine(run, log)
    with opened(run) as (storage, refresh):
        assert len(storage.get_all_trials(1)) == 3
        for _ in range(3):
            one_trial(study, log)
            refresh()
        assert [t.value for t in storage.get_all_trials(1)] == [t.value for t in log.trials]
    study.close()


@pytest.mark.slow
def test_neither_writer_nor_reader_holds_the_other_up(run, tmp_path, caplog):
    """The run writes as fast as it can, and the copy is made anew as fast as it can."""
    log = TrialLog(run / "trials.jsonl")
    study = engine(run, log)
    copy, over, counts = Copy(run / "study.db", tmp_path / "copy.db"), threading.Event(), []

    def look():
        while not over.is_set():
            copy.refresh()
            with contextlib.closing(sqlite3.connect(copy.target)) as seen:
                assert seen.execute("PRAGMA integrity_check").fetchone() == ("ok",)
                counts.append(seen.execute("SELECT count(*) FROM trials").fetchone()[0])

    with ThreadPoolExecutor() as pool:
        looking = pool.submit(look)
        try:
            for _ in range(40):
                one_trial(study, log)
        finally:
            over.set()
        looking.result()
    study.close()
    assert caplog.text == ""
    assert counts == sorted(counts)
    copy.refresh()
    with opened(run) as (storage, _):
        states = [t.state.name for t in storage.get_all_trials(1)]
    assert states == ["COMPLETE"] * 2 + ["FAIL"] + ["COMPLETE"] * 40


def test_a_file_that_is_locked_or_broken_for_a_while_costs_only_freshness(run, tmp_path, caplog):
    copy = Copy(run / "study.db", tmp_path / "copy.db")
    copy.refresh()
    before = copy.target.read_bytes()
    (run / "study.db").write_bytes(b"no database" * 1000)
    copy.refresh()
    assert "not read" in caplog.text
    assert copy.target.read_bytes() == before


def test_a_file_that_never_was_a_database_is_named(run, tmp_path):
    (run / "study.db").write_bytes(b"no database" * 1000)
    with pytest.raises(RunError, match=r"study\.db: cannot be read"):
        Copy(run / "study.db", tmp_path / "copy.db").refresh()


def test_half_a_transaction_of_a_killed_run_is_undone_in_the_copy_only(run, tmp_path):
    code = (
        "import os, sqlite3, sys\n"
        "c = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "c.execute('PRAGMA cache_size = 1')\n"
        "c.execute('BEGIN')\n"
        "c.execute('CREATE TABLE half AS SELECT hex(randomblob(9)) AS x FROM trials, trials t')\n"
        "c.execute('DELETE FROM trial_values')\n"
        "c.execute('CREATE TABLE big (x)')\n"
        "c.executemany('INSERT INTO big VALUES (?)', [('x' * 3000,)] * 300)\n"
        "os._exit(9)"
    )
    assert subprocess.run([sys.executable, "-c", code, run / "study.db"]).returncode == 9
    assert (run / "study.db-journal").stat().st_size > 0
    before = snapshot(run.path)
    with pytest.raises(sqlite3.OperationalError):  # only to be read, it cannot be read
        optuna_dashboard._backup(run / "study.db", tmp_path / "copy.db")
    with opened(run) as (storage, _):
        assert [t.value for t in storage.get_all_trials(1)] == [
            t.value for t in TrialLog(run / "trials.jsonl").trials
        ]
    assert snapshot(run.path) == before


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({"request": {"kind": "train"}}, "one configuration was trained"),
        ({"request": {"engine": "keras-tuner"}}, "keras-tuner, which keeps no Optuna database"),
        ({"request": {"engine": "optuna"}}, r"no study\.db yet"),
        ({"imported": {"kind": "optuna"}}, "read in from another study; open that one"),
    ],
)
def test_a_run_without_a_study_says_why(tmp_path, record, message):
    run = Run(tmp_path / "other")
    run.write_toml("run.toml", record)
    with pytest.raises(RunError, match=message), opened(run):
        pass


def test_without_the_package_the_remedy_is_named(monkeypatch):
    monkeypatch.setattr(optuna_dashboard.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(UserError, match="pip install optuna-dashboard"):
        check_installed()


def test_a_port_that_is_taken(run):
    with (
        socket.create_server((optuna_dashboard.HOST, 0)) as other,
        opened(run) as (storage, refresh),
    ):
        port = other.getsockname()[1]
        with pytest.raises(UserError, match=f"--port {port}: .*; --port 0 takes a free one"):
            optuna_dashboard.server_of(storage, port, refresh)


def test_a_folder_with_signs_of_addresses_in_its_name(run, tmp_path):
    odd = Run(Path(shutil.move(run.path, tmp_path / "100% ?#{}")))
    with opened(odd) as (storage, _):
        assert len(storage.get_all_trials(1)) == 3
    with sqlite3.connect(odd / "study.db") as connection:
        assert connection.execute("SELECT count(*) FROM trials").fetchone() == (3,)
    connection.close()


@pytest.fixture
def shared(postgres_server):
    """The address of a study in a real PostgreSQL, and the values of its trials."""
    url = postgres_server.database(tables=True)
    storage = RDBStorage(url.replace("postgresql:", "postgresql+psycopg:"))
    study = optuna.create_study(storage=storage, study_name="night", direction="maximize")
    study.optimize(lambda trial: trial.suggest_float("dropout", 0, 1), n_trials=3)
    yield url, [t.value for t in study.trials]
    storage.remove_session()
    storage.engine.dispose()


def test_a_study_that_machines_share_is_read_from_its_database(tmp_path, shared, capfd):
    url, values = shared
    run = Run(tmp_path / "night")
    run.write_toml("run.toml", {"request": {"kind": "search", "study": "auto"}})
    with pytest.raises(StorageError, match=r"in a database; give --storage-file"), opened(run):
        pass
    with opened(run, storage_of(url, None)) as (storage, refresh):
        refresh()
        assert [t.value for t in storage.get_all_trials(1)] == values
    for wrong in (url.replace("worker:", "worker:x"), url.replace("127.0.0.1:", "127.0.0.1:1")):
        view = opened(run, storage_of(wrong, None))
        with pytest.raises(StorageError, match="cannot be reached") as error, view:
            pass
        told = str(error.value) + capfd.readouterr().err
        assert PASSWORD not in told
        assert quote(PASSWORD, safe="") not in told
