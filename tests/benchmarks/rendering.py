"""Seconds of ``fmnist report`` on the recorded run: the whole command, HTML and PDF.

python tests/benchmarks/rendering.py --rounds 5
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from record import FOLDER, Benchmark, Measured, Row, say

RECORDED = FOLDER.parent / "data" / "recorded_run"


def measure(options: argparse.Namespace) -> Measured:
    """Seconds of each round, and the size of what came out."""
    seconds = []
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        shutil.copytree(RECORDED, run)
        for number in range(options.rounds):
            seconds.append(rendered(run))
            say(f"round {number + 1}: {seconds[-1]:.1f} s")
        sizes = {kind: (run / f"report.{kind}").stat().st_size for kind in ("html", "pdf")}
    return {"seconds": seconds, "bytes": sizes}


def rendered(run: Path) -> float:
    """Seconds of one command."""
    since = time.perf_counter()
    command = [sys.executable, "-m", "fmnist", "report", str(run)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - since


def rows(measured: Measured) -> list[Row]:
    """One row."""
    seconds = measured["seconds"]
    sizes = [f"{measured['bytes'][kind] / 1e6:.1f} MB" for kind in ("html", "pdf")]
    return [[f"{median(seconds):.1f} s", f"{min(seconds):.1f}–{max(seconds):.1f} s", *sizes]]


def add_options(parser: argparse.ArgumentParser) -> None:
    """Rounds."""
    parser.add_argument("--rounds", type=int, default=5)


BENCHMARK = Benchmark(
    name="rendering",
    doc=__doc__,
    title="Rendering a report",
    columns=("`fmnist report`, median", "range", "HTML", "PDF"),
    measure=measure,
    rows=rows,
    add_options=add_options,
    n="rounds",
    split="the recorded run of the tests",
    minutes=1,
    quick={"rounds": 1},
)

if __name__ == "__main__":
    BENCHMARK.main()
