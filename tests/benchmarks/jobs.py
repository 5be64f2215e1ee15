"""Jobs on one machine: two trainings with half the threads each, against one with all of them.

    python tests/benchmarks/jobs.py --images 17920 --rounds 5

Rounds alternate between one training alone, with all threads, and ``--jobs`` of them that begin at
once. Together they train so many images in the time until the last one is done.
"""

from __future__ import annotations

import argparse
from contextlib import ExitStack
from statistics import median
from typing import Any

from child import Child, limited
from networks import add_networks
from record import FOLDER, Benchmark, Measured, Row, say

from search.processes.supervisor import available_cores


def measure(options: argparse.Namespace) -> Measured:
    """Images a second of every network: alone, all together, and each of them beside others."""
    return {
        "jobs": options.jobs,
        "threads": threads_each(options.jobs),
        "networks": {network: rounds_of(network, options) for network in options.networks},
    }


def threads_each(jobs: int) -> int:
    """An equal share of the cores, as ``fmnist run --jobs`` gives it."""
    return max(1, available_cores() // jobs)


def rounds_of(network: str, options: argparse.Namespace) -> dict[str, list[float]]:
    """The rounds of one network."""
    data = ["--data", options.data] if options.data else []
    arguments = (FOLDER / "contender.py", "ours-moved", network, options.images, *data)
    few = limited(threads_each(options.jobs))
    found: dict[str, list[float]] = {"alone": [], "together": [], "each": []}
    with ExitStack() as stack:
        alone = stack.enter_context(Child(*arguments))
        alone.ready()
        beside = [
            stack.enter_context(Child(*arguments, environment=few)) for _ in range(options.jobs)
        ]
        for child in beside:
            child.ready()
        for number in range(options.rounds):
            found["alone"].append(speed([alone.ask()]))
            for child in beside:
                child.tell()
            done = [child.hear() for child in beside]
            found["together"].append(speed(done))
            found["each"].append(median(speed([d]) for d in done))
            last = ", ".join(f"{kind} {speeds[-1]:,.0f}" for kind, speeds in found.items())
            say(f"{network}, round {number + 1}: {last} images/s")
    return found


def speed(done: list[dict[str, Any]]) -> float:
    """Images a second from the first start to the last end."""
    span = max(d["ended"] for d in done) - min(d["started"] for d in done)
    return float(sum(d["images"] for d in done) / span)


def rows(measured: Measured) -> list[Row]:
    """A row a network."""
    jobs, threads = measured["jobs"], measured["threads"]
    table: list[Row] = []
    for network, found in measured["networks"].items():
        row = [network, f"{median(found['alone']):,.0f}"]
        row += [f"{median(found['together']):,.0f} ({jobs} × {threads})"]
        row += [_ratio(found, "together", "alone"), _ratio(found, "alone", "each")]
        table.append(row)
    return table


def _ratio(found: dict[str, list[float]], one: str, other: str) -> str:
    ratios = [a / b for a, b in zip(found[one], found[other], strict=True)]
    return f"{median(ratios):.2f} ({min(ratios):.2f}–{max(ratios):.2f})"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Networks, jobs, images, rounds."""
    add_networks(parser)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--images", type=int, default=17_920, help="of an epoch")
    parser.add_argument("--rounds", type=int, default=5)


BENCHMARK = Benchmark(
    name="jobs",
    doc=__doc__,
    title="Several trainings at once",
    columns=(
        "network", "one job, all threads: images/s", "jobs side by side (processes × threads)",
        "together against one", "alone against one of them",
    ),
    measure=measure,
    rows=rows,
    add_options=add_options,
    n="rounds",
    split="{images} training images an epoch, moved; medians, with the range over the rounds",
    minutes=3,
    quick={"networks": ["small"], "images": 512, "rounds": 1},
)  # fmt: skip

if __name__ == "__main__":
    BENCHMARK.main()
