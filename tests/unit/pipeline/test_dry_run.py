"""The measurement of the machine, on children that are made up."""

from types import SimpleNamespace

import pytest

from fmnist.config.config import Config
from fmnist.pipeline.dry_run import measure_speed, probe
from fmnist.pipeline.planner.costs import REFERENCE, relative_cost
from fmnist.pipeline.planner.planner import TimePlanner
from fmnist.pipeline.planner.profiles import COMPACT
from fmnist.pipeline.request import Request
from fmnist.pipeline.stages import preflight as stage
from fmnist.runs.records.plan import RunProfile
from search.records import Epoch, Failure, TrialError
from search.study.scheduler import Budget
from search.tasks import Ended, EpochDone


class Children:
    """A supervisor whose trainings take the seconds given, epoch after epoch."""

    def __init__(self, seconds, failing=()):
        self.seconds, self.failing = seconds, failing
        self.tasks, self.events, self.cancelled = {}, [], []

    def warm(self):
        pass

    def wait_until_warm(self):
        pass

    def start(self, task, limits):
        self.tasks[task.number] = task
        if task.number in self.failing:
            self.events.append(Ended(task.number, Failure("bug", "no such layer")))
        else:
            self._train(task.number, 1)

    def answer(self, number, remaining):
        done = self.made[number]
        if remaining:
            self._train(number, done + 1)
        else:
            self.events.append(Ended(number, None, 1_000 - number))

    def cancel(self, number, failure):
        self.cancelled.append(number)
        self.events.append(Ended(number, failure))

    def wait(self, seconds):
        events, self.events = self.events, []
        return events

    def _train(self, number, epoch):
        self.made = {**getattr(self, "made", {}), number: epoch}
        took = self.seconds[epoch - 1]
        self.events.append(EpochDone(number, Epoch(epoch, 0.5, 1.0, 0.5, 1.0, took)))


def job(children, jobs=1, trial_images=10_000):
    return SimpleNamespace(
        planner=SimpleNamespace(jobs=jobs),
        workers=SimpleNamespace(supervisor=lambda _: children),
        request=SimpleNamespace(trial_memory=None, seed=0),
        interrupt=SimpleNamespace(check=lambda: None),
        base=Config(),
        trial_images=trial_images,
    )


def test_the_first_epoch_compiles_and_does_not_count():
    children = Children([9.0, 1.5, 1.0, 1.25])
    assert measure_speed(job(children)) == pytest.approx(20 * 128 + 500 / 3, abs=0.1)
    (task,) = children.tasks.values()
    assert task.dry_run
    assert Config().replace(**task.params) == Config(**REFERENCE)


def test_a_slow_machine_is_measured_once():
    children = Children([60.0, 8.0, 1.0, 1.0])
    assert measure_speed(job(children)) == pytest.approx((20 * 128 + 500 / 3) / 8, abs=0.1)
    assert children.made == {-1: 2}


def test_side_by_side_they_stand_for_one_alone():
    alone, two = (measure_speed(job(Children([9.0, 1.0, 1.0, 1.0]), jobs)) for jobs in (1, 2))
    assert two == pytest.approx(2**0.7 * alone, rel=1e-3)


def test_few_images_are_fewer_steps():
    children = Children([9.0, 1.0, 1.0, 1.0])
    assert measure_speed(job(children, trial_images=300)) == pytest.approx(256 + 500 / 3, abs=0.1)


def test_a_measurement_that_fails_ends_the_others_and_tells_nothing():
    children = Children([9.0, 1.0, 1.0, 1.0], failing={-2})
    assert measure_speed(job(children, jobs=2)) is None
    assert children.cancelled == [-1]


def test_a_probe_is_one_epoch_and_holds_the_most():
    found = probe(job(Children([3.0])), {"width": 2.0})
    assert found.metrics["val_accuracy"] == 0.5
    assert found.peak_memory == 1_001
    with pytest.raises(TrialError, match="no such layer"):
        probe(job(Children([3.0], failing={-1})), {})


@pytest.mark.parametrize(
    ("more", "measured"),
    [
        ({}, False),
        ({"time_seconds": 600.0}, True),
        ({"final_epochs": None}, True),
        ({"experiments": None}, True),
    ],
)
def test_speed_is_measured_only_where_something_depends_on_it(monkeypatch, more, measured):
    sizes = {"trials": 4, "trial_images": 100, "trial_epochs": 2, "final_epochs": 2}
    request = Request(**{**sizes, "experiments": "none", **more})
    asked = SimpleNamespace(
        request=request,
        budget=SimpleNamespace(total=request.time_seconds),
        planner=SimpleNamespace(slowness=0.0),
    )
    calls = []
    monkeypatch.setattr(stage, "_device", lambda _: None)
    monkeypatch.setattr(stage, "measure_speed", calls.append)
    assert stage.fit_to_machine(asked) is None
    assert calls == [asked] * measured
    assert asked.planner.slowness == 1.0


@pytest.mark.parametrize(
    ("seconds", "faster", "anew"),
    [(600.0, 0.5, 1), (600.0, 1.6, 0), (600.0, 1.1, 0), (120.0, 0.5, 0), (None, 0.5, 0)],
)
def test_a_network_that_is_slower_than_reckoned_is_planned_for_anew(
    monkeypatch, seconds, faster, anew
):
    base = Config(**{**COMPACT, "width": 0.5})
    notes, fitted = [], []
    own = SimpleNamespace(base=base, budget=Budget(seconds), note=lambda *note: notes.append(note))
    speed = 9_000 / relative_cost(base) * faster
    monkeypatch.setattr(stage, "measure_speed", lambda _, config: speed if config is base else 0)
    monkeypatch.setattr(stage, "_fit_to_speed", lambda *fit: fitted.append(fit))
    stage._fit_to_network(own, 9_000)
    assert fitted == [(own, 9_000, pytest.approx(faster))] * anew
    assert [f"trains {faster:.2f} times" in text for _, text in notes] == [True] * anew


@pytest.mark.parametrize(("seconds", "back"), [(120.0, True), (4 * 3600.0, False)])
def test_what_the_speed_leaves_no_time_for_is_left_out(seconds, back):
    planner = TimePlanner(Budget(seconds), RunProfile(3_000, 3, 8), jobs=2, threads=1)
    asked = SimpleNamespace(
        planner=planner,
        request=Request(time_seconds=seconds),
        budget=planner.budget,
        base=Config(**COMPACT),
        space=None,
        setup_for=None,
        splits=SimpleNamespace(train=range(54_000)),
        data=SimpleNamespace(class_names=range(10)),
        workers=SimpleNamespace(forget_training=lambda: None),
        note=lambda *_: None,
        set_parallelism=planner.set_parallelism,
    )
    stage._fit_to_speed(asked, 1_400.0)
    assert planner.plan.max_trials == (1 if back else None)
    assert planner.jobs == (1 if back else 2)
    assert planner.workload.experiments is not back
