"""Which files of a run the PDF of its report carries."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fmnist.report.concepts import Concept

TOML, JSON, LINES, MARKDOWN = (
    "application/toml",
    "application/json",
    "application/x-ndjson",
    "text/markdown",
)
# Name, kind, relationship to the document (ISO 32000-2, 7.11.3), what it holds. What matters
# most stands first: it is attached even where not everything has room.
FILES = (
    ("best_config.toml", TOML, "Source", "the configuration of the network; train from it again"),
    ("run.toml", TOML, "Source", "what was asked, the data and the splits"),
    ("metrics.json", JSON, "Data", "every number of the results"),
    ("history.json", JSON, "Data", "the final training, epoch by epoch"),
    ("environment.json", JSON, "Supplement", "machine and package versions"),
    ("ledger.json", JSON, "Data", "which split was read, when and what for"),
    ("space.json", JSON, "Data", "the search space"),
    ("refit.json", JSON, "Data", "the training on training and validation images"),
    ("confirmation.json", JSON, "Data", "the winner and how it was chosen"),
    ("importance.json", JSON, "Data", "importance of the hyperparameters"),
    ("findings.json", JSON, "Data", "the findings of this report"),
    ("experiments.json", JSON, "Data", "the experiments behind the answers"),
    ("comparison.json", JSON, "Data", "other runs on the same test images"),
    ("reproduction.json", JSON, "Data", "how this run agrees with the one it repeats"),
    ("trials.jsonl", LINES, "Data", "every trial with its epochs, one a line"),
)
QUESTION = "question-"
ROOM = 2_000_000
"""Bytes that all attachments may take up together, packed: the report is to stay small."""


@dataclass(frozen=True)
class Attachment:
    """A file to be embedded; ``relationship`` as PDF 2.0 names it."""

    name: str
    kind: str
    relationship: str
    description: str
    content: bytes


def attachments(
    folder: Path, files: Sequence[str], concepts: Sequence[Concept]
) -> list[Attachment]:
    """What is attached, byte for byte as it lies in the run folder, and the questions.

    Files for which there is no room are left out, the least important first.

    Args:
        folder: of the run.
        files: names of the files in it.
        concepts: the questions of the report.
    """
    found = [
        Attachment(name, kind, relation, description, (folder / name).read_bytes())
        for name, kind, relation, description in FILES
        if name in files
    ]
    found += [
        Attachment(f"{QUESTION}{c.file}", MARKDOWN, "Source", c.question, c.written.encode())
        for c in concepts
    ]
    return sorted(_fitting(found), key=lambda file: file.name)


def _fitting(files: Sequence[Attachment]) -> list[Attachment]:
    kept, room = [], ROOM
    for file in files:
        size = len(zlib.compress(file.content))
        if size <= room:
            kept.append(file)
            room -= size
    return kept
