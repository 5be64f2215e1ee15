"""The same wall clock for our job and for the usual ways: who is more accurate?

    python tests/benchmarks/head_to_head.py --time 10m --seeds 0,1,2

``ours`` is ``fmnist run`` as a user starts it, report included, ``default`` the same without a
search, so that the search has to earn its time; the others are in ``opponents.py``:
Optuna's TPE and keras-tuner's Hyperband around plain Keras, and random search, over the core space,
and the same three around our own network and recipe, which compares search with search.
Each runs alone, in processes of its own; the order turns with the seed, so that a slow spell of the
machine hits all. Each reads the test images once, when it has chosen. What is done is journalled in
``--folder`` with all predictions: the same command goes on after an interruption.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from paired import difference, mean_interval, percent, points, verdict
from record import FOLDER, Benchmark, Measured, Row, say, surroundings

from fmnist.analysis.classification import summarise
from fmnist.cli.durations import parse_duration
from fmnist.errors import UserError

NAMES = {
    "ours": "ours, `fmnist run`",
    "default": "ours without a search, `--trials 1`",
    "optuna": "Optuna TPE, plain Keras",
    "hyperband": "keras-tuner Hyperband, plain Keras",
    "random": "random search, plain Keras",
    "optuna-recipe": "Optuna TPE, our recipe",
    "hyperband-recipe": "keras-tuner Hyperband, our recipe",
    "random-recipe": "random search, our recipe",
}
OURS = ("ours", "default")
Key = tuple[str, int]


def measure(options: argparse.Namespace) -> Measured:
    """A row for every contender and seed, and how far ours is ahead of each."""
    folder = options.folder or default_folder(options)
    folder.mkdir(parents=True, exist_ok=True)
    journal, asked = folder / "rows.jsonl", asked_of(options)
    done = journalled(journal, asked)
    wanted = order(options.only, options.seeds)
    missing = [key for key in wanted if key not in done]
    say(f"{len(missing)} of {len(wanted)} runs to do, {options.time} each; kept in {folder}")
    for name, seed in missing:
        row = contend(name, seed, options, folder)
        if row is None:
            continue
        done[name, seed] = row
        with journal.open("a") as lines:
            lines.write(json.dumps({"asked": asked, "key": [name, seed], "row": row}) + "\n")
    lost = [f"{name} (seed {seed})" for name, seed in wanted if (name, seed) not in done]
    if lost:
        raise SystemExit(f"no result of {', '.join(lost)}: the same command tries these again")
    rows = {name: [done[name, seed] for seed in options.seeds] for name in options.only}
    return {"rows": rows, "differences": differences(rows, folder, options.seeds)}


def default_folder(options: argparse.Namespace) -> Path:
    """Under ``results``; what only shows that the command works goes elsewhere."""
    if options.quick:
        return Path(tempfile.mkdtemp(prefix="head-to-head-"))
    return FOLDER.parents[1] / "results" / f"head-to-head-{options.time}"


def asked_of(options: argparse.Namespace) -> dict[str, Any]:
    """What has to be the same for two rows to stand in one table."""
    names = ("time", "trials", "images", "validation", "epochs")
    return {
        **{name: getattr(options, name) for name in names},
        "data": str(options.data),
        **surroundings("unknown"),
    }


def order(names: list[str], seeds: list[int]) -> list[Key]:
    """All runs; who begins changes from seed to seed."""
    turned = [(names[k % len(names) :] + names[: k % len(names)], s) for k, s in enumerate(seeds)]
    return [(name, seed) for some, seed in turned for name in some]


def journalled(journal: Path, asked: dict[str, Any]) -> dict[Key, dict[str, Any]]:
    """The rows of runs that were asked the same."""
    lines = journal.read_text().splitlines() if journal.exists() else []
    entries = [json.loads(line) for line in lines if line.endswith("}")]
    return {tuple(e["key"]): e["row"] for e in entries if e["asked"] == asked}


def contend(
    name: str, seed: int, options: argparse.Namespace, folder: Path
) -> dict[str, Any] | None:
    """Run one contender; its row, or None where it failed."""
    run = folder / f"{name}-{seed}"
    shutil.rmtree(run, ignore_errors=True)  # what was interrupted had its time already
    log = folder / f"{name}-{seed}.log"
    since = time.time()
    with log.open("w") as output:
        started = (ours if name in OURS else theirs)(name, seed, options, run)
        done = subprocess.run(started, stdout=output, stderr=output)
    wall = time.time() - since
    if done.returncode:
        say(f"{name}, seed {seed}: ended with {done.returncode} after {wall:.0f} s: see {log}")
        return None
    late = not options.trials and wall > parse_duration(options.time)
    row = {**result(run, name in OURS), "seed": seed, "wall": wall, "late": late}
    say(f"{name}, seed {seed}: {row['accuracy']:.2%}, {row['trials']} trials, {wall:.0f} s")
    return row


def ours(name: str, seed: int, options: argparse.Namespace, run: Path) -> list[str]:
    """The command of our job; with a number of trials, as small as its options make it."""
    command = [sys.executable, "-m", "fmnist", "run", "--seed", str(seed), "--quiet"]
    # Seeds in one folder must not learn from each other.
    command += ["--no-prior"]
    command += ["--results", str(run.parent), "--name", run.name]
    command += ["--data", str(options.data)] if options.data else []
    if name == "default":
        command += ["--trials", "1"]
    if not options.trials:
        return [*command, "--time", options.time]
    sizes = {"trials": options.trials, "trial-images": options.images, "trial-epochs": 1}
    sizes |= {"epochs": options.epochs, "validation": options.validation}
    return [*command, *(f"--{k}={v}" for k, v in sizes.items() if v)]


def theirs(name: str, seed: int, options: argparse.Namespace, run: Path) -> list[str]:
    """The command of an opponent, whose time begins now."""
    command = [sys.executable, str(FOLDER / "opponents.py"), name, f"--seed={seed}"]
    if not options.trials:
        command += [f"--seconds={parse_duration(options.time)}", f"--began={time.time()}"]
    sizes = ("trials", "images", "validation", "epochs", "data")
    command += [f"--{k}={getattr(options, k)}" for k in sizes if getattr(options, k)]
    return [*command, f"--output={run}"]


def result(run: Path, of_a_run: bool) -> dict[str, Any]:
    """What a finished contender left; its predictions go to ``<folder>-predictions.npz``."""
    prefix = "test_" if of_a_run else ""
    with np.load(run / "predictions.npz") as arrays:
        labels, probabilities = arrays[f"{prefix}labels"], arrays[f"{prefix}probabilities"]
    np.savez_compressed(predictions(run), labels=labels, probabilities=probabilities)
    entries = json.loads((run / "ledger.json").read_text())["entries"]
    readings = sum(entry["split"] == "test" for entry in entries)
    return {
        **vars(summarise(labels, probabilities)),
        "test_readings": readings,
        **(our_trials(run) if of_a_run else json.loads((run / "result.json").read_text())),
    }


def predictions(run: Path) -> Path:
    """Labels and probabilities of the test images, for tests such as McNemar's."""
    return run.with_name(f"{run.name}-predictions.npz")


def our_trials(run: Path) -> dict[str, Any]:
    """How many trials of our run ended in which way."""
    lines = (run / "trials.jsonl").read_text().splitlines()
    states = [json.loads(line)["state"] for line in lines]
    return {"trials": states.count("complete"), "pruned": states.count("pruned")}


def differences(
    rows: dict[str, Any], folder: Path, seeds: list[int]
) -> dict[str, list[float] | None]:
    """Ours less each opponent, with its interval; none where ours did not run."""
    if "ours" not in rows:
        return dict.fromkeys(rows)
    right = {name: right_of(name, folder, seeds) for name in rows}
    return {
        name: None if name == "ours" else list(difference(right["ours"], right[name]))
        for name in rows
    }


def right_of(name: str, folder: Path, seeds: list[int]) -> Any:
    """Whether right, bool [seeds, images]."""
    found = []
    for seed in seeds:
        with np.load(predictions(folder / f"{name}-{seed}")) as arrays:
            found.append(arrays["probabilities"].argmax(axis=1) == arrays["labels"])
    return np.array(found)


def rows(measured: Measured) -> list[Row]:
    """A row a contender."""
    return [
        line(name, found, measured["differences"][name]) for name, found in measured["rows"].items()
    ]


def line(name: str, found: list[dict[str, Any]], ahead: list[float] | None) -> Row:
    """A contender's seeds, their mean, and ours against it."""
    each = ", ".join(percent((row["accuracy"], *row["interval"])) for row in found)
    return [
        NAMES[name],
        each,
        percent(mean_interval([row["accuracy"] for row in found])) if len(found) > 1 else "–",
        ", ".join(f"{row['trials']} + {row['pruned']}" for row in found),
        ", ".join(f"{row['wall']:.0f}{' (late)' * row['late']}" for row in found),
        points(ahead),
        verdict(ahead),
    ]


def add_options(parser: argparse.ArgumentParser) -> None:
    """Time, seeds, contenders, where it is kept; sizes for tries."""
    parser.add_argument("--time", type=checked_time, default="10m", help="of each run")
    parser.add_argument("--seeds", type=numbers, default=[0, 1, 2], help="such as 0,1,2")
    parser.add_argument("--only", type=names, default=list(NAMES), help=",".join(NAMES))
    parser.add_argument("--folder", type=Path, help="of journal, runs and predictions")
    small = parser.add_argument_group("instead of a time, to try the command")
    small.add_argument("--trials", type=int, help="of each search")
    small.add_argument("--images", type=int, help="training images at most")
    small.add_argument("--validation", type=int, default=6000)
    small.add_argument("--epochs", type=int, help="of the last training")


def checked_time(text: str) -> str:
    """A time that ``fmnist run`` takes."""
    try:
        parse_duration(text)
    except UserError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text


def numbers(text: str) -> list[int]:
    """Numbers between commas, none twice."""
    return list(dict.fromkeys(int(part) for part in text.split(",")))


def names(text: str) -> list[str]:
    """Contenders between commas, in the usual order."""
    asked = text.split(",")
    if unknown := [name for name in asked if name not in NAMES]:
        raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: not one of {', '.join(NAMES)}")
    return [name for name in NAMES if name in asked]


BENCHMARK = Benchmark(
    name="head_to_head",
    doc=__doc__,
    title="The same wall clock for our job and for the usual ways",
    columns=(
        "contender",
        "test accuracy, each seed (Wilson, 95 %)",
        "mean (t, 95 %)",
        "trials: complete + pruned",
        "wall, s",
        "ours less this, points (95 %)",
        "",
    ),
    measure=measure,
    rows=rows,
    add_options=add_options,
    n="seeds",
    split="{time} each, test images read once a run; differences: two-way random effects of the "
    "seeds and of the test images, which all share",
    minutes=245,
    quick={"seeds": [0], "trials": 1, "images": 600, "validation": 200, "epochs": 1},
)

if __name__ == "__main__":
    BENCHMARK.main()
