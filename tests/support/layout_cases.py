"""Runs whose hand-ins are hard to lay out: little to say, many fields, many long names."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
from classes_factory import with_classes
from report_factory import (
    add_statistics,
    choose,
    complete_run,
    read_trials,
    recorded,
    write,
    write_confirmation,
    write_lines,
    write_plan,
)

from fmnist.config.config import Config
from fmnist.config.spaces import FULL
from fmnist.config.toml_text import dump_config
from fmnist.runs.artifacts import BEST_CONFIG, SPACE
from fmnist.runs.folder import Run
from search.space import Categorical, Int

NIGHT = Path(__file__).parents[1] / "data" / "recorded_run"


def recorded_night(folder):
    """A run of twenty minutes by the present version, as it was left."""
    return Path(shutil.copytree(NIGHT, folder / "run"))


def thin_run(folder):
    """A run for which there was hardly any time: one complete trial, 2 of 18 epochs."""
    run = recorded(folder)
    add_statistics(run)
    write_plan(run)
    edit_json(run, "plan.json", lambda plan: plan["sizes"].update(final_epochs=18))
    edit_json(
        run, "history.json", lambda found: found.update(epochs=found["epochs"][:2], chosen_epoch=2)
    )
    first, second, *_ = read_trials(run)
    write_lines(run, "trials.jsonl", [first, replace(second, state="pruned")])
    (run / "importance.json").unlink()
    choose(run, first)
    return run


def edit_json(run, name, change):
    """Change one JSON file of the run in place."""
    found = json.loads((run / name).read_text(encoding="utf-8"))
    change(found)
    write(run, name, found)


def searched_in_full(folder):
    """A night that searched all fields of the largest space."""
    run = complete_run(folder)
    rng = np.random.default_rng(0)
    fresh = {t.number: {p.name: drawn(p, rng) for p in FULL} for t in read_trials(run)}
    trials = [
        replace(t, params=fresh[t.number if t.replicate_of is None else t.replicate_of])
        for t in read_trials(run)
    ]
    write_lines(run, "trials.jsonl", trials)
    write_confirmation(run, trials)
    Run(run).write(SPACE, FULL)
    (run / "importance.json").unlink()
    best = Config(epochs=8, **fresh[12])
    known = {"trial": 12, "validation_accuracy": 0.8443, "confirmed_validation_accuracy": 0.8453}
    Run(run).write_text(BEST_CONFIG, dump_config(best, {**known, "confirmed_runs": 3}))
    return run


def drawn(parameter, rng):
    """A value of a searched field."""
    if isinstance(parameter, Categorical):
        return parameter.choices[int(rng.integers(len(parameter.choices)))]
    if isinstance(parameter, Int):
        return int(rng.integers(parameter.low, parameter.high + 1))
    return float(rng.uniform(parameter.low, parameter.high))


def with_long_names(folder):
    """The recorded run with 47 classes whose names fill lines."""
    kinds = ("Sleeveless evening dress", "Waterproof jacket", "Donaudampfschifffahrtsgesellschaft")
    ends = ("navy blue", "for children", "with zip", "of linen", "made to measure", "second hand")
    return with_classes(folder, [f"{kinds[k % 3]} {ends[k % 6]}, number {k}" for k in range(47)])
