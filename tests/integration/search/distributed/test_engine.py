"""The engine over a shared study: the suite of all engines, and what several workers share."""

import uuid
from types import SimpleNamespace

import pytest
from engine_bench import NONE, SPACE, Bench, counts, record
from engine_contract import EngineContract
from shared_engines import listed, sampling

from search.distributed import DistributedStudy, TrialLostError, connect, recovery
from search.engines import SAMPLERS_OF
from search.engines.prior import Prior
from search.records import Trial
from search.space import SpaceError
from search.study.running_trial import trial_seed
from search.study.study import StudyError


class SharedBench(Bench):
    """Opens engines on one shared study, which is its "file"."""

    def __init__(self, server, sampler):
        self.server, self.sampler = server, sampler
        self.path = SimpleNamespace(rename=self.start_anew)
        self.folder = Nowhere()
        self.log, self.engine = [], None
        self.url = server.common()
        self.storage = connect(self.url)
        self.start_anew(None)

    def start_anew(self, _):
        self.name = f"study-{uuid.uuid4().hex}"

    def study(self, space=SPACE, **facts):
        return DistributedStudy.create(self.storage, self.name, space, facts)

    def open(self, space=SPACE, worker="one", **options):
        self.close()
        options = {"sampler": self.sampler, "seed": 1, "epochs": 9, **options}
        self.engine = sampling(self.study(space), worker, **options)
        return self.engine

    def another(self, worker, **options):
        """A second worker, next to the first one."""
        options = {"sampler": self.sampler, "seed": 1, "epochs": 9, **options}
        return sampling(self.study(), worker, **options)

    def end_all(self):
        self.close()
        self.storage.close()


class Nowhere:
    def __truediv__(self, _):
        return None


@pytest.fixture(
    params=[
        s if s == "tpe" else pytest.param(s, marks=pytest.mark.slow) for s in SAMPLERS_OF["optuna"]
    ]
)
def bench(request, postgres_server):
    bench = SharedBench(postgres_server, request.param)
    yield bench
    bench.end_all()


@pytest.fixture
def shared(postgres_server):
    bench = SharedBench(postgres_server, "random")
    yield bench
    bench.end_all()


class TestWorkersEngine(EngineContract):
    """On a database."""


def test_only_known_samplers_are_taken(shared):
    with pytest.raises(ValueError, match="sampler of optuna must be one of tpe"):
        shared.open(sampler="x")


def test_a_grid_is_walked_once_by_two_workers_and_ends(postgres_server):
    bench = SharedBench(postgres_server, "grid")
    bench.open().enqueue({"a": 5, "x": 0.25})
    workers = [bench.engine, bench.another("two")]
    seen = []
    while suggestion := workers[len(seen) % 2].ask():
        seen.append(tuple(suggestion.params.values()))
        workers[(len(seen) - 1) % 2].tell(suggestion.number, "complete", 0.5)
    assert len(seen) == len(set(seen)) == 1 + 9
    assert counts(workers[1]) == {**NONE, "complete": 10}
    workers[1].close()
    bench.end_all()


def test_workers_are_given_different_trials_and_know_their_own(shared):
    one, two = shared.open(), shared.another("two")
    first, second, third = one.ask(), two.ask(), one.ask()
    assert [first.number, second.number, third.number] == [0, 1, 2]
    assert len({s.params["x"] for s in (first, second, third)}) == 3
    assert one.running() == (first, third)
    assert two.running() == (second,)
    with pytest.raises(KeyError, match="trial 1 does not run"):
        one.report(1, 1, 0.5)
    again = shared.another("one")
    assert again.running() == (first, third)
    assert [s.seed for s in again.running()] == [trial_seed(1, 0), trial_seed(1, 2)]
    for engine in (two, again):
        engine.close()


def test_the_count_of_trials_is_one_for_all_workers(shared):
    one, two = shared.open(max_trials=3), shared.another("two", max_trials=3)
    found = [one.ask(), two.ask(), two.ask()]
    assert [s.number for s in found] == [0, 1, 2]
    assert one.ask() is None
    # What was stopped through no fault of its own takes no place.
    study = shared.study()
    study.finish_trial(0, "failed", None, interrupted(found[0]))
    assert one.ask().number == 3
    assert two.ask() is None
    two.close()


def interrupted(suggestion):
    failed = record(suggestion, "failed", [])
    return Trial.from_json({**failed.to_json(), "failure": {"kind": "deadline", "message": ""}})


def test_a_trial_is_pruned_by_the_values_of_other_workers(shared):
    one, two = shared.open(pruner="median"), shared.another("two", pruner="median")
    for _ in range(8):
        number = one.ask().number
        assert all(one.report(number, step, 0.9) for step in (1, 2, 3))
        one.tell(number, "complete", 0.9)
    number = two.ask().number
    assert [two.report(number, step, 0.1) for step in (1, 2)] == [True, False]
    two.close()


def test_a_list_is_handed_out_once_and_in_order(shared):
    params = [{"a": 1, "x": 0.5}, {"a": 5, "x": 0.25}]
    tasks = [
        {"params": p, "seed": 40 + s, "epochs": 7, "replicate_of": 3}
        for p in params
        for s in (0, 1)
    ]
    study = shared.study(tasks=tasks)
    one, two = listed(study, "one"), listed(shared.study(tasks=tasks), "two")
    found = [one.ask(), two.ask(), two.ask(), one.ask()]
    assert one.ask() is None
    assert [s.number for s in found] == [0, 1, 2, 3]
    assert [s.params for s in found] == [params[0], params[0], params[1], params[1]]
    assert [(s.seed, s.epochs, s.replicate_of) for s in found] == [
        (40, 7, 3), (41, 7, 3), (40, 7, 3), (41, 7, 3),
    ]  # fmt: skip
    assert one.running() == (found[0], found[3])
    assert one.report(0, 1, 0.0)
    one.enqueue(params[0], again=True)
    for engine, suggestion in zip((one, two, two, one), found, strict=True):
        engine.tell(suggestion.number, "complete", 0.5)
    assert counts(one) == {**NONE, "complete": 4}
    one.close()
    two.close()


def test_a_list_outside_of_the_space_is_refused(shared):
    with pytest.raises(SpaceError, match="is not inside the search space"):
        shared.study(tasks=[{"params": {"a": 2, "x": 0.5}, "seed": 1}])
    assert DistributedStudy.find(shared.storage, shared.name) is None


def test_a_trial_ended_by_others_is_lost(shared):
    one = shared.open()
    first, second = one.ask(), one.ask()
    study = shared.study()
    for suggestion in (first, second):
        study.finish_trial(suggestion.number, "failed", None)
    with pytest.raises(TrialLostError, match="trial 0 was given to another worker"):
        study.finish_trial(0, "complete", 0.9)
    reaped(shared, first.number)
    reaped(shared, second.number)
    with pytest.raises(TrialLostError, match="trial 0 was given to another worker"):
        one.report(first.number, 1, 0.5)
    with pytest.raises(TrialLostError, match="trial 1 was given to another worker"):
        one.tell(second.number, "complete", 0.5)
    assert one.running() == ()
    assert one.ask().number == 2


def reaped(bench, number):
    """As Optuna fails a stale trial: without a record."""
    study = bench.study()
    with bench.storage.engine.begin() as connection:
        connection.exec_driver_sql(
            "DELETE FROM trial_user_attributes USING trials "
            f"WHERE trials.trial_id = trial_user_attributes.trial_id AND number = {number} "
            f"AND study_id = {study.id} AND key = 'record'"
        )


def test_a_study_is_one_for_all_who_name_the_same_facts(shared):
    study = shared.study(data="abc", version=(1, 2))
    assert study.spec == {"data": "abc", "version": [1, 2]}
    assert shared.study(data="abc", version=(1, 2)).id == study.id
    with pytest.raises(StudyError, match=r"data: 'abc' there, 'xyz' here\n  version: .* None here"):
        shared.study(data="xyz")
    with pytest.raises(StudyError, match="more: None there, 1 here"):
        shared.study(data="abc", version=(1, 2), more=1)
    study.check({"data": "abc"})
    with pytest.raises(StudyError, match=r"study 'study-.*' is another one:\n  data: 'abc' there"):
        study.check({"data": "xyz"})


def test_attributes_are_seen_by_all(shared):
    study, other = shared.study(), shared.study()
    assert other.get("phase") is None
    assert other.get("phase", "search") == "search"
    study.set("phase", "confirm")
    study.set("phase", "done")
    assert other.get("phase") == "done"
    assert abs(study.now() - other.now()) < 60


def test_a_study_is_waited_for(shared):
    storage = shared.storage
    with pytest.raises(StudyError, match=r"no study 'study-.*' after 0 s"):
        DistributedStudy.wait_for(storage, shared.name, patience=0, pause=0.01)
    assert DistributedStudy.wait_for(storage, shared.name, patience=9, stop=lambda: True) is None
    made = shared.study()
    assert DistributedStudy.wait_for(storage, shared.name, patience=9).id == made.id


def test_what_waits_is_withdrawn_at_the_end(shared):
    engine = shared.open()
    engine.enqueue({"a": 5, "x": 0.25})
    study = shared.study()
    assert study.unfinished() == (0, 1)
    assert recovery.drain(study, "the time was over", pause=0.01)
    assert study.unfinished() == (0, 0)
    (trial,) = study.records()
    assert (trial.state, trial.failure.kind) == ("failed", "deadline")
    assert "not started: the time was over" in trial.failure.message
    assert not recovery.drain(study, "", stop=lambda: True)


def test_a_study_of_another_program_is_left_alone(shared):
    import optuna

    other = optuna.create_study(storage=shared.storage, study_name=shared.name)
    other.add_trial(optuna.create_trial(value=1.0))
    with pytest.raises(StudyError, match="of the database was made by another program"):
        shared.study()
    assert other.user_attrs == {}


def test_signs_of_life_are_as_the_study_has_them(shared):
    shared.study()
    hasty = connect(shared.url, heartbeat=1, grace=2)
    DistributedStudy.find(hasty, shared.name)
    assert (hasty.heartbeat, hasty.get_heartbeat_interval(), hasty.grace_period) == (30, 30, 120)
    hasty.close()


def test_what_a_stopped_worker_gives_back_is_taken_by_the_next(shared):
    one, two = shared.open(), shared.another("two")
    first, second = one.ask(), one.ask()
    one.report(first.number, 1, 0.5)
    assert one._store.release() == [0, 1]
    assert one.running() == ()
    heirs = [two.ask(), two.ask()]
    assert [(s.number, s.retry_of, s.params) for s in heirs] == [
        (2, 0, first.params),
        (3, 1, second.params),
    ]
    assert list(shared.study().finished_by_worker()) == [("one", None)] * 2
    dead = shared.study().records()
    assert [t.failure.message for t in dead] == ["one was stopped and gave it back"] * 2
    assert [t.reported for t in dead] == [((1, 0.5),), ()]
    assert one._store.release() == []
    two.close()


def test_a_worker_killed_before_it_wrote_the_seed_writes_it_when_it_is_back(shared, monkeypatch):
    one = shared.open()
    with monkeypatch.context() as dying:
        dying.setattr(DistributedStudy, "attribute", killed)
        with pytest.raises(SystemExit):
            one.ask()
    assert "seed" not in shared.study().all_trials()[0].user_attrs

    (suggestion,) = one.running()

    assert suggestion.seed is not None
    assert shared.study().all_trials()[0].user_attrs["seed"] == suggestion.seed


def killed(*_):
    raise SystemExit


def test_a_sampler_knows_what_all_workers_have_found(shared):
    one, two = shared.open(), shared.another("two")
    for engine, state in ((one, "complete"), (two, "pruned"), (two, "failed")):
        number = engine.ask().number
        engine.report(number, 1, 0.25)
        engine.tell(number, state, 0.5 if state == "complete" else None)
    assert two.ask().number == 3
    one.ask()
    known = one._cache._study.get_trials(deepcopy=False)
    stored = shared.study().all_trials()[:4]
    found = {tuple(t.params.values()): t for t in known}
    for trial in stored:
        copy = found[tuple(trial.params.values())]
        assert (copy.state, copy.values, copy.intermediate_values, copy.user_attrs) == (
            trial.state,
            trial.values,
            trial.intermediate_values,
            {},
        )
    two.close()


def test_a_prior_is_one_for_all_workers_and_stays_with_the_trials_of_a_dead_one(shared):
    prior = Prior((), ({"a": 5, "x": 0.1}, {"a": 1, "x": 0.2}), ())
    one = shared.open(sampler="tpe", prior=prior)
    two = shared.another("two", sampler="tpe", prior=prior)
    one.enqueue({"a": 9, "x": 0.9})
    found = [one.ask(), two.ask(), one.ask(), two.ask()]
    assert [s.params for s in found[1:3]] == list(prior.best)
    assert [s.prior for s in found] == [False, True, True, False]
    assert [s.prior for s in two.running()] == [True, False]
    recovery.release_trials(shared.study(), [1])
    assert one.ask().prior
    two.close()
