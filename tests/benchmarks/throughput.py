"""Images a second of one training: plain Keras ``fit``, our loop, a PyTorch loop, side by side.

    python tests/benchmarks/throughput.py --images 17920 --rounds 5

Same network, batch size and images; an epoch a round, the contenders one after the other in an
order that changes from round to round, each in a process of its own that has warmed up. Ratios are
of one round, so that a machine that slows down slows both. Beside them the fastest product of two
2048 by 2048 matrices in TensorFlow, and what part of it convolutions and dense layers make up.
"""

from __future__ import annotations

import argparse
import importlib.util
import random
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from statistics import median

from child import Child
from networks import NETWORKS, add_networks, operations
from record import FOLDER, Benchmark, Measured, Row, say

LABELS = {
    "keras": "plain Keras `fit`",
    "keras-our-parts": "Keras `fit`, our layers and precision",
    "ours": "ours",
    "ours-moved": "ours, images mirrored and shifted",
    "ours-float32": "ours, `FMNIST_PRECISION=float32`",
    "torch": "PyTorch",
    "torch-bfloat16": "PyTorch, bfloat16 (autocast)",
}
PRODUCTS = ("product-float32", "product-bfloat16")


def measure(options: argparse.Namespace) -> Measured:
    """Rounds of every network: images a second, or operations a second of the products."""
    names = [n for n in LABELS if not n.startswith("torch") or importlib.util.find_spec("torch")]
    if len(names) < len(LABELS):
        say("PyTorch is not installed: its rows are left out")
    networks, device = {}, "unknown"
    for network in options.networks:
        with contenders([*names, *PRODUCTS], network, options) as children:
            device = children["ours"].greeting
            rounds = list(played(children, options.rounds, network))
        networks[network] = {n: [r[n] for r in rounds] for n in (*names, *PRODUCTS)}
    return {"device": device, "networks": networks}


@contextmanager
def contenders(
    names: list[str], network: str, options: argparse.Namespace
) -> Iterator[dict[str, Child]]:
    """Warm contenders for one network."""
    data = ["--data", options.data] if options.data else []
    with ExitStack() as stack:
        children = {}
        for name in names:
            apart = name == "ours-float32"
            environment = {"FMNIST_PRECISION": "float32"} if apart else None
            arguments = ("ours" if apart else name, network, options.images, *data)
            child = Child(FOLDER / "contender.py", *arguments, environment=environment)
            children[name] = stack.enter_context(child)
            child.ready()  # one after the other: they shall not disturb each other warming up
        yield children


def played(children: dict[str, Child], rounds: int, network: str) -> Iterator[dict[str, float]]:
    """What each contender did a second, a round."""
    order, shuffle = list(children), random.Random(0).shuffle
    for number in range(1, rounds + 1):
        shuffle(order)
        done = {name: children[name].ask() for name in order}
        speeds = {n: d.get("images", d.get("operations")) / d["seconds"] for n, d in done.items()}
        own = ", ".join(f"{n} {speeds[n]:,.0f}" for n in children if n not in PRODUCTS)
        say(f"{network}, round {number}: {own} images/s")
        yield speeds


def rows(measured: Measured) -> list[Row]:
    """A row a network and contender; last what the machine can at best."""
    table: list[Row] = [
        [network, label, f"{median(found[name]):,.0f}", *_compared(network, name, found)]
        for network, found in measured["networks"].items()
        for name, label in LABELS.items()
        if name in found
    ]
    for product in PRODUCTS:
        speeds = [s for found in measured["networks"].values() for s in found.get(product, ())]
        if speeds:
            label = f"one product of matrices, {product.partition('-')[2]}"
            table.append(["–", label, "–", "–", "–", f"{median(speeds) / 1e9:,.0f}"])
    return table


def _compared(network: str, name: str, found: dict[str, list[float]]) -> list[str]:
    peak = median(found[PRODUCTS[0]])
    arithmetic = median(found[name]) * operations(NETWORKS[network])
    share = f"{arithmetic / 1e9:.0f} of {peak / 1e9:.0f}: {arithmetic / peak:.0%}"
    return [ratio(found, name, "keras"), ratio(found, name, "torch"), share]


def ratio(found: dict[str, list[float]], name: str, other: str) -> str:
    """One contender against another, by rounds: the median, with the range."""
    if other not in found:
        return "–"
    if name == other:
        return "1"
    ratios = [a / b for a, b in zip(found[name], found[other], strict=True)]
    return f"{median(ratios):.2f} ({min(ratios):.2f}–{max(ratios):.2f})"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Networks, images, rounds."""
    add_networks(parser)
    parser.add_argument("--images", type=int, default=17_920, help="of an epoch")
    parser.add_argument("--rounds", type=int, default=5)


BENCHMARK = Benchmark(
    name="throughput",
    doc=__doc__,
    title="Images a second while training",
    columns=("network", "loop", "images/s", "× plain `fit`", "× PyTorch", "GFLOP/s of sgemm's"),
    measure=measure,
    rows=rows,
    add_options=add_options,
    n="rounds",
    split="{images} training images an epoch; medians, with the range over the rounds",
    minutes=10,
    quick={"networks": ["small"], "images": 512, "rounds": 2},
)

if __name__ == "__main__":
    BENCHMARK.main()
