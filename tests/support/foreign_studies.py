"""Studies of other programs, really made by them, for the tests of ``fmnist import``."""

import math
from pathlib import Path

import optuna
from click.testing import CliRunner

from fmnist.cli.main import cli

optuna.logging.set_verbosity(optuna.logging.ERROR)


def objective(trial):
    """Ten values a second would do: no network, but the course of one."""
    rate = trial.suggest_float("lr", 1e-4, 1e-1, log=True)
    filters = trial.suggest_int("filters_1", 8, 64, step=8)
    dropout = trial.suggest_float("dropout", 0.0, 0.6)
    optimizer = trial.suggest_categorical("optimizer", ["Adam", "SGD"])
    value = 0.92 - abs(dropout - 0.3) / 10 - abs(math.log10(rate) + 2.5) / 30 + filters / 10_000
    value -= 0.01 * (optimizer == "SGD")
    for step in range(3):
        trial.report(value - 0.1 / (step + 1), step)
    trial.set_user_attr("val_accuracy", value)
    trial.set_user_attr("note", "<script>alert(1)</script>")
    if trial.number == 3:
        raise optuna.TrialPruned
    if trial.number == 5:
        raise RuntimeError("out of <b>luck</b>")
    return value


def optimised(storage, name="cnn", trials=12, direction="maximize", function=objective):
    sampler = optuna.samplers.RandomSampler(seed=1)
    study = optuna.create_study(
        storage=storage, study_name=name, direction=direction, sampler=sampler
    )
    study.optimize(function, n_trials=trials, catch=(RuntimeError,))
    return study


def closed(storage):
    """SQLAlchemy keeps files open until told."""
    storage.remove_session()
    storage.engine.dispose()


def sqlite_study(path, **options):
    """A study in an SQLite file; what ``optimised`` returns, in memory."""
    storage = optuna.storages.RDBStorage(f"sqlite:///{path}")
    trials = optimised(storage, **options).get_trials()
    closed(storage)
    return trials


def journal_study(path, **options):
    backend = optuna.storages.journal.JournalFileBackend(str(path))
    return optimised(optuna.storages.JournalStorage(backend), **options)


def fmnist(*words, results: Path):
    """The command, as it would be typed; its outcome."""
    place = ["--results", str(results)] if words[0] in ("import", "run", "train") else []
    return CliRunner().invoke(cli, [*map(str, words), *place])
