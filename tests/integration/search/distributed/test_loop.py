"""The loop of a study among other workers: records, lost trials, checkpoints handed on."""

from dataclasses import replace

import pytest
from faults_toy import EPOCHS, toy_epoch
from shared_engines import sampling
from shared_here import Worker, stale

from search.distributed import DistributedTrialLog, recovery
from search.distributed.artifacts import CheckpointStore, open_artifacts
from search.records import Failure
from search.tasks import Ended


@pytest.fixture
def store(tmp_path):
    return open_artifacts(tmp_path / "artifacts")


def test_a_study_of_one_worker_is_as_any_other(storage, tmp_path):
    one = Worker(storage, tmp_path, "one")
    one.run()
    records = one.shared.records()
    assert [t.number for t in records] == [0, 1, 2, 3]
    assert one.log.trials == one.log.own == records == one.heard.done
    assert [t.state for t in records] == ["complete"] * 4
    for trial in records:
        assert list(trial.epochs) == [
            toy_epoch(trial.params, trial.seed, n) for n in range(1, EPOCHS + 1)
        ]
    assert [t.value for t in one.shared.all_trials()] == [t.value for t in records]
    assert DistributedTrialLog(one.shared, tmp_path / "one" / "trials.jsonl", "one").own == records
    assert not list((tmp_path / "one" / "trials").iterdir())


def test_a_list_is_run_with_the_seeds_of_its_tasks(storage, tmp_path):
    params = {"size": 32, "rate": 0.01, "batch": 64}
    tasks = [{"params": params, "seed": 70 + n, "epochs": 2 + n, "replicate_of": 9} for n in (0, 1)]
    one = Worker(storage, tmp_path, "one", {"tasks": tasks})
    one.run()
    found = [(t.seed, len(t.epochs), t.replicate_of, t.state) for t in one.shared.records()]
    assert found == [(70, 2, 9, "complete"), (71, 3, 9, "complete")]


def test_a_record_lost_by_a_crash_is_fetched_from_the_database(storage, tmp_path):
    one = Worker(storage, tmp_path, "one")
    one.run()
    lines = (tmp_path / "one" / "trials.jsonl").read_bytes().splitlines(keepends=True)
    (tmp_path / "one" / "trials.jsonl").write_bytes(b"".join(lines[:2]))
    again = DistributedTrialLog(one.shared, tmp_path / "one" / "trials.jsonl", "one")
    assert again.own == one.shared.records()
    other = DistributedTrialLog(one.shared, tmp_path / "two.jsonl", "two")
    assert other.own == []
    assert other.trials == one.shared.records()
    assert other.best() == one.log.best()


@pytest.mark.parametrize("epoch", [1, 2, EPOCHS])
def test_a_trial_given_to_another_is_dropped_and_the_loop_goes_on(storage, tmp_path, epoch):
    one = Worker(storage, tmp_path, "one")
    two = sampling(one.shared, "two", sampler="random", pruner="none")
    taken = []

    def lose(task, number):
        """The worker slept before this epoch was reported; another one has its trial now."""
        if task.number == 1 and number == epoch and not taken:
            stale(storage)
            assert recovery.requeue_stale_trials(one.shared) == [1]
            taken.append(two.ask())
            storage.contact._since = storage.contact._last

    one.runner.before_epoch = lose
    one.loop.stop = lambda: len(one.heard.done) >= 3
    one.loop.run()
    assert one.runner.cancelled[0] == (1, "interrupted")
    assert [t.number for t in one.heard.done[:3]] == [0, 1, 3]
    lost = one.heard.done[1]
    assert (lost.state, lost.failure.kind) == ("failed", "interrupted")
    assert "given to another worker" in lost.failure.message
    assert [t.number for t in one.log.own] == [0, 3]
    records = {t.number: t for t in one.shared.records()}
    assert records[1].failure.message == "one gave no sign of life any more"
    assert len(records[1].epochs) == epoch - 1
    assert (taken[0].number, taken[0].retry_of) == (2, 1)
    assert not (one.folder / "trials" / "0001").exists()
    for engine in (one.engine, two):
        engine.close()


@pytest.mark.slow
def test_a_trial_lost_between_its_last_epoch_and_its_end_is_not_recorded(storage, tmp_path):
    one = Worker(storage, tmp_path, "one")
    ended = one.runner.wait

    def wait(seconds):
        events = ended(seconds)
        if any(isinstance(e, Ended) and e.number == 0 for e in events):
            stale(storage)
            assert recovery.requeue_stale_trials(one.shared) == [0]
            storage.contact._since = storage.contact._last
        return events

    one.runner.wait = wait
    one.run()
    records = one.shared.records()
    assert [t.state for t in records] == ["failed"] + ["complete"] * 4
    assert len(records[0].epochs) == EPOCHS
    assert [t.retry_of for t in records].count(0) == 1
    assert [t.number for t in one.log.own] == [1, 2, 3, 4]


@pytest.mark.slow
def test_a_dead_workers_checkpoint_is_taken_over(storage, tmp_path, store):
    one = Worker(storage, tmp_path, "one")
    kept = CheckpointStore(store, one.shared, every=0)
    one.loop.checkpoints = replace(one.loop.checkpoints, upload=kept.put)

    def die(task, number):
        if number == 3:
            raise KeyboardInterrupt

    one.runner.before_epoch = die
    with pytest.raises(KeyboardInterrupt):
        one.loop.run()
    one.engine.close()
    stale(storage)
    assert recovery.requeue_stale_trials(one.shared) == [0]
    assert len(list((tmp_path / "artifacts").iterdir())) == 1

    two = Worker(storage, tmp_path, "two")
    there = CheckpointStore(store, two.shared)
    two.loop.checkpoints = replace(two.loop.checkpoints, download=there.fetch)
    two.runner.before_epoch = lambda task, number: trained.append((task.number, number))
    trained = []
    two.run()
    heir = two.shared.records()[1]
    assert (heir.retry_of, heir.resumed, heir.state) == (0, (2,), "complete")
    assert heir.seed == two.shared.records()[0].seed
    assert list(heir.epochs) == [toy_epoch(heir.params, heir.seed, n) for n in range(1, EPOCHS + 1)]
    assert [number for trial, number in trained if trial == 1] == [3, 4]
    kept.drop(0)  # its heir might still need it
    assert list((tmp_path / "artifacts").iterdir())
    kept.drop(1)
    assert not list((tmp_path / "artifacts").iterdir())


@pytest.mark.slow
def test_a_worker_started_again_goes_on_with_its_own_trial(storage, tmp_path):
    one = Worker(storage, tmp_path, "one")
    one.loop.stop = lambda: len(one.loop.epoch_log.of(0)) == 2
    one.loop.run()
    one.engine.close()
    again = Worker(storage, tmp_path, "one")
    again.run()
    first = again.shared.records()[0]
    assert (first.state, first.resumed) == ("complete", (2,))
    assert again.heard.started == [0, 1, 2, 3]


def test_a_failure_of_a_child_is_no_loss_of_the_trial(storage, tmp_path):
    """What one worker fails for good counts for it alone."""
    one = Worker(storage, tmp_path, "one")
    number = one.engine.ask().number
    record = one.loop._new(one.engine.running()[0])
    record.failure = Failure("bug", "the shapes do not fit")
    one.log.append(record.record([]))
    two = DistributedTrialLog(one.shared, tmp_path / "two.jsonl", "two")
    assert (one.log.own, two.own) == (two.trials, [])
    assert two.trials[0].number == number
    one.engine.close()
