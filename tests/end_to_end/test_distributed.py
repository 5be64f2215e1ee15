"""The commands of a shared study on a real PostgreSQL, with real training and real faults."""

import json
import signal

import pytest
from optuna.trial import TrialState
from shared_machines import SECRETS, Machines
from sqlalchemy.engine import make_url

from fmnist.config.spaces import load_space
from fmnist.distributed.compatibility import program
from fmnist.integrations.postgresql import connected, storage_of
from search.distributed import DistributedStudy
from search.records import TrialLog

pytestmark = pytest.mark.slow


@pytest.fixture
def machines(postgres_server, tmp_path):
    with Machines(tmp_path, postgres_server.database()) as found:
        yield found


def break_and_mend(machines):
    """A child, a machine and the coordinator go, and others come; who was lost."""
    hurt, _ = machines.at_work()
    machines.crash_trial(hurt)
    lost, _ = machines.at_work(besides=hurt)
    machines.off(lost)
    machines.work("bob")
    machines.off("run")
    return {lost}


def break_more(machines, server):
    """A loop and the database crash, a machine stands still for too long; who was lost."""
    crashed, _ = machines.at_work()
    machines.crash_loop(crashed)
    server.restart("immediate")
    slow = None
    while slow is None:
        slow = stands_still(machines, crashed)
    return {slow}


def stands_still(machines, besides):
    """Suspend a worker until its trial is thought dead; None where it ended this very moment."""
    slow, number = machines.at_work(besides)

    def state():
        return machines.study().all_trials()[number].state

    with machines.suspended(slow):
        if state() == TrialState.RUNNING:
            machines.until(lambda: state() == TrialState.FAIL)
    return slow if state() == TrialState.FAIL else None


def check_the_end(machines, before, trials):
    """Nothing was lost, nobody was left over, all files of a run are there."""
    run = machines.folder / "results" / "night"
    study = machines.study()
    for one in (study, machines.study("night/confirm")):
        assert all(t.state.is_finished() for t in one.all_trials())
        numbers = [t.number for t in one.all_trials()]
        assert numbers == list(range(len(numbers)))
    complete = machines.complete()
    assert before.items() <= complete.items()
    log = {t.number: t for t in TrialLog(run / "trials.jsonl").trials}
    assert list(log) == [t.number for t in study.all_trials()]
    assert {n: t.value for n, t in log.items() if t.state == "complete"} == complete
    lost = {n for n, t in log.items() if t.failure and t.failure.kind == "interrupted"}
    assert lost  # the machine that went off
    assert lost <= {t.retry_of for t in log.values()}
    assert all(log[t.retry_of].params == t.params for t in log.values() if t.retry_of in lost)
    assert sum(t.state != "failed" for t in log.values()) == trials
    # Not by its record: a loop that crashes later forgets what its trials survived.
    outputs = [file.read_text() for file in machines.folder.glob("*.out")]
    assert sum("is tried again: killed, killed by SIGKILL" in text for text in outputs) == 1
    confirmed = TrialLog(run / "confirm.jsonl").trials
    assert sum(t.state == "complete" for t in confirmed) == 6
    assert (run / "report.pdf").read_bytes().startswith(b"%PDF")


@pytest.mark.parametrize(
    ("trials", "crowd"),
    [
        pytest.param(5, ("ada", "eve"), marks=pytest.mark.full),
        (8, ("ada", "eve", "joe")),
    ],
)
def test_machines_come_and_go_and_the_report_is_whole(machines, postgres_server, trials, crowd):
    asked = {"trials": trials, "jobs": 0, "epochs": 6 if trials == 5 else 20}
    machines.coordinate(**asked)
    for name in crowd:
        machines.work(name)
    lost = break_and_mend(machines)
    before = machines.complete()
    if trials == 8:
        lost |= break_more(machines, postgres_server)
        before |= machines.complete()
    coordinator = machines.coordinate(**asked)
    assert not any(secret in machines.command_lines() for secret in SECRETS)
    assert coordinator.wait(timeout=500) == 0, machines.said("run")
    for name in set(machines.started) - {"run"}:
        assert machines.started[name].wait(timeout=60) == 0, machines.said(name)
    check_the_end(machines, before, trials)
    check_who_took_part(machines, lost)
    check_the_winner_is_shared(machines)
    assert machines.leaks() == []


def check_who_took_part(machines, lost):
    run = machines.folder / "results" / "night"
    found = json.loads((run / "workers.json").read_text())["workers"]
    assert lost <= {w["worker"] for w in found if w["lost"]}
    assert {w["worker"] for w in found} <= {"ada", "eve", "bob", "joe"}
    html = (run / "report.html").read_text()
    assert f"{len(found)} workers on 1 machine trained the trials of the study night" in html


def check_the_winner_is_shared(machines):
    from shared_here import stored_file

    from search.distributed.artifacts import open_artifacts

    run = machines.folder / "results" / "night"
    store = open_artifacts(machines.folder / "store")
    for name in ("model.keras", "best_config.toml"):
        assert stored_file(store, machines.study(), name) == (run / name).read_bytes()


def test_a_coordinator_that_was_stopped_goes_on(machines):
    coordinator = machines.coordinate(trials=4)
    machines.until(machines.complete)
    coordinator.send_signal(signal.SIGTERM)
    assert coordinator.wait(timeout=100) == 130
    before = machines.complete()
    study = machines.study()
    assert TrialState.RUNNING not in {t.state for t in study.all_trials()}  # given back
    del machines.started["run"]
    again = machines.coordinate(trials=4)
    assert again.wait(timeout=300) == 0, machines.said("run")
    assert before.items() <= machines.complete().items()
    log = TrialLog(machines.folder / "results" / "night" / "trials.jsonl").trials
    assert sum(t.state != "failed" for t in log) == 4
    assert machines.leaks() == []


# ---- refusals -------------------------------------------------------------------------------


def a_study(machines, **facts):
    """A study as a coordinator would make it, but for what ``facts`` say."""
    usual = {
        "base": {},
        "seed": 0,
        "sampler": "tpe",
        "pruner": "median",
        "max_trials": 3,
        "trial_images": 600,
        "trial_epochs": 2,
        "validation": 300,
        "trial_timeout": None,
        "trial_memory": None,
        "max_parameters": None,
        "max_size": None,
        "max_latency": None,
        "data": {"name": "Fashion-MNIST", "digest": "a" * 64, "class_names": list("abcdefghij")},
        "split": "",
        "program": program(),
        "artifacts": None,
    }
    space = load_space(machines.folder / "space.toml")
    DistributedStudy.create(machines.storage, "night", space, {**usual, **facts})


def test_a_worker_refuses_another_program(machines):
    a_study(machines, program={"version": "9.9", "source": "f" * 64})
    assert machines.work("ada").wait(timeout=60) == 9
    assert "the study was made by fmnist 9.9 (source ffffffffffff…), here is" in machines.said(
        "ada"
    )


def test_a_worker_refuses_other_data(machines):
    a_study(machines)
    assert machines.work("ada").wait(timeout=100) == 9
    said = machines.said("ada")
    assert "the study is on Fashion-MNIST (SHA-256 aaaaaaaaaaaa…), here is " in said
    assert "IDX files in" in said
    assert "Traceback" not in said


def test_a_worker_that_waits_ends_at_once_when_told(machines):
    worker = machines.work("ada")
    machines.until(lambda: "study night" in machines.said("ada"))
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(timeout=30) == 130


@pytest.mark.parametrize(
    ("wrong", "said"),
    [({"password": "wr0ng:secret"}, "check the user and the password"), ({}, "does not exist")],
)
def test_a_database_that_refuses_is_named_without_its_password(
    machines, postgres_server, wrong, said
):
    machines.url = postgres_server.url("nowhere" if not wrong else "postgres", **wrong)
    coordinator = machines.coordinate(trials=2)
    assert coordinator.wait(timeout=100) == 8
    text = machines.said("run")
    assert said in text
    assert "worker:***@127.0.0.1" in text
    assert "Traceback" not in text
    assert "wr0ng" not in text
    assert machines.leaks() == []


def test_a_url_may_leave_the_password_to_the_usual_variable(postgres_server, monkeypatch):
    whole = make_url(postgres_server.database())
    monkeypatch.setenv("PGPASSWORD", whole.password)
    bare = whole.set(password=None).render_as_string(hide_password=False)
    with connected(storage_of(bare, None)) as storage:
        assert storage.now() > 1e9
