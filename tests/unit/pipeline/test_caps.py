"""Hard limits of the network: nothing above one is suggested, probed or trained, in any space."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
from engine_bench import PAIRS
from fake_runner import Clock, Inline, epoch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fmnist.config.config import Config, ConfigError
from fmnist.config.spaces import CORE, EXTENDED, FULL
from fmnist.config.toml_text import dump_config
from fmnist.data.views import Views
from fmnist.errors import UserError
from fmnist.models.caps import Caps, known_times, network_key
from fmnist.models.size import file_bytes, size_of
from fmnist.pipeline.context import Context
from fmnist.pipeline.planner.profiles import COMPACT, SHORT, profile_for
from fmnist.pipeline.request import Request
from fmnist.pipeline.search_setup import build_search_setup, load_or_make_profile
from fmnist.pipeline.space_bounds import largest_config, smallest_config
from fmnist.runs.folder import Run
from fmnist.training import fit
from fmnist.training import objective as training
from fmnist.training.objective import TrainingObjective
from search.engines import open_engine, samplers
from search.records import EpochLog, TrialError, TrialLog
from search.space import Categorical, Float, Int, SearchSpace
from search.study.scheduler import Budget, TrialScheduler
from search.study.study import Study, StudyOptions
from search.tasks import Task


def job_of(tmp_path, base, **caps):
    """A job on ten classes as its search sees it."""
    job = Context(Run(tmp_path), Request(**caps), SimpleNamespace(), base)
    job.__dict__["data"] = SimpleNamespace(class_names=tuple("abcdefghij"))
    return job


def studied(
    job, space, folder, *, engine="optuna", sampler="random", trials=5, train=None, first=()
):
    """The tasks that a study hands to its runner, and its log."""
    clock, log = Clock(), TrialLog(folder / "trials.jsonl")

    def tiny(task):
        yield epoch(1, 0.5 + task.seed % 100 / 1000)

    accepts = job.accepts_beside(log)
    engine = open_engine("optuna", folder, space, sampler="random", accepts=accepts)
    for params in first:
        engine.enqueue(params)
    runner = Inline(train or tiny)
    listener = SimpleNamespace(
        trial_started=lambda _: None, epoch_done=lambda *_: None, trial_done=lambda *_: None
    )
    scheduler = TrialScheduler(Budget(None, clock=clock))
    epochs, options = EpochLog(folder / "epochs.jsonl"), StudyOptions(1, max_trials=trials)
    try:
        Study(engine, runner, scheduler, log, epochs, listener, options, clock=clock).run()
    finally:
        engine.close()
    return runner.tasks, log.trials


@st.composite
def spaces(draw):
    """A space of some of the fields that make a network large, over ranges of any width."""
    ranges = {"filters_1": (4, 64), "filters_2": (4, 96), "dense_units": (0, 256), "stem": (0, 32)}
    names = draw(st.lists(st.sampled_from(sorted(ranges)), min_size=1, unique=True))
    parameters = []
    for name in names:
        low, high = sorted(draw(st.integers(*ranges[name])) for _ in range(2))
        parameters.append(Int(name, low, high))
    if draw(st.booleans()):
        parameters.append(Float("width", 0.25, draw(st.floats(0.3, 2.0))))
    return SearchSpace((*parameters, Categorical("batch_size", (64, 128))))


@pytest.mark.slow
@settings(
    max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(space=spaces(), most=st.integers(2_000, 200_000), data=st.data())
def test_no_runner_is_handed_a_network_above_a_cap(tmp_path_factory, space, most, data):
    folder, base = tmp_path_factory.mktemp("study"), Config(stages=2, head="average")
    caps = data.draw(st.sampled_from([{"max_parameters": most}, {"max_size": 5 * most}]))
    job = job_of(folder, base, **caps)
    first = [smallest_config(space, base), largest_config(space, base)]
    tasks, trials = studied(job, space, folder, first=first, trials=4)
    assert [t for t in tasks if job.excess(base.replace(**t.params))] == []
    assert all(t.failure is None for t in trials)
    if job.excess(base.replace(**first[0])):
        assert tasks == []
        with pytest.raises(UserError, match="no network of this space fits; the smallest: "):
            smallest_config(space, base, job.excess)
    else:
        assert len(tasks) == 4  # what was refused took none of their places
        assert not job.excess(base.replace(**largest_config(space, base, job.excess)))


@pytest.mark.filterwarnings("ignore:CMA-ES samples")
@pytest.mark.parametrize(
    ("engine", "sampler"),
    [pytest.param(*p, marks=pytest.mark.slow) if "bayesian" in p else p for p in PAIRS],
)
def test_every_engine_keeps_to_what_is_accepted_and_says_when_nothing_is(
    tmp_path, monkeypatch, engine, sampler
):
    monkeypatch.setattr(samplers, "MOST_REFUSED", 40)
    space = SearchSpace((Int("x", 0, 40), Float("y", 0.0, 1.0)))
    options = {"sampler": sampler, "epochs": 2, "max_trials": 10}
    for part, accepts in (("some", lambda p: p["x"] <= 20), ("none", lambda _: False)):
        (tmp_path / part).mkdir()
        opened = open_engine(engine, tmp_path / part, space, accepts=accepts, **options)
        opened.enqueue({"x": 40, "y": 0.5})
        found = []
        while len(found) < 6 and (suggestion := opened.ask()) is not None:
            found.append(suggestion)
            opened.report(suggestion.number, 1, suggestion.params["y"])
            opened.tell(suggestion.number, "complete", suggestion.params["y"])
        opened.close()
        assert [s.number for s in found] == list(range(len(found)))
        assert all(accepts(s.params) for s in found)
        assert bool(found) == (part == "some")


def test_the_sampler_learns_where_nothing_is_accepted(tmp_path):
    """Against the values, which grow towards what is refused."""
    space, refused = SearchSpace((Float("x", 0.0, 1.0),)), []

    def accepts(params):
        refused.append(params["x"] > 0.5)
        return params["x"] <= 0.5

    engine = open_engine("optuna", tmp_path, space, sampler="tpe", accepts=accepts)
    for _ in range(30):
        suggestion = engine.ask()
        engine.tell(suggestion.number, "complete", suggestion.params["x"])
    engine.close()
    assert sum(refused) < 45  # on half of the space, without learning about as many as accepted


def test_what_was_too_slow_costs_no_trial_and_spares_the_larger_ones(tmp_path):
    job = job_of(tmp_path, Config(stages=2, filters_2=8, head="average"), max_latency=1e-3)

    def train(task):
        if task.params["filters_1"] > 40:
            raise TrialError("infeasible", "not trained: 2 ms an image, --max-latency allows 1 ms")
        yield epoch(1, 0.5)

    tasks, trials = studied(job, SearchSpace((Int("filters_1", 4, 64),)), tmp_path, train=train)
    slow = [t.params["filters_1"] for t in trials if t.failure]
    assert sum(t.state == "complete" for t in trials) == 5
    assert slow == sorted(slow, reverse=True)  # never one above another
    assert len(slow) > 0
    assert len(tasks) == len(trials)


def test_a_child_trains_nothing_above_a_cap(monkeypatch, tmp_path):
    monkeypatch.setattr(fit, "fit", lambda *_, **__: pytest.fail("it was trained"))
    monkeypatch.setattr(training.inference, "seconds_per_image", lambda *_: 2e-3)
    run = {"train": None, "validation": None, "share": None, "times": tmp_path / "latencies.jsonl"}
    task = Task(0, {"filters_1": 64}, 0, 2)
    for caps, said in (
        (Caps(parameters=1000), "261,066 parameters, --max-parameters allows 1,000"),
        (Caps(size=500_000), "model.keras of 1,1.. kB, --max-size allows 500 kB"),
        (Caps(latency=1e-3), "2 ms an image, --max-latency allows 1 ms"),
    ):
        with pytest.raises(TrialError, match=said) as error:
            TrainingObjective(Config(), caps=caps, **run)(task, lambda _: 0)
        assert error.value.kind == "infeasible"


def test_the_time_of_a_network_is_measured_once_a_run(monkeypatch, tmp_path):
    measured = []
    monkeypatch.setattr(
        training.inference, "seconds_per_image", lambda c, _: measured.append(c) or 4e-3
    )
    file = tmp_path / "latencies.jsonl"
    one = TrainingObjective(Config(), None, None, None, times=file)
    heard = []
    for params in ({}, {"dropout": 0.1, "learning_rate": 1e-2}, {"filters_1": 8}, {}):
        one(Task(-1, params, 0, 0, dry_run=True), lambda e: heard.append(e.seconds) or 0)
    assert heard == [4e-3] * 4
    assert [c.filters_1 for c in measured] == [32, 8]
    assert known_times(file) == {network_key(c): 4e-3 for c in measured}
    file.write_bytes(file.read_bytes() + b"no line\n")
    assert len(known_times(file)) == 2


def test_two_measurements_may_differ_by_a_tenth():
    assert Caps(latency=5e-3).excess_latency(5.49e-3) == ""
    assert Caps(latency=5e-3).excess_latency(5.6e-3) == (
        "5.6 ms an image, --max-latency allows 5 ms"
    )


@given(seconds=st.sampled_from([60, 600, 3600, 28800]), most=st.integers(7_000, 2_000_000))
def test_the_plan_starts_from_a_network_that_fits(seconds, most):
    caps = Caps(parameters=most)
    plan = profile_for(seconds, 4_000, jobs=2, excess=caps.excess)
    assert caps.excess(Config(**plan.base)) == ""
    setup = build_search_setup(plan, space=None, warm_start=None, settings={}, excess=caps.excess)
    assert not caps.excess(setup.base)
    assert all(not caps.excess(setup.base.replace(**p)) for p in setup.first_trials)


def test_a_cap_makes_the_network_narrower_and_keeps_the_search():
    free, capped = (
        profile_for(3600, 7_000),
        profile_for(3600, 7_000, excess=Caps(parameters=100_000).excess),
    )
    assert capped.max_trials is free.max_trials is None
    assert 60_000 < size_of(Config(**capped.base)).parameters <= 100_000
    loose = profile_for(3600, 7_000, excess=Caps(parameters=10**9).excess)
    assert loose == free


def test_moved_views_go_before_the_width_does():
    def excess(config):
        return "too slow" if Views.of(config).count > 2 else ""

    free, capped = profile_for(3600, 7_000), profile_for(3600, 7_000, excess=excess)
    assert (free.base["test_time_shift"], capped.base["test_time_shift"]) == (1, 0)
    assert capped == replace(free, base=capped.base)
    assert {**capped.base, "test_time_shift": 1} == free.base


def test_where_no_network_of_the_plan_fits_the_smallest_is_named(tmp_path):
    request = Request(max_parameters=5_000)
    with pytest.raises(UserError) as error:
        load_or_make_profile(Run(tmp_path), 600, request)
    assert str(error.value) == (
        "no network of the plan fits; the smallest: 6,314 parameters, --max-parameters allows "
        "5,000; give a higher limit, or a smaller network (--set stages=2 --set stem=8, say)"
    )
    smaller = Request(max_parameters=5_000, settings={"stages": 2, "stem": 8})
    assert load_or_make_profile(Run(tmp_path), 600, smaller).base["width"] < 1


def test_a_configuration_above_a_cap_is_refused_before_the_start(tmp_path):
    file, caps = tmp_path / "mine.toml", Caps(parameters=200_000)
    file.write_text(dump_config(Config()))
    plan = load_or_make_profile(
        Run(tmp_path), 600, Request(max_parameters=200_000, warm_start=str(file))
    )
    asked = {"space": None, "excess": caps.excess}
    with pytest.raises(UserError, match=r"mine.toml: 242,218 parameters, --max-parameters allows"):
        build_search_setup(plan, warm_start=file, settings={}, **asked)
    narrow = build_search_setup(plan, warm_start=file, settings={"width": 0.5}, **asked)
    assert narrow.base.width == 0.5
    wide = Request(max_parameters=200_000, settings={"width": 2.0, "filters_3": 512})
    with pytest.raises(UserError, match="no network of the plan fits; the smallest: "):
        load_or_make_profile(Run(tmp_path), 600, wide)


@pytest.mark.parametrize("base", [COMPACT, SHORT])
@pytest.mark.parametrize("space", [CORE, EXTENDED, FULL])
def test_the_largest_network_of_a_space_is_the_largest_below_the_cap(base, space):
    base, caps = Config(**{**base, "width": 0.5}), Caps(parameters=120_000)
    largest = base.replace(**largest_config(space, base, caps.excess))
    smallest = base.replace(**smallest_config(space, base, caps.excess))
    assert size_of(smallest).parameters < size_of(largest).parameters <= 120_000
    assert size_of(largest).parameters > 80_000
    assert largest_config(space, base, Caps(parameters=10**9).excess) == largest_config(space, base)


def test_a_larger_network_is_a_larger_file():
    sizes = [file_bytes(Config(width=width)) for width in (0.25, 0.5, 1.0, 2.0)]
    assert sizes == sorted(sizes)
    assert sizes[-1] > 4 * size_of(Config(width=2.0)).parameters
    with pytest.raises(ConfigError):
        Config(width=0.0)
