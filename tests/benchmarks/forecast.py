"""Add finished runs to what ``fmnist plan`` forecasts the test accuracy by.

    python tests/benchmarks/forecast.py results/*

Reads the run folders; nothing is trained and no test image read. A run that is known is not added
again. Prints the forecast for each: made without it, so that the share inside the interval tells
whether the forecast can be trusted.
"""

from __future__ import annotations

import argparse
import json
import tomllib
from pathlib import Path
from typing import Any

import tomli_w

from fmnist.config.config import Config
from fmnist.data.views import Views
from fmnist.pipeline.planner import forecast
from fmnist.text import counted

FILE = Path(forecast.__file__).with_name("forecast.toml")


def read(folder: Path) -> dict[str, Any]:
    """What a finished run tells: work of its final training, test accuracy, where it ran.

    Raises:
        SystemExit: no finished run lies there.
    """
    try:
        config = tomllib.loads((folder / "best_config.toml").read_text())
        history, metrics, machine, plan, stages = (
            json.loads((folder / f"{name}.json").read_text())
            for name in ("history", "metrics", "environment", "plan", "stages")
        )
    except FileNotFoundError as error:
        raise SystemExit(f"{folder}: not a finished run: {error}") from None
    values = {**config["model"], **config["training"]}
    epochs, images = len(history["epochs"]), history["training_images"]
    return {
        "started": stages["stages"][0]["started"],
        "machine": f"{machine['cpu']}, {counted(machine['cores'], 'core')}",
        "seconds": plan["budget_seconds"] or 0,
        "work": round(forecast.training_work(Config(**values), epochs, images)),
        "accuracy": metrics["test"]["accuracy"],
        "views": Views.of(Config(**values)).count,
    }


def left_out(runs: list[dict[str, Any]], place: int) -> str:
    """Accuracy of a run, with six views, beside the forecast that the others make, as a row."""
    others = [run for other, run in enumerate(runs) if other != place]
    run, told = runs[place], forecast.fit(others, runs[place]["work"])
    accuracy = forecast.with_six_views(run)
    inside = "inside" if told.low <= accuracy <= told.high else "outside"
    interval = f"{told.accuracy:.2%} ({told.low:.2%} to {told.high:.2%})"
    return f"| {run['work']:.2g} | {accuracy:.2%} | {interval} | {inside} |"


def main() -> None:
    """Add the runs, write the file, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", nargs="*", type=Path)
    runs = tomllib.loads(FILE.read_text())["run"]
    known = {run["started"] for run in runs}
    runs += [
        run for folder in parser.parse_args().runs if (run := read(folder))["started"] not in known
    ]
    runs.sort(key=lambda run: run["work"])
    FILE.write_text(tomli_w.dumps({"run": runs}))
    print("| work | accuracy | forecast by the others, 90 % | |\n|---|---|---|---|")
    print("\n".join(left_out(runs, place) for place in range(len(runs))))


if __name__ == "__main__":
    main()
