"""Engines: each suggests trials behind the one interface of ``base.Engine``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from search.engines.base import Accepts, Engine, accept_all
from search.engines.choices import DEFAULT_PRUNER, PRUNERS, SAMPLERS_OF, check_sampler
from search.engines.prior import Prior
from search.records import Trial
from search.space import SearchSpace

__all__ = ["DEFAULT_PRUNER", "PRUNERS", "SAMPLERS_OF", "open_engine"]


def open_engine(
    name: str,
    folder: Path,
    space: SearchSpace,
    *,
    sampler: str | None = None,
    seed: int = 0,
    pruner: str = DEFAULT_PRUNER,
    finished: Sequence[Trial] = (),
    epochs: int = 1,
    max_trials: int | None = None,
    min_next_number: int = 0,
    accepts: Accepts = accept_all,
    prior: Prior | None = None,
) -> Engine:
    """Open engine ``name`` on its file in ``folder``: ``study.db`` or ``engine.json``.

    Loads the engine's library only now.

    Args:
        sampler: one of ``SAMPLERS_OF[name]``; None: the first.
        finished: the log. What the file lacks of it is put in; numbers missing in between become
            failed trials. A file that is damaged or says otherwise is set aside and rebuilt.
        pruner: one of ``PRUNERS``.
        epochs: of a whole trial; Hyperband, halving and their like go by it.
        max_trials: what the search aims at, if known; no limit is enforced.
        min_next_number: numbers below it were given to trials, even where neither file nor log
            knows them: they become failed trials and are not given again.
        accepts: whether parameters may be tried.
        prior: what earlier studies tell; only Optuna's TPE asks it.

    Raises:
        ValueError: no such engine, sampler or pruner.
        SpaceError: file or log searched another space; the message lists the differences.
        OSError: the file cannot be read or written.
    """
    sampler = sampler or SAMPLERS_OF.get(name, ("",))[0]
    check_sampler(name, sampler)
    if name == "optuna":
        from search.engines.optuna import OptunaEngine
        from search.engines.sqlite_store import SqliteStore

        store = SqliteStore(
            folder / "study.db",
            space,
            pruner=pruner,
            epochs=epochs,
            finished=finished,
            min_next_number=min_next_number,
        )
        return OptunaEngine(store, sampler=sampler, seed=seed, accepts=accepts, prior=prior)
    from search.engines.keras_tuner import KerasTunerEngine

    return KerasTunerEngine(
        folder / "engine.json",
        space,
        sampler=sampler,
        seed=seed,
        pruner=pruner,
        finished=finished,
        epochs=epochs,
        max_trials=max_trials,
        min_next_number=min_next_number,
        accepts=accepts,
    )
