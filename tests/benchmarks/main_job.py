"""Run the main job over several seeds and print what it reached and what it took.

    python tests/benchmarks/main_job.py --time 10m --seeds 3

The test set is read once a run, by its evaluation. Prints a Markdown table with hardware, versions
and the mean over the seeds; n is the number of runs.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def measure(budget: str, seed: int, results: Path) -> tuple[Path, float]:
    """Run one job; returns its folder and the wall time of the whole command in seconds."""
    command = [sys.executable, "-m", "fmnist.cli", "run", "--time", budget, "--seed", str(seed)]
    command += ["--results", str(results), "--name", f"seed-{seed}", "--quiet"]
    since = time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return results / f"seed-{seed}", time.monotonic() - since


def row(run: Path, seed: int, seconds: float) -> tuple[float, str]:
    """Test accuracy, and the run as a row of the table."""
    test = json.loads((run / "metrics.json").read_text())["test"]
    trials = (run / "trials.jsonl").read_bytes().count(b"\n")
    low, high = test["interval"]
    return test["accuracy"], (
        f"| {seed} | {100 * test['accuracy']:.2f} % | {100 * low:.2f}–{100 * high:.2f} % "
        f"| {trials} | {seconds:.0f} s |"
    )


def main() -> None:
    """Run all seeds and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--time", default="10m", dest="budget")
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = []
        for seed in range(options.seeds):
            run, seconds = measure(options.budget, seed, Path(folder))
            rows.append(row(run, seed, seconds))
            print(rows[-1][1], file=sys.stderr, flush=True)
        environment = json.loads((run / "environment.json").read_text())
    print(
        f"fmnist run --time {options.budget}; {environment['cpu']}, {environment['cores']} cores,"
    )
    print(f"Python {environment['python']}, {environment['packages']}\n")
    print("| seed | test accuracy | 95 % interval | trials | wall time |\n|---|---|---|---|---|")
    print("\n".join(text for _, text in rows))
    print(f"\nmean over n = {len(rows)}: {100 * statistics.mean(a for a, _ in rows):.2f} %")


if __name__ == "__main__":
    main()
