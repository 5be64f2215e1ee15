"""The loop of one machine in a shared study, apart from training."""

from types import SimpleNamespace

import pytest
import requires_tenacity  # noqa: F401
from faults_toy import EPOCHS, SPACE
from optuna.trial import TrialState

from fmnist.distributed.worker_loop import WorkerLoop
from fmnist.runs.codec import to_plain
from search.distributed import DistributedStudy
from search.distributed.artifacts import CheckpointStore, open_artifacts
from search.engines.base import accept_all
from search.engines.prior import Prior, PriorStudy
from search.study.scheduler import Budget, TrialScheduler

FACTS = {
    "sampler": "random",
    "seed": 0,
    "pruner": "none",
    "trial_epochs": EPOCHS,
    "max_trials": 4,
}


def loop_of(storage, folder, worker, **facts):
    return WorkerLoop(
        job=SimpleNamespace(accepts_beside=lambda log: accept_all),
        shared=DistributedStudy.create(storage, str(folder), SPACE, {**FACTS, **facts}),
        worker=worker,
        home=folder / worker,
        plan=TrialScheduler(Budget(None)),
        slots=1,
        artifacts=str(folder / "store"),
    )


@pytest.mark.slow
def test_a_stopped_worker_gives_its_trials_back_at_once_with_their_checkpoints(storage, tmp_path):
    one, two = (loop_of(storage, tmp_path, worker) for worker in ("one", "two"))
    stopped = one.engine.ask()
    checkpoint = one.home / "trials" / f"{stopped.number:04d}"
    checkpoint.mkdir(parents=True)
    (checkpoint / "weights").write_bytes(b"of epoch 2")

    one.give_back()

    states = [t.state for t in two.shared.all_trials()]
    assert states == [TrialState.FAIL, TrialState.WAITING]
    (lost,) = two.shared.records()
    assert lost.failure.message == "one was stopped and gave it back"
    again = two.engine.ask()
    assert (again.params, again.retry_of) == (stopped.params, stopped.number)
    store = open_artifacts(tmp_path / "store")
    assert CheckpointStore(store, two.shared).fetch(again.number, tmp_path / "there")
    assert (tmp_path / "there" / "weights").read_bytes() == b"of epoch 2"
    one.close()
    two.close()


def test_every_machine_has_the_prior_of_the_study(storage, tmp_path):
    params = next(SPACE.grid(2))
    known = to_plain(Prior((PriorStudy("night", 9),), (params,), ()))
    loop = loop_of(storage, tmp_path, "one", sampler="tpe", prior=known)
    suggestion = loop.engine.ask()
    assert (suggestion.params, suggestion.prior) == (params, True)
    loop.close()
