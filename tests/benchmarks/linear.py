"""Does the cost grow linearly? Images a second and memory from 10,000 to 240,000 images.

    python tests/benchmarks/linear.py --network middle --rounds 3

Real training images, repeated where there are not enough. Every measurement is an epoch, after one
to warm up, in a process of its own: its peak of memory is its own, and a process that happens to be
slow throughout, as was seen here, spoils one round and no size.
"""

from __future__ import annotations

import argparse
from statistics import median

from child import Child
from networks import NETWORKS
from record import FOLDER, Benchmark, Measured, Row, say

SIZES = [10_000, 30_000, 60_000, 120_000, 240_000]


def measure(options: argparse.Namespace) -> Measured:
    """Images a second of every round, and the peak of memory, by size."""
    data = ["--data", options.data] if options.data else []
    speeds: dict[str, list[float]] = {str(size): [] for size in options.sizes}
    peaks: dict[str, float] = {}
    device = None
    for number in range(1, options.rounds + 1):
        for size in list(speeds)[:: 1 if number % 2 else -1]:
            arguments = ("ours-moved", options.network, size, *data)
            with Child(FOLDER / "contender.py", *arguments) as child:
                device, done = child.ready().greeting, child.ask()
            speeds[size].append(done["images"] / done["seconds"])
            peaks[size] = max(peaks.get(size, 0), done["peak_bytes"])
            say(f"round {number}, {size} images: {speeds[size][-1]:,.0f} images/s")
    return {"device": device, "speeds": speeds, "peaks": peaks}


def rows(measured: Measured) -> list[Row]:
    """A row a size. Other programs only slow a round down, so the fastest tells the cost."""
    fastest = {size: max(speeds) for size, speeds in measured["speeds"].items()}
    middle = median(fastest.values())
    return [
        [
            f"{int(size):,}",
            f"{speed:,.0f}",
            f"{min(measured['speeds'][size]):,.0f}",
            f"{speed / middle:.3f}",
            f"{measured['peaks'][size] / 1e6:,.0f} MB",
        ]
        for size, speed in fastest.items()
    ]


def add_options(parser: argparse.ArgumentParser) -> None:
    """Sizes, network, rounds."""
    parser.add_argument("--network", choices=NETWORKS, default="middle")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--rounds", type=int, default=3)


BENCHMARK = Benchmark(
    name="linear",
    doc=__doc__,
    title="Cost by the number of images",
    columns=(
        "images",
        "images/s, fastest round",
        "slowest round",
        "fastest against their median",
        "peak memory of its process",
    ),
    measure=measure,
    rows=rows,
    add_options=add_options,
    n="rounds",
    split="{network} network, real training images repeated, moved",
    minutes=4,
    quick={"network": "small", "sizes": [512, 1024], "rounds": 1},
)

if __name__ == "__main__":
    BENCHMARK.main()
