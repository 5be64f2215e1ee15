"""Test accuracy against the time a run was given, and what a longer one should give.

    python tests/benchmarks/accuracy_over_time.py results/*/ours-* --at 8h

Reads finished folders of ``fmnist run`` and fits the usual power law of the error to them, without
and, from four different times on, with an error that no time removes. No model is trained and no
test image read. The range of a prediction covers 95 % of refits to numbers that are redrawn within
their noise, under both laws; that the law goes on beyond the longest run is taken for granted.
"""

from __future__ import annotations

import argparse
import json
import os
import tomllib
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from paired import percent
from record import FOLDER, Benchmark, Measured, Row
from scipy.optimize import OptimizeWarning, curve_fit

from fmnist.cli.durations import parse_duration

Floats = NDArray[np.float64]
UNIT = 600.0
"""Seconds in which time counts: ``a`` is the part of the error of ten minutes that time removes."""
DRAWS = 400
RECORDED = os.path.relpath(FOLDER.parent / "data" / "recorded_run")


def power(time: Floats, a: float, b: float) -> Any:
    """Error that falls to nothing."""
    return a * time**-b


def power_and_floor(time: Floats, a: float, b: float, c: float) -> Any:
    """Error that falls to ``c``."""
    return a * time**-b + c


# Each law with the number of different times it needs.
LAWS: dict[str, tuple[Callable[..., Any], int]] = {
    "a·t^-b": (power, 2),
    "a·t^-b + c": (power_and_floor, 4),
}


def measure(options: argparse.Namespace) -> Measured:
    """What the runs reached, and what each law says of other times."""
    runs = sorted((read(Path(folder)) for folder in options.runs), key=lambda run: run["seconds"])
    given = len({run["seconds"] for run in runs})
    fits = {
        name: fitted(law, runs, options.at)
        for name, (law, needed) in LAWS.items()
        if given >= needed and len(runs) > needed
    }
    return {"runs": runs, "fits": fits, "at": options.at, "device": "unknown"}


def read(folder: Path) -> dict[str, Any]:
    """Time given, or where trials were counted time taken, and test accuracy of a run.

    Raises:
        SystemExit: no finished run lies there.
    """
    try:
        request = tomllib.loads((folder / "run.toml").read_text())["request"]
        test = json.loads((folder / "metrics.json").read_text())["test"]
        stages = json.loads((folder / "stages.json").read_text())["stages"]
    except FileNotFoundError as error:
        raise SystemExit(f"{folder}: not a finished run: {error}") from None
    seconds = request.get("time_seconds") or sum(stage["seconds"] for stage in stages)
    kept = {name: test[name] for name in ("n", "accuracy", "interval")}
    return {"run": folder.name, "seconds": seconds, **kept}


def fitted(law: Callable[..., Any], runs: list[dict[str, Any]], at: list[str]) -> dict[str, Any]:
    """Parameters of a law, and the accuracy it says for each time, with its range.

    Method: ``scipy.optimize.curve_fit``, weighted by the binomial noise of the tests. Where the
    points scatter more than that (seeds do), the noise is widened to what is seen (Birge).
    """
    times = np.array([run["seconds"] for run in runs]) / UNIT
    errors = 1 - np.array([run["accuracy"] for run in runs])
    noise = np.sqrt(errors * (1 - errors) / [run["n"] for run in runs])
    found = fit(law, times, errors, noise)
    rest = (errors - law(times, *found)) / noise
    freedom = max(1, len(runs) - len(found))
    noise = noise * max(1.0, float(np.sqrt((rest**2).sum() / freedom)))
    redrawn = np.random.default_rng(0).normal(law(times, *found), noise, (DRAWS, len(runs)))
    refits = [fit(law, times, draw.clip(1e-4), noise) for draw in redrawn]
    asked = np.array([parse_duration(text) for text in at]) / UNIT
    ranges = 1 - np.percentile([law(asked, *p) for p in refits], [97.5, 2.5], axis=0)
    middle = 1 - law(asked, *found)
    return {
        "parameters": found.tolist(),
        "predicted": np.column_stack([middle, *ranges]).tolist(),
    }


def fit(law: Callable[..., Any], times: Floats, errors: Floats, noise: Floats) -> Floats:
    """Parameters of a law, within bounds that keep it one: nothing negative, no error above 1."""
    start, top = [float(errors.max()), 0.2, 0.5 * float(errors.min())], [1.0, 3.0, 1.0]
    size = law.__code__.co_argcount - 1
    with warnings.catch_warnings():
        # The covariance is not used: the redrawn numbers give the range.
        warnings.simplefilter("ignore", OptimizeWarning)
        found, _ = curve_fit(
            law,
            times,
            errors,
            p0=start[:size],
            sigma=noise,
            bounds=([0.0] * size, top[:size]),
            max_nfev=5000,
        )
    return np.asarray(found)


def rows(measured: Measured) -> list[Row]:
    """A row a run, then a row a prediction."""
    table: list[Row] = [
        [run["run"], minutes(run["seconds"]), percent((run["accuracy"], *run["interval"]))]
        for run in measured["runs"]
    ]
    for number, text in enumerate(measured["at"]):
        found = {law: fit["predicted"][number] for law, fit in measured["fits"].items()}
        table += [
            [told(law, measured["fits"][law]["parameters"]), text, percent(predicted)]
            for law, predicted in found.items()
        ]
        if len(found) > 1:
            middles, lows, highs = zip(*found.values(), strict=True)
            both = percent((sum(middles) / len(middles), min(lows), max(highs)))
            table.append(["both laws", text, both])
    return table


def told(law: str, parameters: list[float]) -> str:
    """A law with its numbers."""
    numbers = ", ".join(
        f"{name} = {value:.3f}" for name, value in zip("abc", parameters, strict=False)
    )
    return f"error = {law}, t in 10 min: {numbers}"


def minutes(seconds: float) -> str:
    """Seconds as minutes, or as hours where there are many."""
    return f"{seconds / 3600:.3g}h" if seconds >= 3600 else f"{seconds / 60:.3g}m"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Runs, times to predict."""
    there = (FOLDER.parents[1] / "results").glob("head-to-head-*/ours-*/metrics.json")
    default = sorted(os.path.relpath(path.parent) for path in there) or [RECORDED]
    parser.add_argument(
        "runs", nargs="*", default=default, help="run folders; those of head_to_head.py"
    )
    parser.add_argument("--at", nargs="+", default=["8h"], help="times to predict, such as 2h 8h")


BENCHMARK = Benchmark(
    name="accuracy_over_time",
    doc=__doc__,
    title="Test accuracy by the time a run is given",
    columns=("run, or law fitted to the runs above", "time", "test accuracy (95 %)"),
    measure=measure,
    rows=rows,
    add_options=add_options,
    n="runs",
    split="test images read once a run; runs: Wilson; laws: 95 % of refits to redrawn numbers",
    minutes=0,
    quick={"runs": [RECORDED]},
)

if __name__ == "__main__":
    BENCHMARK.main()
