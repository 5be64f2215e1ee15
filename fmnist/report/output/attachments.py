"""Which files of a run the PDF of its report carries."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fmnist.report.concepts import Concept
from fmnist.runs.artifacts import ARTIFACTS

_KINDS = {
    ".toml": "application/toml",
    ".json": "application/json",
    ".jsonl": "application/x-ndjson",
    ".md": "text/markdown",
}
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
        Attachment(
            a.name,
            _KINDS[Path(a.name).suffix],
            a.relation,
            a.attached_as or a.describes,
            (folder / a.name).read_bytes(),
        )
        for a in sorted(ARTIFACTS, key=lambda a: a.attach)
        if a.attach and a.name in files
    ]
    found += [
        Attachment(f"{QUESTION}{c.file}", _KINDS[".md"], "Source", c.question, c.written.encode())
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
