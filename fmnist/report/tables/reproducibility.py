"""Tables of what it takes to do the run again."""

from __future__ import annotations

from fmnist.report import text
from fmnist.report.facts import Facts
from fmnist.report.narrative import training
from fmnist.report.tables.base import Table
from fmnist.runs.artifacts import ARTIFACTS
from fmnist.runs.records.reproduction import Reproduction

_PRECISIONS = {
    "float32": "32-bit floating point",
    "mixed_bfloat16": "bfloat16 products, 32-bit weights; validated and tested in 32-bit",
}


def environment(facts: Facts) -> Table | None:
    """The machine."""
    e = facts.environment
    if e is None:
        return None
    rows = (
        ("Processor", f"{e.cpu}, {text.counted(e.cores, 'core')}"),
        ("Memory", text.memory(e.memory_bytes)),
        ("Computed on", f"{e.device} ({e.backend})"),
        ("Trained in", _PRECISIONS.get(e.precision, e.precision)),
        ("Operating system", e.platform),
        ("Python", e.python),
    )
    return Table("The machine", ("Part", "Value"), rows)


def packages(facts: Facts) -> Table | None:
    """Package versions."""
    if facts.environment is None or not facts.environment.packages:
        return None
    rows = tuple(sorted(facts.environment.packages.items(), key=lambda item: item[0].lower()))
    return Table("Package versions", ("Package", "Version"), rows)


def files(facts: Facts) -> Table:
    """The files of the run folder that belong to the run."""
    rows = tuple((a.name, a.describes) for a in ARTIFACTS if a.listed and a.name in facts.files)
    return Table("Files of the run folder", ("File", "Holds"), rows)


def asked(facts: Facts) -> Table:
    """What was asked of the run, and the data it stands on."""
    run, winner = facts.run, facts.winner
    rows = [
        ("Run", run.name),
        ("Started", text.moment(run.created)),
        ("Seed", str(run.request.seed)),
        ("Split", f"{run.splits.method}, seed {run.splits.seed}"),
        ("Data", f"{run.data.name}, {run.data.source}"),
        ("Data digest", run.data.digest),
        (
            "Digest checked",
            "matches the published data" if run.data.verified else "not a known set",
        ),
        ("Program version", run.version),
    ]
    if facts.by_search:
        rows.insert(
            3, ("Search", f"{training.engine(run.request)}, {training.sampler(run.request)}")
        )
    if winner is not None:
        name = "Best trial so far" if facts.interim and facts.best is None else "Winning trial"
        rows.insert(4, (name, f"{winner.number}, seed {winner.seed}"))
    return Table("The run", ("Item", "Value"), tuple(rows))


def preflight(facts: Facts) -> Table | None:
    """What was checked before the run, and what came of it."""
    if facts.preflight is None or not facts.preflight.checks:
        return None
    words = {True: "passed", False: "failed", None: "warned"}
    rows = tuple(
        (c.name, words[c.ok], c.found + (f"; {c.remedy}" if c.remedy and not c.ok else ""))
        for c in facts.preflight.checks
    )
    return Table("Checks before the run", ("Check", "Result", "Found"), rows)


def agreement(found: Reproduction) -> Table:
    """The recorded figures and those of this run."""
    then, now, n = found.recorded, found.repeated, found.repeated.n
    rows = [
        ("Test accuracy", text.percent(then.accuracy, n), text.percent(now.accuracy, n)),
        ("95\u202f% interval", text.interval(then.interval, n), text.interval(now.interval, n)),
        ("Correct test images", text.count(then.correct), text.count(now.correct)),
        ("Cross-entropy", text.loss(then.loss), text.loss(now.loss)),
    ]
    head = ("Figure", f"{found.source}, recorded", "This run")
    return Table("The repeated run and this one", head, tuple(rows), numeric=(1, 2))
