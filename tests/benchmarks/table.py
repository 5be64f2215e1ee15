"""The tables of the README files, from the records of all benchmarks.

    python tests/benchmarks/table.py               # print them
    python tests/benchmarks/table.py --write       # put them into both README files
    python tests/benchmarks/table.py --run-all     # measure everything anew first

Of each benchmark the newest record counts. The tables stand in the README beside this file, the
main comparison also in the one at the top, there in short. Both stand between two comments,
``<!-- benchmarks -->`` and ``<!-- /benchmarks -->``; a test holds them to the records.
"""

from __future__ import annotations

import argparse
import importlib
import subprocess
import sys
from pathlib import Path
from typing import Any

from record import FOLDER, RESULTS, Benchmark, load, say, where

from fmnist.text import counted

NAMES = (
    "throughput", "step", "linear", "same_accuracy", "jobs", "time_to_accuracy", "trial_cost",
    "search_overhead", "memory", "rendering", "population", "ablation", "recipes",
    "head_to_head", "storage_throughput",
)  # fmt: skip
START, END = "<!-- benchmarks -->", "<!-- /benchmarks -->"
README = FOLDER / "README.md"
TOP_README = FOLDER.parent.parent / "README.md"


def benchmark(name: str) -> Benchmark:
    """What a script declares."""
    found: Benchmark = importlib.import_module(name).BENCHMARK
    return found


def render(records: list[dict[str, Any]]) -> str:
    """Every benchmark's table, with machine and versions above those measured there."""
    newest = {record["benchmark"]: record for record in records}
    parts, last = [], ""
    for name in NAMES:
        if name not in newest:
            continue
        place = where(newest[name])
        if place != last:
            parts.append(f"Measured on {place}.\n")
        parts.append(benchmark(name).text(newest[name]))
        last = place
    return "\n".join(parts).strip()


def summarize(records: list[dict[str, Any]]) -> str:
    """The main comparison in short, with machine and date: a row a contender."""
    newest = next(r for r in reversed(records) if r["benchmark"] == "head_to_head")
    measured, machine = newest["measured"], newest["machine"]
    lines = [
        f"The same {newest['options']['time']} for each, {newest['n']} seeds, "
        f"{machine['cpu']} with {counted(machine['cores'], 'core')}, {newest['date'][:10]}:\n",
        "| program | test accuracy, mean (95 % interval) | ours less this, points |",
        "|---|---|---|",
    ]
    for name, _, mean, _, _, difference, _ in benchmark("head_to_head").rows(measured):
        lines.append(f"| {name} | {mean} | {difference} |")
    return "\n".join(lines)


def block(readme: str) -> str:
    """What stands between the comments; empty where they do not stand."""
    return readme.partition(START)[2].partition(END)[0].strip()


def written(readme: str, tables: str) -> str:
    """The README with these tables between the comments.

    Raises:
        ValueError: the comments are missing.
    """
    before, start, rest = readme.partition(START)
    _, end, after = rest.partition(END)
    if not (start and end):
        raise ValueError(f"the README needs the lines {START} and {END}")
    return f"{before}{start}\n\n{tables}\n\n{end}{after}"


def run_all(results: Path, *, quick: bool) -> None:
    """Every benchmark, one after the other."""
    total = sum(benchmark(name).minutes for name in NAMES)
    say(f"{len(NAMES)} benchmarks" + ("" if quick else f", some {total:.0f} minutes on 2 cores"))
    for name in NAMES:
        say(f"--- {name}" + ("" if quick else f", some {benchmark(name).minutes:.0f} minutes"))
        command = [sys.executable, str(FOLDER / f"{name}.py"), "--results", str(results)]
        subprocess.run(command + ["--quick"] * quick, check=True, stdout=subprocess.DEVNULL)


def main() -> None:
    """Measure where asked, then print or write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--run-all", action="store_true", help="run every benchmark first")
    parser.add_argument("--quick", action="store_true", help="with the smallest sizes")
    parser.add_argument("--write", action="store_true", help="put them into both README files")
    parser.add_argument("--results", type=Path, default=RESULTS, help="the file of records")
    options = parser.parse_args()
    if options.quick and options.results == RESULTS:
        parser.error(f"--quick says nothing about the machine: name another file than {RESULTS}")
    if options.run_all:
        run_all(options.results, quick=options.quick)
    records = load(options.results)
    tables = render(records)
    if options.write:
        for path, content in ((README, tables), (TOP_README, summarize(records))):
            path.write_text(written(path.read_text("utf-8"), content), encoding="utf-8")
    else:
        print(tables)


if __name__ == "__main__":
    main()
