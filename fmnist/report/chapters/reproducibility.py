"""The last chapters: the concept questions, and what it takes to do the run again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fmnist.report import text
from fmnist.report.bibliography import sources, work
from fmnist.report.concepts import Concept
from fmnist.report.evidence import ABSENT, EVIDENCE, Shown, conclusion
from fmnist.report.facts import Facts
from fmnist.report.output.attachments import QUESTION, attachments
from fmnist.report.tables import reproducibility as tables
from fmnist.report.tables.base import Table


def questions(facts: Facts, concepts: Sequence[Concept]) -> dict[str, Any]:
    """The concept questions with what this run shows."""
    shown = [shown_for(c.evidence, facts) if c.evidence else None for c in concepts]
    ends = [conclusion(c.evidence, facts) for c in concepts]
    numbers = {source: n for n, source in enumerate(sources(facts, concepts), start=1)}
    cited = [sorted({numbers[work(s)] for s in c.sources}) for c in concepts]
    marks = [[f"[{n}]" for n in each] for each in cited]
    return {"questions": list(zip(concepts, shown, ends, marks, strict=True))}


def shown_for(key: str, facts: Facts) -> Shown:
    """What the run shows to a question, by the key of its evidence."""
    found = EVIDENCE[key](facts)
    return Shown([text.NOT_YET]) if found is ABSENT and facts.interim else found


def reproduction(facts: Facts, concepts: Sequence[Concept]) -> dict[str, Any]:
    """What it takes to do the run again, and the sources."""
    return {
        "asked": tables.asked(facts),
        "environment": tables.environment(facts),
        "packages": tables.packages(facts),
        "files": tables.files(facts),
        "command": _command(facts),
        "interim": facts.interim,
        "best": facts.best,
        "run": facts.run.name,
        "by_search": facts.by_search,
        "preflight": tables.preflight(facts),
        "probes": _probes(facts),
        "attached": None if facts.interim else _attached(facts, concepts),
        "repeated": facts.reproduction,
        "agreement": tables.agreement(facts.reproduction) if facts.reproduction else None,
        "sources": sources(facts, concepts),
    }


def _attached(facts: Facts, concepts: Sequence[Concept]) -> Table | None:
    """The files inside the PDF; the questions, which are many, in one row."""
    files = attachments(facts.folder, facts.files, concepts)
    questions = [file for file in files if file.name.startswith(QUESTION)]
    rows = [(file.name, file.description) for file in files if file not in questions]
    if questions:
        number = text.counted(len(questions), "question")
        rows.append((f"{QUESTION}….md", f"{number} of this report with the answers, a file each"))
    return Table("Files attached to the PDF", ("File", "Holds"), tuple(rows)) if rows else None


def _probes(facts: Facts) -> str:
    """How long one batch of the smallest and of the largest configuration took."""
    found = facts.preflight
    if found is None:
        return ""
    pairs = (("smallest", found.smallest), ("largest", found.largest))
    parts = [
        f"{text.duration(probe.seconds)} with the {name} configuration"
        for name, probe in pairs
        if probe is not None
    ]
    if not parts:
        return ""
    sentence = f"One batch, building the network included, took {text.listing(parts)}"
    if found.speed is not None:
        return (
            f"{sentence}. After compiling, the machine trained {text.count(round(found.speed))} "
            "images of the reference network a second."
        )
    if found.slowness is not None:
        times = f"{found.slowness:.2g}"
        sentence += ": " + ("as" if times == "1" else f"{times} times what")
        sentence += " the plans were made for"
    return sentence + "."


def _command(facts: Facts) -> str:
    request = facts.run.request
    if facts.run.command:
        return facts.run.command
    words = ["fmnist run"]
    if request.time_seconds is not None:
        words.append(f"--time {request.time_seconds:g}s")
    if request.trials is not None:
        words.append(f"--trials {request.trials}")
    return " ".join([*words, f"--sampler {request.sampler}", f"--seed {request.seed}"])
