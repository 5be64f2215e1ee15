"""Engines of one worker over a shared study."""

import requires_tenacity  # noqa: F401

from search.distributed import PostgresStore
from search.engines import DEFAULT_PRUNER
from search.engines.optuna import OptunaEngine, QueueEngine


def sampling(study, worker, *, sampler="tpe", seed=0, pruner=DEFAULT_PRUNER, prior=None, **options):
    store = PostgresStore(study, worker, seed=seed, pruner=pruner, **options)
    return OptunaEngine(store, sampler=sampler, seed=seed, prior=prior)


def listed(study, worker):
    return QueueEngine(PostgresStore(study, worker))
