"""The stage of the experiments without networks: what it trains, keeps, tries again and skips."""

import json
import time
from dataclasses import replace

import numpy as np
import pytest
from fake_runner import Clock, Inline, epoch

from fmnist.ablation import store
from fmnist.analysis.paired_effects import ONE_SEED, UNPAIRED
from fmnist.config.toml_text import dump_config
from fmnist.errors import UserError
from fmnist.pipeline.context import Context
from fmnist.pipeline.planner import planner
from fmnist.pipeline.progress import ProgressDisplay
from fmnist.pipeline.request import Request
from fmnist.pipeline.stages import ablation as stage
from fmnist.pipeline.stages.ablation import Session
from fmnist.runs.artifacts import EXPERIMENTS_EPOCHS, EXPERIMENTS_TRIALS, HISTORY
from fmnist.runs.config_source import load_config
from fmnist.runs.folder import Run
from fmnist.runs.records.metrics import History
from fmnist.training.objective import answers_file
from search.records import Failure, TrialLog
from search.study.scheduler import Budget

LOSSES = {"stages": 0.2, "pooling": 0.0, "normalisation": 0.1, "batch_norm": -0.05}
"""What a change costs in accuracy."""
CANNOT = {
    "label_smoothing": "label smoothing is already 0",
    "narrower": "numbers of filters are multiples of 8",
}
"""What the configuration of the run has no experiment on."""
MADE = 19
"""Experiments that it has."""


class Told(ProgressDisplay):
    """Keeps the messages."""

    def __init__(self):
        super().__init__()
        self.messages = []

    def message(self, text):
        self.messages.append(text)


@pytest.fixture
def run(tmp_path, sample):
    run = Run(tmp_path / "run")
    config = load_config(sample.parent / "small_config.toml").replace(dropout=0.2)
    run.write_text("best_config.toml", dump_config(config))
    epochs = (replace(epoch(n, 0.5), seconds=seconds) for n, seconds in ((1, 1.0), (2, 1.2)))
    run.write(HISTORY, History(tuple(epochs), 1, "", 300))
    return run


def job_of(run, sample, seconds=10_000.0, **asked):
    """A job of which only the experiments are left."""
    request = Request(data=str(sample), validation=300, time_seconds=seconds, jobs=1, **asked)
    job = Context(run=run, request=request, display=Told(), base=load_config(run.path))
    job.budget = Budget(seconds, clock=Clock())
    return job


class Faked(Session):
    """A session whose children only pretend: their accuracies follow from the changes."""

    failing, seconds, answering, stop_after = (), 1.0, True, None

    def _children(self, objective):
        self.objective = objective
        self.runner = Inline(self.pretend)
        return self.runner

    def pretend(self, task):
        params = {k: v for k, v in task.params.items() if k != "images"}
        if set(params) & set(self.failing):
            yield Failure("nan", "the loss became nan in epoch 1")
        right = 240 - round(300 * sum(LOSSES.get(k, 0) for k in params)) + task.seed % 7
        for number in range(1, task.epochs + 1):
            self.job.budget.clock.now += self.seconds
            if self.answering:
                self.answer(task, right)
            if self.stop_after is not None and len(self.runner.tasks) > self.stop_after:
                self.job.interrupt.requested = True
            yield epoch(number, right / 300, self.seconds)

    def answer(self, task, right):
        labels = self.objective.training.validation[1]
        answers = np.where(np.arange(300) < right, labels, (labels + 1) % 10).astype(np.int16)
        path = answers_file(task.folder)
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, answers)


def made(job, only=(), asked=None, **how):
    session = Faked(job, only, asked or {"images": 200, "epochs": 2, "seeds": 3})
    for name, value in how.items():
        setattr(session, name, value)
    session.work()
    return session, json.loads((job.run / "experiments.json").read_text())


def verdicts(record):
    return {e["key"]: e["verdict"] for e in record["experiments"]}


def test_every_variant_stands_beside_the_base_on_the_same_seeds_and_images(run, sample):
    session, record = made(job_of(run, sample))
    found = verdicts(record)
    assert found["dense"] == "worse"
    assert found["batch_norm"] == "better"
    assert found["pooling"] == "not decided"
    assert {e["seeds"] for e in record["experiments"]} == {3}
    seeds = {tuple(s["seed"] for s in e["scores"]) for e in record["experiments"]}
    assert seeds == {tuple(s["seed"] for s in record["base"]["scores"])}
    assert len(set(seeds.pop())) == 3
    images = {e["key"]: e["images"] for e in record["experiments"]}
    assert (images.pop("more_images"), set(images.values())) == (400, {200})
    epochs = {e["key"]: e["epochs"] for e in record["experiments"]}
    assert (epochs.pop("longer"), set(epochs.values())) == (4, {2})
    assert [t.params for t in session.runner.tasks[:3]] == [{"images": 200}] * 3
    assert not (run / "trials").exists()


def test_only_training_and_validation_images_are_read(run, sample):
    made(job_of(run, sample))
    entries = json.loads((run / "ledger.json").read_text())["entries"]
    assert [(e["stage"], e["split"], e["n"]) for e in entries] == [
        ("experiments", "train", 400),
        ("experiments", "validation", 300),
    ]


def test_the_images_are_a_stratified_share_of_the_training_split(run, sample):
    job = job_of(run, sample)
    session, _ = made(job, only=["pooling"])
    training = session.objective.training
    share = training.share
    assert len(set(share)) == len(share) == 400
    for n in (200, 400):
        counts = np.bincount(training.train[1][share[:n]], minlength=10)
        assert counts.max() - counts.min() <= 2
    assert len(training.train[1]) == len(job.splits.train) == 1700


def test_a_variant_that_fails_costs_only_itself(run, sample):
    job = job_of(run, sample)
    _, record = made(job, failing=["pooling"])
    reasons = {s["key"]: s["reason"] for s in record["skipped"]}
    failed = "its training failed (nan: the loss became nan in epoch 1)"
    assert reasons == CANNOT | {"pooling": failed, "pooling_other": failed}
    assert len(record["experiments"]) == MADE - 2
    assert any("average pooling" in m and "nan" in m for m in job.display.messages)


def test_what_the_time_does_not_allow_is_skipped_and_made_later(run, sample, monkeypatch):
    monkeypatch.setattr(stage.Costs, "upper_estimate", lambda *_: 2.0)
    short = job_of(run, sample)
    # Less what is kept for the report, of which there is a share at most: seven trainings.
    short.budget.total = 15.0 / (1 - planner._TAIL_SHARE * stage._REPORTING)
    session, record = made(short)
    assert len(session.runner.tasks) == 7
    assert short.budget.remaining() >= stage._REPORTING * short.planner.reporting_seconds()
    assert set(verdicts(record)) == {"dense", "pooling"}
    assert record["experiments"][1]["seeds"] == 1
    late = {s["key"] for s in record["skipped"] if s["reason"] == "there was no time"}
    assert "dropout" in late
    later, record = made(job_of(run, sample))
    numbers = [t.number for t in later.runner.tasks]
    assert len(numbers) == 3 * (1 + MADE) - 7  # those that were over are not made again
    assert not late & {s["key"] for s in record["skipped"]}
    assert {e["seeds"] for e in record["experiments"]} == {3}


def test_what_will_be_made_and_what_has_no_time_is_said_first(run, sample, monkeypatch):
    monkeypatch.setattr(stage.Costs, "upper_estimate", lambda *_: 2.0)
    monkeypatch.setattr(Session, "_left", lambda _: 8.0 * session.prices.slowness + 9.0)
    job = job_of(run, sample)
    session = Faked(job, ["kernel_5", "dense", "wider"], {"images": 200, "epochs": 2, "seeds": 3})
    monkeypatch.setattr(session, "_train", lambda _: said.extend(job.display.messages))
    said = []
    session.work()
    # Four trainings of two seconds each: the base thrice, and one of the dense network.
    assert len(said) == 2
    assert said[0].startswith("12 trainings of 200 images for 2 epochs, 3 seeds: about ")
    assert said[1] == (
        "no time is expected for: a dense network of equal parameters; "
        "kernels of 5 × 5 instead of 3 × 3; more filters (8, 16)"
    )


def test_a_session_that_goes_on_says_only_what_is_left(run, sample):
    made(job_of(run, sample), only=["dense"])
    job = job_of(run, sample)
    made(job, only=["dense", "pooling"])
    assert job.display.messages[0].startswith("3 trainings of 200 images for 2 epochs, 3 seeds: ")
    again = job_of(run, sample)
    made(again, only=["dense", "pooling"])
    assert again.display.messages == ["experiments: 2 experiments made, 19 skipped"]


def test_both_confusion_matrices_of_augmentation_are_recorded(run, sample):
    _, record = made(job_of(run, sample), only=["dense", "augmentation"])
    found = {e["key"]: e for e in record["experiments"]}
    assert "confusions" not in found["dense"]
    e = found["augmentation"]
    base, variant = (np.array(e["confusions"][of]) for of in ("base", "variant"))
    assert base.shape == variant.shape == (10, 10)
    assert base.sum() == variant.sum() == 3 * 300
    assert np.trace(base) == round(900 * e["base_accuracy"])
    assert np.trace(variant) == round(900 * e["accuracy"])


def test_a_session_that_was_stopped_goes_on(run, sample):
    job = job_of(run, sample)
    with pytest.raises(KeyboardInterrupt):
        made(job, stop_after=4)
    assert not run.has("experiments.json")
    done = len(TrialLog(run / "experiments.jsonl").trials)
    assert done >= 3
    session = Faked(job_of(run, sample))  # the size is the one that was begun with
    session.work()
    record = json.loads((run / "experiments.json").read_text())
    assert record["fidelity"] == {"images": 200, "validation": 300, "epochs": 2, "seeds": 3}
    assert len(record["experiments"]) == MADE
    assert len(session.runner.tasks) <= 3 * (1 + MADE) - done


def test_without_time_nothing_is_begun(run, sample):
    job = job_of(run, sample)
    job.budget.total = 1.0
    Faked(job).work()
    record = json.loads((run / "experiments.json").read_text())
    assert record["experiments"] == []
    assert record["base"] is None
    assert {s["reason"] for s in record["skipped"]} == {"there was no time", *CANNOT.values()}
    assert not run.has("experiments.jsonl")
    assert job.display.messages == ["experiments: all skipped: there was no time"]
    Faked(job_of(run, sample), [], {"images": 200, "epochs": 1, "seeds": 1}).work()
    assert len(json.loads((run / "experiments.json").read_text())["experiments"]) == MADE


def test_single_experiments_are_added_to_those_there_are(run, sample):
    made(job_of(run, sample), only=["dense"])
    session, record = made(job_of(run, sample), only=["pooling"], asked={"seeds": 3})
    assert len(session.runner.tasks) == 3
    assert set(verdicts(record)) == {"dense", "pooling"}
    assert {s["reason"] for s in record["skipped"] if s["key"] == "dropout"} == {"not asked for"}
    with pytest.raises(UserError, match="--images 100: the other experiments have 200"):
        made(job_of(run, sample), only=["wider"], asked={"images": 100})


def test_another_size_begins_anew(run, sample):
    made(job_of(run, sample), only=["dense"])
    session, record = made(job_of(run, sample), asked={"images": 300, "epochs": 2, "seeds": 1})
    assert len(session.runner.tasks) == 1 + MADE
    assert record["fidelity"]["images"] == 300
    assert {e["method"] for e in record["experiments"]} == {ONE_SEED}


@pytest.mark.slow
def test_more_time_adds_seeds(run, sample, monkeypatch):
    made(job_of(run, sample), asked={"images": 1700, "epochs": 32, "seeds": 1})
    job = job_of(run, sample)
    session = Faked(job)
    session.work()
    assert json.loads((run / "experiments.json").read_text())["fidelity"]["seeds"] > 1
    assert min(t.number for t in session.runner.tasks) >= 100


def test_the_answers_are_kept_and_add_up(run, sample):
    made(job_of(run, sample), only=["dense"])
    with np.load(run / "experiments.npz") as arrays:
        labels = arrays["labels"]
        right = {
            int(name.removeprefix("training_")): int((arrays[name] == labels).sum())
            for name in arrays.files
            if name != "labels"
        }
    trials = {t.number: t for t in TrialLog(run / "experiments.jsonl").trials}
    assert right == {n: round(300 * t.epochs[-1].val_accuracy) for n, t in trials.items()}
    assert len(right) == 6


def test_without_answers_the_interval_is_the_unpaired_one(run, sample):
    asked = {"images": 200, "epochs": 1, "seeds": 1}
    _, record = made(job_of(run, sample), only=["dense"], asked=asked, answering=False)
    assert record["experiments"][0]["method"] == UNPAIRED


def test_without_a_limit_the_telling_ones_are_made_unless_all_are_asked_for(run, sample):
    keys = []
    for asked in (None, "all"):
        job = job_of(run, sample, seconds=None, experiments=asked)
        job.budget.total = None
        session = Faked(job)
        keys.append([e.key for e in session._wanted()])
        assert session._new_size().seeds == 3
    telling = ["dense", "pooling", "normalisation_raw", "dropout", "augmentation", "batch_norm"]
    assert keys[0] == telling
    assert len(keys[1]) == MADE


@pytest.mark.parametrize(
    ("asked", "wanted"),
    [
        ({"kind": "search"}, True),
        ({"kind": "train"}, False),
        ({"kind": "search", "recipe": "three-conv"}, False),
        ({"kind": "search", "experiments": "none"}, False),
        ({"kind": "train", "experiments": "all"}, True),
        ({"kind": "train", "recipe": "simple-cnn", "experiments": "all"}, True),
    ],
)
def test_who_makes_them_unasked(run, asked, wanted):
    job = Context(run=run, request=Request(**asked), display=Told(), base=load_config(run.path))
    assert job.request.wants_experiments is wanted
    assert job.planner.workload.experiments is wanted
    assert ("experiments" in Request(**asked).to_dict()) == ("experiments" in asked)


def test_what_the_time_cut_off_is_struck_from_log_and_journal(run):
    kept = store.Files(run, run / "trials" / "experiments")
    rows = [_row(0, None), _row(1, {"kind": "deadline", "message": "not started"}), _row(2, None)]
    run.write_text(EXPERIMENTS_TRIALS, "".join(json.dumps(r) + "\n" for r in rows))
    epochs = [{"trial": n, **vars(epoch(1, 0.5))} for n in (0, 1, 2)]
    run.write_text(EXPERIMENTS_EPOCHS, "".join(json.dumps(e) + "\n" for e in epochs))
    kept.strike()
    assert [t.number for t in kept.log.trials] == [0, 2]
    assert kept.journal.unrecorded(kept.log.trials) == ()
    before = (run / EXPERIMENTS_TRIALS).read_bytes()
    kept.strike()
    assert (run / EXPERIMENTS_TRIALS).read_bytes() == before


def _row(number, failure):
    return {
        "schema": 1, "number": number, "state": "failed" if failure else "complete",
        "params": {"images": 10}, "value": None if failure else 0.5,
        "epochs": [] if failure else [vars(epoch(1, 0.5))], "seed": 1,
        "started": time.strftime("%Y-%m-%dT%H:%M:%S+00:00"), "seconds": 1.0, "failure": failure,
        "retries": [], "resumed": [], "replicate_of": None, "retry_of": None, "peak_memory": None,
    }  # fmt: skip
