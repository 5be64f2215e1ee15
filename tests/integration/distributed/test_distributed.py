"""What machines of a shared study say to each other, and what they have to agree on."""

from contextlib import nullcontext
from dataclasses import replace
from types import SimpleNamespace
from unittest.mock import Mock

import pytest
from filelock import FileLock

from fmnist.distributed import compatibility, phases, results
from fmnist.distributed.compatibility import DisagreementError, check_data, check_program, program
from fmnist.distributed.coordinator import _numbered
from fmnist.distributed.phase_runner import PhaseRunner
from fmnist.distributed.phases import (
    PhaseMonitor,
    RemoteBudget,
    acquire_coordination,
    publish_phase,
    read_phase,
    register_worker,
)
from fmnist.distributed.worker_process import load_or_make_worker_name, locked_worker_folder
from fmnist.runs.folder import Run, RunError
from search.records import Epoch, EpochLog, Failure, Trial, TrialLog
from search.study.study import StudyError


class Attributes:
    """A study as far as its attributes go, with a clock of its own."""

    name = "night"

    def __init__(self, trials=()):
        self.stored, self.clock, self.asked, self.trials = {}, 1_000_000.0, 0, trials

    def get(self, key, default=None):
        self.asked += 1
        return self.stored.get(key, default)

    def set(self, key, value):
        self.stored[key] = value

    def now(self):
        return self.clock

    def finished_by_worker(self):
        return self.trials


# ---- phases ---------------------------------------------------------------------------------


def test_a_phase_ends_by_the_clock_of_the_database():
    study, here = Attributes(), SimpleNamespace(now=5.0)
    publish_phase(study, "search", 100.0)
    budget = RemoteBudget(PhaseMonitor(study, clock=lambda: here.now))
    assert budget.remaining() == 100.0
    here.now += 2.0  # no look meanwhile
    assert budget.remaining() == 98.0
    study.clock += 50.0
    here.now += 40.0  # the clocks go differently; the database's counts
    assert budget.remaining() == 50.0


def test_a_phase_without_a_limit_does_not_end():
    study = Attributes()
    publish_phase(study, "search")
    assert RemoteBudget(PhaseMonitor(study)).remaining() == float("inf")


def test_the_study_is_asked_now_and_then_only():
    study, here = Attributes(), SimpleNamespace(now=0.0)
    publish_phase(study, "confirm", 60.0)
    watch = PhaseMonitor(study, clock=lambda: here.now)
    for _ in range(100):
        assert watch.phase.name == "confirm"
        here.now += 0.01
    assert study.asked == 1
    publish_phase(study, "done", reason="no trial finished")
    here.now += phases.LOOK
    assert (watch.phase.name, watch.phase.reason) == ("done", "no trial finished")


def test_a_study_of_which_nothing_was_said_is_searched():
    assert read_phase(Attributes()).name == "search"


def test_the_silence_of_a_coordinator_is_counted():
    study, here = Attributes(), SimpleNamespace(now=0.0)
    watch = PhaseMonitor(study, clock=lambda: here.now)
    assert watch.silent() == 0.0  # it never spoke: it is still to come
    publish_phase(study, "search", 1.0)
    here.now, study.clock = 700.0, study.clock + 700.0
    assert watch.phase.name == "search"
    assert watch.silent() == 700.0


def test_two_cannot_coordinate_one_study():
    study = Attributes()
    acquire_coordination(study, "ada")
    publish_phase(study, "search")
    acquire_coordination(study, "ada")  # going on
    study.clock += 20
    with pytest.raises(RunError, match="coordinated by ada, which was heard 20 s ago"):
        acquire_coordination(study, "eve")
    study.clock += 100
    acquire_coordination(study, "eve")
    assert study.stored["coordinator"] == "eve"


# ---- agreement ------------------------------------------------------------------------------


def test_the_program_is_its_version_and_its_source(tmp_path, monkeypatch):
    monkeypatch.setattr(compatibility, "_modules", lambda _: [("a.py", tmp_path / "a.py")])
    digests = set()
    for content in (b"x = 1\n", b"x = 1\r\n", b"x = 2\n"):
        (tmp_path / "a.py").write_bytes(content)
        compatibility._source_digest.cache_clear()
        digests.add(program()["source"])
    compatibility._source_digest.cache_clear()
    assert len(digests) == 2  # line endings are the system's affair


def test_the_source_is_that_of_both_packages_without_the_report():
    names = {
        name for package in ("fmnist", "search") for name, _ in compatibility._modules(package)
    }
    trains = {"training/objective.py", "pipeline/stages/search.py"}
    assert trains | {"study/study.py", "engines/optuna.py"} <= names
    assert not any(name.startswith("report/") for name in names)


def test_another_program_is_refused_with_both_names():
    check_program({"program": program()})
    with pytest.raises(DisagreementError) as caught:
        check_program({"program": {"version": "9.9", "source": "abcdef" * 10}})
    assert "fmnist 9.9 (source abcdefabcdef…)" in str(caught.value)
    assert f"{program()['version']} (source {program()['source'][:12]}…)" in str(caught.value)


def test_other_data_are_refused_with_both_names():
    data = SimpleNamespace(digest="b" * 64, name="MNIST", source="here.npz")
    facts = {"data": {"digest": "a" * 64, "name": "Fashion-MNIST"}}
    with pytest.raises(DisagreementError) as caught:
        check_data(facts, SimpleNamespace(data=data))
    assert "Fashion-MNIST (SHA-256 aaaaaaaaaaaa…)" in str(caught.value)
    assert "MNIST from here.npz (SHA-256 bbbbbbbbbbbb…)" in str(caught.value)


def test_another_split_of_the_same_data_is_refused(monkeypatch):
    data = SimpleNamespace(digest="a" * 64, name="x", source="y")
    monkeypatch.setattr(compatibility, "split_digest", lambda _: "d" * 64)
    facts = {"data": {"digest": "a" * 64, "name": "x"}, "split": "d" * 64}
    check_data(facts, SimpleNamespace(data=data))
    with pytest.raises(DisagreementError, match=r"cccccccccccc….*dddddddddddd…"):
        check_data({**facts, "split": "c" * 64}, SimpleNamespace(data=data))


# ---- files of a run --------------------------------------------------------------------------


def trial(number, **more):
    epochs = tuple(Epoch(e, 0.5, 0.5, 0.6, 0.4, 1.5) for e in (1, 2))
    kept = {"state": "complete", "value": 0.6, "epochs": epochs, **more}
    return Trial(number=number, params={"x": 1}, seed=number, started="", seconds=3.0, **kept)


def test_the_files_are_those_of_a_search_on_one_machine(tmp_path):
    trials = [trial(0), trial(1, state="failed", value=None, epochs=())]
    results.write_trials(Run(tmp_path), trials, "trials.jsonl", "epochs.jsonl")
    assert TrialLog(tmp_path / "trials.jsonl").trials == trials
    assert EpochLog(tmp_path / "epochs.jsonl").of(0) == trials[0].epochs
    assert EpochLog(tmp_path / "epochs.jsonl").min_next_number() == 1


def test_every_trial_is_counted_for_who_trained_it():
    failed = trial(2, state="failed", value=None)
    search = Attributes([("ada", trial(0)), ("eve", trial(1)), ("eve", failed), ("eve", None)])
    register_worker(search, "eve", 3, "GPU:0")
    found = results.workers(search, Attributes([("eve", trial(0))]))
    assert [row.worker for row in found.workers] == ["eve", "ada"]
    eve, ada = found.workers
    assert (eve.search, eve.confirm, eve.failed, eve.lost) == (1, 1, 1, 1)
    assert (eve.jobs, eve.device, eve.seconds) == (3, "GPU:0", 9.0)
    assert (ada.search, ada.host) == (1, "unknown")


# ---- a worker's folder -----------------------------------------------------------------------


def test_each_worker_has_a_folder_and_a_name_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with (
        locked_worker_folder(None, "night") as first,
        locked_worker_folder(None, "night") as second,
    ):
        assert first != second
        names = load_or_make_worker_name(first), load_or_make_worker_name(second)
        assert names[0] != names[1]
    with locked_worker_folder(None, "night") as again:  # one that comes back is who it was
        assert (again, load_or_make_worker_name(again)) == (first, names[0])


def test_a_folder_in_use_is_refused(tmp_path):
    with (
        FileLock(tmp_path / ".lock"),
        pytest.raises(RunError, match="another worker uses it"),
        locked_worker_folder(tmp_path, "night"),
    ):
        pass


# ---- when a phase is over --------------------------------------------------------------------


def runner(trials=(), *, left=100.0, remaining=500.0, unfinished=(0, 0), **facts):
    """A coordinator in the middle of a search, as far as its decisions go."""
    found = PhaseRunner.__new__(PhaseRunner)
    found.phase = "search"
    found.loop = SimpleNamespace(log=SimpleNamespace(trials=trials))
    budget = SimpleNamespace(remaining=lambda: remaining)
    found.plan = SimpleNamespace(time_left=lambda: left, budget=budget)
    space = SimpleNamespace(grid=lambda _: iter(range(4)))
    stored = {"sampler": "tpe", "max_trials": None, **facts}
    found.shared = SimpleNamespace(unfinished=lambda: unfinished, spec=stored, space=space)
    return found


def test_the_others_are_given_the_time_that_is_left():
    assert runner([trial(0)], left=100.0)._left() == 99.0
    assert runner([trial(0)], left=0.5)._left() == 0.0


def test_however_late_it_is_one_trial_is_waited_for():
    late = runner(left=0.01, remaining=-10.0, unfinished=(1, 0))
    assert late._left() == 30.0
    assert not late._over()
    assert runner(left=0.01, remaining=-10.0)._over()  # nobody is there
    assert runner([trial(0)], left=0.01, unfinished=(1, 0))._over()


@pytest.mark.parametrize(
    ("facts", "number", "over"),
    [
        ({}, 50, False),
        ({"max_trials": 3}, 2, False),
        ({"max_trials": 3}, 3, True),
        ({"sampler": "grid"}, 3, False),
        ({"sampler": "grid"}, 4, True),
        ({"sampler": "grid", "max_trials": 2}, 2, True),
        ({"tasks": [{}] * 6}, 5, False),
        ({"tasks": [{}] * 6}, 6, True),
    ],
)
def test_a_phase_is_over_when_all_that_was_wanted_is_done(facts, number, over):
    done = [trial(n) for n in range(number)]
    assert runner(done, **facts)._over() == over
    assert not runner(done, unfinished=(1, 0), **facts)._over()
    assert not runner(done, unfinished=(0, 1), **facts)._over()


def test_a_search_of_which_every_trial_failed_is_over():
    failed = trial(0, state="failed", value=None, epochs=(), failure=Failure("bug", "no"))
    assert runner([failed], max_trials=1)._over()


def test_a_trial_that_was_lost_takes_no_place():
    lost = trial(0, state="failed", value=None, failure=Failure("interrupted", "gone"))
    assert not runner([lost, trial(1)], max_trials=2)._over()
    assert runner([lost, trial(1), trial(2)], max_trials=2)._over()


def test_runs_on_fresh_seeds_have_the_numbers_of_one_machine():
    tasks = [{"seed": seed, "replicate_of": seed % 2} for seed in (10, 11, 12, 13)]
    runs = [replace(trial(n), seed=seed) for n, seed in enumerate((10, 11, 12, 13, 11))]
    numbers = [t.number for t in _numbered(tasks, runs)]
    assert numbers == [0, 1, 10, 11, 101]  # the last: task 1 once more


@pytest.mark.parametrize(("others", "goes_on"), [([], False), ([trial(1)], True)])
def test_a_coordinator_on_which_all_fails_leaves_the_work_to_others(others, goes_on):
    failed = trial(0, state="failed", value=None, failure=Failure("bug", "no"))
    noted, found = [], runner([failed, *others])
    found.loop.log.own = [failed]
    found.loop.run = Mock(side_effect=StudyError("5 trials failed"))
    found.job = SimpleNamespace(note=lambda *words: noted.append(words))
    with nullcontext() if goes_on else pytest.raises(StudyError):
        found._train()
    wanted = [("search", "other machines go on without this one: 5 trials failed")]
    assert noted == (wanted if goes_on else [])
