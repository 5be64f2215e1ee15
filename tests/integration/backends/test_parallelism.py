"""How many trainings run at once: decided by the machine, kept by the run."""

import json
import tomllib

import pytest
from click.testing import CliRunner

import search.processes.supervisor
from fmnist.backends import parallelism
from fmnist.backends.parallelism import accelerator_in_sight, jobs_for
from fmnist.cli.main import cli
from fmnist.config.config import Config
from fmnist.config.spaces import CORE
from fmnist.pipeline.clock import JobClock
from fmnist.pipeline.context import Context
from fmnist.pipeline.planner import sizing
from fmnist.pipeline.progress import ProgressDisplay
from fmnist.pipeline.request import Request
from fmnist.pipeline.stages import preflight as stage
from fmnist.runs.folder import Run
from fmnist.runs.records.plan import Preflight

GB = 10**9


@pytest.mark.parametrize(
    ("jobs", "machine"),
    [
        (1, {"cores": 1}),
        (2, {"cores": 2}),
        (3, {"cores": 3}),
        (4, {"cores": 4}),
        (4, {"cores": 64}),
        (1, {"cores": 64, "accelerated": True}),
        (3, {"cores": 8, "memory": 7.9 * GB}),
        (1, {"cores": 8, "memory": 0.5 * GB}),
        (1, {"cores": 8, "trials": 1}),
        (3, {"cores": 8, "trials": 3}),
        (4, {"cores": 8, "trials": 100}),
        (1, {"cores": 8, "seconds": 60.0}),
        (4, {"cores": 8, "seconds": 120.0}),
        (4, {"cores": 8, "seconds": 28_800.0}),
    ],
)
def test_a_machine_is_given_as_many_as_it_can_use(jobs, machine):
    assert jobs_for(**{"accelerated": False, "memory": 16 * GB, **machine}) == jobs


@pytest.mark.parametrize("name", ["nvidia0", "kfd", "accel0", "dxg"])
def test_an_accelerator_is_seen_by_its_device(tmp_path, monkeypatch, name):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    (tmp_path / "nvidiactl").touch()  # also where the card itself is not given to a container
    assert not accelerator_in_sight(tmp_path)
    (tmp_path / name).touch()
    assert accelerator_in_sight(tmp_path)
    assert not accelerator_in_sight(tmp_path / "none")


@pytest.mark.parametrize("hidden", ["", "-1"])
def test_an_accelerator_that_is_hidden_is_none(tmp_path, monkeypatch, hidden):
    (tmp_path / "nvidia0").touch()
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", hidden)
    assert not accelerator_in_sight(tmp_path)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    assert accelerator_in_sight(tmp_path)


@pytest.mark.parametrize(("given", "taken"), [((), "auto"), (("--jobs", "3"), 3)])
def test_the_command_line_asks_for_a_number_or_leaves_it_open(monkeypatch, given, taken):
    heard = {}
    fake = lambda **options: heard.update(options) or 0  # noqa: E731
    monkeypatch.setattr(cli.commands["run"], "callback", fake)
    assert CliRunner().invoke(cli, ["run", *given]).exit_code == 0
    assert heard["jobs"] == taken


# ---- a job ------------------------------------------------------------------------------------


@pytest.fixture
def machine(monkeypatch):
    """A machine of four cores: change the dictionary to change it."""
    facts = {"cores": 4, "memory": 16 * GB, "accelerated": False}
    monkeypatch.setattr(parallelism, "accelerator_in_sight", lambda: facts["accelerated"])
    monkeypatch.setattr(stage, "accelerator_in_sight", lambda: facts["accelerated"])
    monkeypatch.setattr(parallelism, "available_memory", lambda: facts["memory"])
    for room in (sizing, search.processes.supervisor):
        monkeypatch.setattr(room, "available_cores", lambda: facts["cores"])
    return facts


class Told(ProgressDisplay):
    """Keeps the messages."""

    def __init__(self):
        super().__init__()
        self.messages = []

    def message(self, text):
        self.messages.append(text)


def begun(folder, **asked):
    run = Run(folder)
    return Context(
        run=run,
        request=Request(**asked),
        display=Told(),
        base=Config(),
        space=CORE,
        clock=JobClock(0.0),
    )


def planned(job):
    job.save_plan()
    return json.loads((job.run / "plan.json").read_text())


def test_what_was_asked_and_what_was_decided_are_kept_apart(machine, tmp_path):
    job = begun(tmp_path)
    job.run.write_toml("run.toml", {"request": job.request.to_dict()})
    stored = tomllib.loads((tmp_path / "run.toml").read_text())
    assert stored["request"]["jobs"] == "auto"
    assert (planned(job)["jobs"], planned(job)["threads"]) == (4, 1)


def test_what_was_asked_holds_whatever_the_machine(machine, tmp_path):
    machine.update(cores=2, accelerated=True, memory=0)
    assert planned(begun(tmp_path, jobs=3))["jobs"] == 3
    assert planned(begun(tmp_path, jobs=3))["jobs"] == 3  # likewise when going on


def test_one_configuration_is_trained_alone(machine, tmp_path):
    assert begun(tmp_path, kind="train").planner.jobs == 1


@pytest.mark.parametrize(
    ("change", "jobs"),
    [
        ({}, 4),
        ({"cores": 8}, 4),
        ({"cores": 2}, 2),
        ({"memory": 6 * GB}, 3),
        ({"accelerated": True}, 1),
    ],
)
def test_a_run_keeps_its_number_unless_there_is_less_room(machine, tmp_path, change, jobs):
    planned(begun(tmp_path))
    machine.update(change)
    again = begun(tmp_path)
    assert planned(again)["jobs"] == jobs
    told = [
        m
        for m in again.display.messages
        if m.startswith(f"going on with {again.planner.describe_parallelism()}")
    ]
    assert len(told) == (jobs < 4)
    assert len(again.planner.decisions) == (jobs < 4)


def test_a_run_that_began_alone_goes_on_alone(machine, tmp_path):
    machine["cores"] = 1
    planned(begun(tmp_path))
    machine["cores"] = 4
    assert planned(begun(tmp_path))["jobs"] == 1


# ---- the preflight, which learns the device and what a trial holds -----------------------------


class Children:
    """Say what they compute on."""

    def __init__(self, device):
        self.device, self.opened = device, []

    def supervisor(self, jobs):
        self.opened.append(jobs)
        return self

    def warm(self):
        pass

    def wait_until_warm(self):
        pass


def fly(job, device, monkeypatch, room=4):
    """The stage, on children with that device and a machine with room for so many trials."""

    def examine(*_, jobs, fewer, **__):
        return Preflight((), slowness=1.0, jobs=min(jobs, room) if fewer else jobs)

    job.workers = Children(device)
    monkeypatch.setattr(stage, "examine", examine)
    monkeypatch.setattr(stage, "measure_speed", lambda _: None)
    monkeypatch.setattr(stage, "choose_prior", lambda _: None)
    stage.preflight(job)
    return planned(job)["jobs"]


@pytest.mark.parametrize(
    ("seen", "device", "jobs"),
    [
        (False, "CPU", 4),
        (True, "GPU:0", 1),
        (False, "TPU:0", 1),  # it has no device file that is known here
        (True, "CPU", 4),  # the backend has no use for it
        (False, None, 4),  # the probes will say why
    ],
)
def test_the_children_know_the_device(machine, tmp_path, monkeypatch, seen, device, jobs):
    machine["accelerated"] = seen
    job = begun(tmp_path)
    assert job.planner.jobs == (1 if seen else 4)
    assert fly(job, device, monkeypatch) == jobs
    assert job.display.messages[-1] == job.planner.describe_parallelism()
    assert job.planner.describe_parallelism().startswith(
        "one trial at a time" if jobs == 1 else "4 trials at"
    )


def test_trials_that_need_much_memory_run_fewer_at_once(machine, tmp_path, monkeypatch):
    assert fly(begun(tmp_path), "CPU", monkeypatch, room=2) == 2
    assert planned(begun(tmp_path))["jobs"] == 2


def test_a_number_that_was_asked_for_outlives_the_preflight(machine, tmp_path, monkeypatch):
    assert fly(begun(tmp_path, jobs=3), "GPU:0", monkeypatch, room=1) == 3
