"""The published systems as recipes: what each reaches beside what its author reports.

    python tests/benchmarks/recipes.py --folder results/recipes
    python tests/benchmarks/recipes.py --recipes three-conv --seeds 3

Each is trained as `fmnist train --recipe` trains it, one after the other, and its test set is read
once. A run that is finished in the folder is taken as it is.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any

from record import Benchmark, Measured, Row, say

from fmnist.config import recipes

Run = dict[str, Any]


def measure(options: argparse.Namespace) -> Measured:
    """The runs of every recipe, a seed each."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(options.folder or temporary)
        found = {
            name: [figures(trained(name, seed, folder, options)) for seed in range(options.seeds)]
            for name in options.recipes
        }
    return {"device": found[options.recipes[0]][0]["device"], "recipes": found}


def trained(name: str, seed: int, folder: Path, options: argparse.Namespace) -> Path:
    """The folder of a finished run."""
    run = folder / (f"{name}-seed-{seed}" if seed else name)
    last = "comparison.json" if recipes.find(name).rival else "report.html"
    if not (run / last).is_file():
        command = [sys.executable, "-m", "fmnist", "train", "--recipe", name, "--quiet"]
        command += ["--results", str(folder), "--name", run.name, "--seed", str(seed)]
        for option in ("data", "epochs", "validation"):
            if value := getattr(options, option):
                command += [f"--{option}", str(value)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    say(f"{run}: {json.loads((run / 'metrics.json').read_text())['test']['accuracy']:.4f}")
    return run


def figures(run: Path) -> Run:
    """What the record keeps of a run."""
    test = json.loads((run / "metrics.json").read_text("utf-8"))["test"]
    kept = {name: test[name] for name in ("n", "accuracy", "interval", "loss")}
    return {
        **kept,
        "f1": {c["name"]: c["f1"] for c in test["classes"]},
        "seed": tomllib.loads((run / "run.toml").read_text("utf-8"))["request"]["seed"],
        "device": json.loads((run / "environment.json").read_text("utf-8"))["device"],
        "leads": leads(run),
    }


def leads(run: Path) -> list[dict[str, Any]]:
    """The run against the other networks of its recipe: McNemar's exact test."""
    file = run / "comparison.json"
    if not file.is_file():
        return []
    others = json.loads(file.read_text("utf-8"))["systems"][1:]
    return [
        {"name": other["name"].removeprefix(f"{run.name}-"), **other["lead"]} for other in others
    ]


def rows(measured: Measured) -> list[Row]:
    """A row a run."""
    return [row(name, run) for name, runs in measured["recipes"].items() for run in runs]


def row(name: str, run: Run) -> Row:
    """Published and measured, side by side."""
    published = recipes.find(name).published
    low, high = run["interval"]
    shirt = run["f1"].get("Shirt")
    return [
        f"`{name}`",
        str(published),
        f"{100 * run['accuracy']:.2f} %",
        f"{100 * low:.2f}–{100 * high:.2f} %",
        f"{run['loss']:.3f}",
        "–" if shirt is None else f"{shirt:.3f}",
        ", ".join(lead_text(lead) for lead in run["leads"]) or "–",
    ]


def lead_text(lead: dict[str, Any]) -> str:
    """``dense: 2.61 points (2.05 to 3.17), p < 0.0001``."""
    low, high = (100 * bound for bound in lead["interval"])
    p = "p < 0.0001" if lead["p"] < 1e-4 else f"p = {lead['p']:.2g}"
    return f"{lead['name']}: {100 * lead['difference']:.2f} points ({low:.2f} to {high:.2f}), {p}"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Recipes, seeds, where the runs go."""
    parser.add_argument(
        "--recipes", nargs="+", choices=recipes.names(), default=recipes.names(), metavar="NAME"
    )
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--epochs", type=int, help="instead of the recipe's")
    parser.add_argument("--validation", type=int, help="images split off for validation")
    parser.add_argument("--folder", type=Path, help="where the runs stay; nowhere when left out")


BENCHMARK = Benchmark(
    name="recipes",
    doc=__doc__,
    title="The published systems as recipes",
    columns=(
        "recipe", "published", "test accuracy", "95 % interval", "test loss", "F1 of Shirt",
        "lead over its other network (McNemar's exact test)",
    ),
    measure=measure,
    rows=rows,
    add_options=add_options,
    n="seeds",
    split="all 10,000 test images, read once a run",
    minutes=30,
    quick={"recipes": ["task-brief"], "epochs": 1, "validation": 300},
)  # fmt: skip

if __name__ == "__main__":
    BENCHMARK.main()
