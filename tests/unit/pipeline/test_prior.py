"""What finished runs tell a new search: which are taken, what of them, and what is said of it."""

import logging
import shutil
from dataclasses import dataclass, field, replace

import pytest
from run_folders import RECORDED, finished, write_run_toml

from fmnist.config.spaces import CORE
from fmnist.pipeline.prior import choose_prior, describe_prior, load_prior, prior_in
from fmnist.pipeline.request import Request
from fmnist.runs.artifacts import BEST_CONFIG, PLAN, PRIOR, REPORT, RUN, SPACE, TRIALS
from fmnist.runs.check import check_run
from fmnist.runs.folder import Run
from fmnist.runs.records.plan import Plan, RunProfile
from search.records import TrialLog
from search.space import Categorical, SearchSpace


@pytest.fixture
def new(tmp_path):
    """A run that is about to search."""
    run = Run(tmp_path / "new")
    run.path.mkdir()
    write_run_toml(run, name="new")
    return run


@pytest.fixture(autouse=True)
def heard(caplog, monkeypatch):
    monkeypatch.setattr(logging.getLogger("fmnist"), "propagate", True)
    caplog.set_level(logging.INFO, "fmnist")
    return caplog


def earlier(new, name="old", epochs=3, **changes):
    """A finished run of the recorded search beside ``new``."""
    run = Run(new.path.parent / name)
    run.path.mkdir()
    for file in (BEST_CONFIG, TRIALS):
        shutil.copy(RECORDED / file.name, run.path)
    sizes = RunProfile(trial_images=6000, trial_epochs=epochs, final_epochs=8)
    run.write(PLAN, Plan(sizes=sizes, jobs=1, threads=None, planned=()))
    write_run_toml(run, name=name, **changes)
    run.write_text(REPORT, "<p>a report</p>")
    return run


def test_an_empty_results_folder_tells_nothing(new):
    assert load_prior(new, CORE) is None


def test_before_a_run_the_folder_tells_what_it_will_learn_from(new):
    earlier(new)
    data = new.read(RUN).data
    asked = (data.digest, data.class_names)
    assert prior_in(new.path.parent, asked, CORE) == load_prior(new, CORE)
    assert describe_prior(prior_in(new.path.parent, asked, CORE)).startswith("1 earlier run on")
    assert prior_in(new.path.parent, ("other", data.class_names), CORE) is None
    assert prior_in(new.path / "none", asked, CORE) is None


def test_a_finished_run_tells_its_winner_and_its_ranked_trials(new):
    run = earlier(new)
    prior = load_prior(new, CORE)
    scored = {t.number: t.params for t in run.trials() if t.value is not None}
    inside = [params for params in scored.values() if CORE.contains(params)]
    winner = scored[13]
    assert [(s.name, s.trials) for s in prior.studies] == [("old", len(inside))]
    assert prior.best == (winner,)
    assert prior.trials[0].params == winner
    assert 1 > prior.trials[0].rank > prior.trials[-1].rank > 0
    assert all(CORE.contains(t.params) for t in prior.trials)


def test_what_is_tried_anyhow_is_not_among_the_best(new):
    run = earlier(new)
    winner = next(t.params for t in run.trials() if t.number == 13)
    assert load_prior(new, CORE, tried=(winner,)).best == ()


def test_a_run_that_is_going_or_on_other_data_or_classes_or_was_read_in_is_none(new, heard):
    data = new.read(RUN).data
    earlier(new, "going").path.joinpath("report.html").unlink()
    earlier(new, "other", data=replace(data, digest="0" * 64))
    earlier(new, "fewer", data=replace(data, class_names=data.class_names[:5]))
    request = new.read(RUN).request
    earlier(new, "trained", request=replace(request, kind="train"))
    assert load_prior(new, CORE) is None
    assert heard.messages == []


def test_damaged_and_very_old_runs_are_left_out_with_a_line_each(new, heard):
    earlier(new, "good")
    (earlier(new, "torn") / RUN).write_text("not TOML", encoding="utf-8")
    (earlier(new, "broken").path / "trials.jsonl").write_text("{}\n", encoding="utf-8")
    finished(new.path.parent, "ancient")  # before there was a plan
    assert [s.name for s in load_prior(new, CORE).studies] == ["good"]
    lines = sorted(m.split(" is left out: ")[0] for m in heard.messages)
    assert lines == ["prior: ancient", "prior: broken", "prior: torn"]
    assert any("plan.json" in m for m in heard.messages)


def test_values_that_the_new_space_lacks_are_left_out(new, heard):
    earlier(new)
    narrow = [p for p in CORE if p.name != "batch_size"]
    kept = load_prior(new, SearchSpace((*narrow, Categorical("batch_size", (64,)))))
    assert {t.params["batch_size"] for t in kept.trials} == {64}
    assert load_prior(new, SearchSpace((Categorical("batch_size", (512,)),))) is None
    assert "0 trials in the space of this search" in heard.text


def test_a_field_that_the_earlier_run_did_not_search_has_its_value_there(new):
    earlier(new)
    prior = load_prior(new, SearchSpace((*CORE, Categorical("shift", (0, 2)))))
    assert {t.params["shift"] for t in prior.trials} == {2}


def test_the_longest_trials_come_first_then_the_newest_and_ten_suffice(new, heard, monkeypatch):
    read = []
    trials = Run.trials
    monkeypatch.setattr(Run, "trials", lambda run: read.append(run) or trials(run))
    for n in range(9):
        earlier(new, f"day-{n}", created=f"2026-11-{n + 1:02}T20:00:00+00:00")
    for n in range(3):
        earlier(new, f"night-{n}", epochs=9, created=f"2026-10-{n + 1:02}T20:00:00+00:00")
    prior = load_prior(new, CORE)
    names = [s.name for s in prior.studies]
    assert names[:4] == ["night-2", "night-1", "night-0", "day-8"]
    assert len(names) == len(read) == 10
    assert len(prior.trials) == 40
    assert heard.messages == ["prior: 2 further runs are left aside"]


@dataclass
class Planner:
    """With a plan of so many trials."""

    most: int | None = None

    @property
    def plan(self):
        return type("Profile", (), {"searched": self.most != 1})


@dataclass
class Job:
    """As much of a job as the choice needs."""

    run: Run
    request: Request = field(default_factory=Request)
    space: SearchSpace = CORE
    first_trials: tuple = ()
    planner: Planner = field(default_factory=Planner)
    said: list = field(default_factory=list)

    def note(self, stage, text):
        self.said.append((stage, text))


def test_what_is_learnt_is_kept_in_the_run_and_said(new):
    earlier(new)
    job = Job(new)
    choose_prior(job)
    assert new.read(PRIOR) == load_prior(new, CORE)
    ((stage, text),) = job.said
    assert stage == "preflight"
    assert text.startswith("the search learns from 1 earlier run on the same data (old; ")
    assert text.endswith("; --no-prior: from none")
    new.write(SPACE, CORE)
    TrialLog(new / "trials.jsonl")
    assert check_run(new) == []


@pytest.mark.parametrize(
    ("request_", "most"),
    [
        (Request(prior=False), None),
        (Request(sampler="random"), None),
        (Request(engine="keras-tuner", sampler="bayesian"), None),
        (Request(kind="train"), None),
        (Request(), 1),
    ],
)
def test_nothing_is_learnt_where_nothing_is_asked_or_searched(new, request_, most):
    earlier(new)
    job = Job(new, request=request_, planner=Planner(most))
    choose_prior(job)
    assert (new.has(PRIOR), job.said) == (False, [])


def test_the_default_is_not_written_down_so_that_older_runs_go_on():
    assert "prior" not in Request().to_dict()
    assert Request(prior=False).to_dict()["prior"] is False
