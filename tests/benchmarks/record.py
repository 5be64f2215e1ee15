"""What every benchmark shares: its options, its record in ``results.json``, its table.

A script declares a ``Benchmark`` and calls its ``main``. A record holds the numbers, the options,
the machine and the versions; the table is made from the numbers, by ``table.py`` again at any time.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fmnist.backends.environment import describe
from fmnist.text import counted
from search.atomic import atomic_write

FOLDER = Path(__file__).parent
RESULTS = FOLDER / "results.json"
SAMPLE = FOLDER.parent / "data" / "sample"
_PACKAGES = ("tensorflow", "tensorflow-cpu", "keras", "jax", "torch", "optuna", "numpy")

Measured = dict[str, Any]
Row = Sequence[str]


@dataclass(frozen=True)
class Benchmark:
    """One command that measures something.

    Attributes:
        name: of its script, without the suffix.
        doc: docstring of its script.
        title: what is measured; heads the table.
        columns: heads of the columns; ``rows`` makes the rows from what ``measure`` returned,
            which goes into the record as JSON.
        add_options: adds the script's own options to the parser.
        quick: option values for ``--quick``, which only shows that the command works.
        n: the option that counts the repetitions, or lists them.
        split: the data, with option names in braces.
        minutes: how long it takes on 2 cores.
    """

    name: str
    doc: str | None
    title: str
    columns: Sequence[str]
    measure: Callable[[argparse.Namespace], Measured]
    rows: Callable[[Measured], list[Row]]
    add_options: Callable[[argparse.ArgumentParser], None]
    n: str
    split: str
    minutes: float
    quick: dict[str, Any] = field(default_factory=dict)

    def main(self, argv: Sequence[str] | None = None) -> None:
        """Measure as the command line says, print the table, append the record."""
        options = self.options(sys.argv[1:] if argv is None else argv)
        before = os.getloadavg()[0]
        if before > 0.5:
            say(f"other programs keep this machine busy (load {before:.1f}): ratios may be off")
        record = {**self.record(options, self.measure(options)), "load_before": before}
        print(self.text(record))
        if options.results:
            append(record, options.results)

    def record(self, options: argparse.Namespace, measured: Measured) -> dict[str, Any]:
        """What ``results.json`` keeps."""
        kept = {k: v for k, v in vars(options).items() if isinstance(v, int | float | str | list)}
        return {
            "benchmark": self.name,
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
            "n": self.repetitions(options),
            "counted": self.n,
            "split": self.split.format(**vars(options)),
            "quick": options.quick,
            "options": kept,
            **surroundings(measured.pop("device", "unknown")),
            "measured": measured,
        }

    def repetitions(self, options: argparse.Namespace) -> int:
        """How often it is measured."""
        found = getattr(options, self.n)
        return len(found) if isinstance(found, list) else int(found)

    def text(self, record: dict[str, Any]) -> str:
        """Title, Markdown table, and where its numbers are from."""
        lines = [self.columns, ["---"] * len(self.columns), *self.rows(record["measured"])]
        table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
        return f"**{self.title}** ({about(record)})\n\n{table}\n"

    def options(self, argv: Sequence[str]) -> argparse.Namespace:
        """What the command line asks for."""
        parser = argparse.ArgumentParser(
            description=self.doc, formatter_class=argparse.RawDescriptionHelpFormatter
        )
        self.add_options(parser)
        parser.add_argument("--data", type=Path, help="other data than the published Fashion-MNIST")
        parser.add_argument(
            "--quick", action="store_true", help="smallest sizes, sample data; not recorded"
        )
        parser.add_argument(
            "--results", type=Path, help=f"file the record is appended to ({RESULTS.name})"
        )
        quick = "--quick" in argv
        # Set before parsing, so that what is asked for by name counts all the same.
        parser.set_defaults(**({"data": SAMPLE, **self.quick} if quick else {"results": RESULTS}))
        return parser.parse_args(argv)


def surroundings(device: str) -> dict[str, Any]:
    """Machine and versions; the device is ``unknown`` where no backend was asked."""
    found = vars(describe(device))
    versions = {name: v for name, v in found["packages"].items() if name in _PACKAGES}
    machine = {name: found[name] for name in ("cpu", "cores", "memory_bytes", "device")}
    kept = {name: found[name] for name in ("backend", "precision")}
    return {"machine": machine, "versions": {"python": found["python"], **versions}, **kept}


def about(record: dict[str, Any]) -> str:
    """How often, on what data, when."""
    return f"n = {record['n']} {record['counted']}; {record['split']}; {record['date'][:10]}"


def where(record: dict[str, Any]) -> str:
    """Machine and versions in a line."""
    machine = record["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in record["versions"].items())
    device = "" if machine["device"] in {"CPU", "unknown"} else f", {machine['device']}"
    return (
        f"{machine['cpu']}, {counted(machine['cores'], 'core')}, "
        f"{machine['memory_bytes'] / 1e9:.0f} GB{device}; {versions}; "
        f"Keras on {record['backend']}, training in {record['precision']}"
    )


def append(record: dict[str, Any], path: Path) -> None:
    """Add a record to a file of records."""
    text = json.dumps([*load(path), record], indent=1, ensure_ascii=False) + "\n"

    def write(target: Path) -> None:
        target.write_text(text, encoding="utf-8")

    atomic_write(path, write)


def load(path: Path = RESULTS) -> list[dict[str, Any]]:
    """All records, oldest first; none where there is no file."""
    found: list[dict[str, Any]] = json.loads(path.read_text("utf-8")) if path.exists() else []
    return found


def say(text: str) -> None:
    """Progress, on standard error: standard output is for the table."""
    print(text, file=sys.stderr, flush=True)
