"""The opponents of ``head_to_head.py``: plain Keras, tuned as the tutorials of its tuners show it.

    python tests/benchmarks/opponents.py optuna --seconds 600 --seed 0 --output folder

``optuna`` is a TPE study with its default median pruner, ``random`` a study that draws at random,
``hyperband`` keras-tuner's tuner. Each spends 60 % of the time on the search and the rest on the
best configuration, reads the test images once, and leaves ``result.json``, ``predictions.npz`` and
``ledger.json`` in the folder. Nothing of ours trains there: the network is ``keras.Sequential``,
the training ``Model.fit`` in float32, with the settings that made it fastest (images resident as
one array, no XLA on a CPU, 16 steps a call, oneDNN). ``optuna-recipe``, ``random-recipe`` and
``hyperband-recipe`` search around our own network, recipe, augmentation and sizes instead, through
``fmnist.HyperModel``, so that search is compared with search.
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from opponent_parts import Clock, Found, Task, TimeUp, Values, keras
from trainers import trainer_for

from fmnist.config.spaces import CORE
from fmnist.data import Ledger, load, split, subset
from search.space import Float, Int, Parameter, SearchSpace

PURPOSE = "head to head: the one reading, after every choice"


def suggested(source: Any, entry: Parameter) -> Any:
    """A value of one parameter, from an Optuna trial or keras-tuner's ``HyperParameters``."""
    if hasattr(source, "suggest_int"):
        if isinstance(entry, Int):
            return source.suggest_int(entry.name, entry.low, entry.high, step=entry.step)
        if isinstance(entry, Float):
            return source.suggest_float(entry.name, entry.low, entry.high, log=entry.log)
        return source.suggest_categorical(entry.name, entry.choices)
    if isinstance(entry, Int):
        return source.Int(entry.name, entry.low, entry.high, step=entry.step)
    if isinstance(entry, Float):
        scale = "log" if entry.log else "linear"
        return source.Float(entry.name, entry.low, entry.high, sampling=scale)
    return source.Choice(entry.name, list(entry.choices))


def drawn(source: Any, space: SearchSpace) -> dict[str, Any]:
    """Values of the whole space."""
    return {entry.name: suggested(source, entry) for entry in space}


def stopping(task: Task) -> list[Any]:
    """The callbacks of a trial."""
    patience = task.trainer.sizes.patience
    return [
        keras.callbacks.EarlyStopping("val_accuracy", mode="max", patience=patience),
        TimeUp(task.clock.search),
    ]


def by_optuna(task: Task, *, random: bool = False) -> Found:
    """A study: TPE with the median pruner as Optuna sets them up, or draws at random, unpruned."""
    import optuna

    class Prune(keras.callbacks.Callback):  # type: ignore[misc]
        def __init__(self, trial: Any) -> None:
            super().__init__()
            self._trial = trial

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            self._trial.report(logs["val_accuracy"], epoch)
            if self._trial.should_prune():
                raise optuna.TrialPruned

    def objective(trial: Any) -> float:
        keras.backend.clear_session()
        values = drawn(trial, task.trainer.space)
        history = task.trainer.fit(
            task.trainer.build(values),
            values,
            task.part,
            epochs=task.trainer.sizes.epochs,
            validation_data=task.validation,
            validation_batch_size=500,
            callbacks=[*stopping(task), Prune(trial)],
            verbose=0,
        )
        return float(max(history.history["val_accuracy"]))

    kind = optuna.samplers.RandomSampler if random else optuna.samplers.TPESampler
    study = optuna.create_study(
        direction="maximize",
        sampler=kind(seed=task.seed),
        pruner=optuna.pruners.NopPruner() if random else optuna.pruners.MedianPruner(),
    )
    limit = None if task.trials else task.clock.search()
    study.optimize(objective, n_trials=task.trials, timeout=limit)
    states = [trial.state.name for trial in study.trials]
    return Found(study.best_params, states.count("COMPLETE"), states.count("PRUNED"))


def by_hyperband(task: Task) -> Found:
    """keras-tuner's Hyperband, factor 3, one pass after another until its share is spent."""
    import keras_tuner

    class Network(keras_tuner.HyperModel):  # type: ignore[misc]
        def build(self, hp: Any) -> Any:
            return task.trainer.build(drawn(hp, task.trainer.space))

        def fit(self, hp: Any, model: Any, *args: Any, **kwargs: Any) -> Any:
            return task.trainer.fit(model, hp.values, args, **kwargs)

    class UntilTimeUp(keras_tuner.Hyperband):  # type: ignore[misc]
        def on_trial_end(self, trial: Any) -> None:
            super().on_trial_end(trial)
            keras.backend.clear_session()
            done = len(self.oracle.end_order)
            if task.clock.search() <= 0 or done == task.trials:
                self.oracle.max_trials = done

    tuner = UntilTimeUp(
        Network(),
        objective=keras_tuner.Objective("val_accuracy", "max"),
        max_epochs=task.trainer.sizes.max_epochs,
        factor=3,
        hyperband_iterations=100,
        seed=task.seed,
        directory=task.folder,
        project_name="hyperband",
        overwrite=True,
    )
    tuner.search(
        *task.part,
        validation_data=task.validation,
        validation_batch_size=500,
        callbacks=stopping(task),
        verbose=0,
    )
    return Found(tuner.get_best_hyperparameters()[0].values, len(tuner.oracle.end_order))


_TUNERS: dict[str, Callable[[Task], Found]] = {
    "optuna": by_optuna,
    "hyperband": by_hyperband,
    "random": functools.partial(by_optuna, random=True),
}
PROGRAMS = {f"{name}{end}": tuner for end in ("", "-recipe") for name, tuner in _TUNERS.items()}


def retrained(task: Task, values: Values) -> tuple[Any, float, int]:
    """The best configuration on all training images: network, its validation accuracy, fits.

    Early stopping chooses the epoch. While it leaves time for most of another training, the network
    is trained again from other first weights, and validation chooses: no time is given away. A
    recipe with a schedule is trained once, over all of the time.
    """
    best, highest, fits, took = None, -1.0, 0, 0.0
    sizes = [len(labels) for _, labels in (task.part, task.train, task.validation)]
    while best is None or task.clock.fit() > 0.7 * took:
        fits += 1
        before = task.clock.fit()
        model = task.trainer.build(values)
        scheduled = task.trainer.epochs(values, before, sizes)
        history = task.trainer.fit(
            model,
            values,
            task.train,
            epochs=min(scheduled or task.epochs, task.epochs),
            validation_data=task.validation,
            validation_batch_size=500,
            callbacks=[TimeUp(task.clock.fit)] if scheduled else last_callbacks(task),
            verbose=0,
        )
        took = before - task.clock.fit()
        reached = max(history.history["val_accuracy"])
        if reached > highest:
            best, highest = model, reached
        if task.clock.seconds is None or scheduled:
            break
    return best, float(highest), fits


def last_callbacks(task: Task) -> list[Any]:
    """Of the last training: the best epoch is kept; the learning rate falls on a plateau."""
    stop = keras.callbacks.EarlyStopping(
        "val_accuracy", mode="max", patience=8, restore_best_weights=True
    )
    parallel_slowdown = keras.callbacks.ReduceLROnPlateau("val_loss", factor=0.3, patience=2)
    return [stop, parallel_slowdown, TimeUp(task.clock.fit)]


def prepared(options: argparse.Namespace) -> Task:
    """The task that the command line asks for, with the split that our run with that seed has."""
    found = load(options.data)
    trainer = trainer_for(options.program, options.seconds, options.data)
    x, y = trainer.prepare(found.train_images), found.train_labels
    splits = split(y, validation=options.validation, seed=options.seed)
    train = splits.train
    if options.images:
        train = subset(train, y, min(options.images, len(train)), seed=options.seed)
    part = subset(train, y, min(trainer.sizes.images, len(train)), seed=options.seed)
    search_ends = None
    if trainer.search_seconds is not None:
        search_ends = time.time() - options.began + trainer.search_seconds
    return Task(
        *((x[places], y[places]) for places in (train, part, splits.validation)),
        test=found.test,
        clock=Clock(options.began, options.seconds, search_ends=search_ends),
        trainer=trainer,
        seed=options.seed,
        trials=options.trials,
        epochs=options.epochs,
        folder=options.output,
    )


def tested(task: Task, model: Any, values: Values) -> None:
    """Open the test images, once, and keep labels and probabilities."""
    images, labels = task.test.open("evaluate", PURPOSE, Ledger(task.folder / "ledger.json"))
    probabilities = task.trainer.probabilities(model, values, images)
    np.savez_compressed(task.folder / "predictions.npz", labels=labels, probabilities=probabilities)


def main() -> None:
    """Search, retrain, test."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("program", choices=PROGRAMS)
    parser.add_argument("--seconds", type=float, help="all of the time; no limit when left out")
    parser.add_argument("--began", type=float, default=time.time(), help="Unix time of the start")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--trials", type=int, help="so many instead of a share of the time")
    parser.add_argument("--images", type=int, help="training images at most")
    parser.add_argument("--validation", type=int, default=6000)
    parser.add_argument("--epochs", type=int, default=1000, help="of the last training, at most")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args()
    keras.utils.set_random_seed(options.seed)
    options.output.mkdir(parents=True, exist_ok=True)
    task = prepared(options)
    found = PROGRAMS[options.program](task)
    searched = time.time() - options.began
    model, accuracy, fits = retrained(task, found.values)
    fitted = time.time() - options.began
    tested(task, model, found.values)
    values = {entry.name: found.values[entry.name] for entry in CORE}
    result = {
        "trials": found.finished,
        "pruned": found.pruned,
        "values": values,
        "seconds": {
            "search": searched,
            "fit": fitted,
            "test": time.time() - options.began,
        },
        "val_accuracy": accuracy,
        "fits": fits,
    }
    (options.output / "result.json").write_text(json.dumps(result))


if __name__ == "__main__":
    main()
    sys.stdout.flush()
    os._exit(0)  # all is written; taking TensorFlow down can last longer than the test did
