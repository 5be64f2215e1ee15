"""Run the main job over several seeds and print what it reached and what it took.

    python tests/benchmarks/main_job.py --time 10m --seeds 3 --results results/main-10m

The test set is read once a run, by its evaluation. Prints a Markdown table with hardware, versions
and the mean over the seeds with its 95 % t-interval; n is the number of runs. With ``--results``
the run folders are kept, for ``forecast.py``, and a seed that is done there is not run
again.
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

from paired import mean_interval, percent


def measure(budget: str, seed: int, results: Path) -> Path:
    """The folder of a finished job; the seconds of its command lie beside it."""
    run = results / f"seed-{seed}"
    if (run / "report.pdf").exists():
        return run
    command = [sys.executable, "-m", "fmnist", "run", "--time", budget, "--seed", str(seed)]
    command += ["--results", str(results), "--name", run.name, "--quiet", "--no-prior"]
    shutil.rmtree(run, ignore_errors=True)  # what was interrupted had its time already
    since = time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    wall_file(run).write_text(f"{time.monotonic() - since:.0f}\n")
    return run


def wall_file(run: Path) -> Path:
    """Where the wall time of a run's command is kept, in seconds."""
    return run.with_name(f"{run.name}-wall.txt")


def row(run: Path, seed: int) -> tuple[float, str]:
    """Test accuracy, and the run as a row of the table."""
    test = json.loads((run / "metrics.json").read_text())["test"]
    trials = (run / "trials.jsonl").read_bytes().count(b"\n")
    wall = wall_file(run).read_text().strip() if wall_file(run).exists() else "?"
    shown = percent((test["accuracy"], *test["interval"]))
    return test["accuracy"], f"| {seed} | {shown} | {trials} | {wall} s |"


def run_all(budget: str, seeds: int, results: Path) -> None:
    """Run all seeds and print the table."""
    rows = []
    for seed in range(seeds):
        run = measure(budget, seed, results)
        rows.append(row(run, seed))
        print(rows[-1][1], file=sys.stderr, flush=True)
    environment = json.loads((run / "environment.json").read_text())
    print(f"fmnist run --time {budget}; {environment['cpu']}, {environment['cores']} cores,")
    print(f"Python {environment['python']}, {environment['packages']}\n")
    print("| seed | test accuracy (Wilson, 95 %) | trials | wall time |\n|---|---|---|---|")
    print("\n".join(text for _, text in rows))
    print(f"\nmean over n = {len(rows)}: {percent(mean_interval([a for a, _ in rows]))}")


def main() -> None:
    """Run in the folder that is asked for, or in one that goes afterwards."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--time", default="10m", dest="budget")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--results", type=Path, help="where the runs are kept")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        run_all(options.budget, options.seeds, options.results or Path(folder))


if __name__ == "__main__":
    main()
