"""The concept questions: Markdown files with a TOML head, in the order of their names."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

from markupsafe import Markup

from fmnist.report.evidence import EVIDENCE
from fmnist.report.markdown import (
    FENCE,
    SUFFIX,
    MarkdownError,
    check_files,
    keep,
    read,
    rendered,
    split_head,
)
from fmnist.runs.codec import convert

FOLDER = "questions"
"""In a run's folder: its own question files, in place of ours."""
SHORT, LONG = "## Short answer", "## Long answer"
"""Headings of the two forms of an answer; both or none."""
BODY_HEADING = "h4"
"""Headings in an answer stand below the question, an h3."""


@dataclass(frozen=True)
class Head:
    """The TOML head of a question file."""

    question: str
    evidence: str = ""
    sources: tuple[str, ...] = ()


@dataclass(frozen=True)
class Concept:
    """One question, its answer as HTML, and the key of its evidence (may be empty).

    ``short`` is what stands under ``SHORT``, empty where the file has no such heading; ``long`` the
    rest. ``file`` is the name of its file, ``written`` all that stands in it.
    """

    slug: str
    question: str
    long: Markup
    evidence: str
    sources: tuple[str, ...]
    file: str = ""
    written: str = ""
    short: Markup = field(default_factory=Markup)


def load_concepts(folder: Path | None = None) -> list[Concept]:
    """Read all ``*.md`` files of a folder, or of the package.

    Raises:
        MarkdownError: a file that breaks a rule, or a folder without a question.
    """
    place: Traversable = folder or resources.files("report_templates").joinpath("concepts")
    if folder is not None:
        own = [f for f in folder.iterdir() if _is_question(f)] if folder.is_dir() else []
        check_files(folder, own, "question")
    files = sorted((f for f in place.iterdir() if _is_question(f)), key=lambda f: f.name)
    concepts = [_concept(file.name, read(file)) for file in files]
    slugs = [c.slug for c in concepts]
    for file, slug in zip(files, slugs, strict=True):
        if slugs.count(slug) > 1:
            raise MarkdownError(f"{file.name}: another file differs from it in case or spaces only")
    return concepts


def keep_questions(source: Path, target: Path) -> None:
    """Copy the question files of a folder, in place of those that ``target`` holds.

    Raises:
        MarkdownError: a file that breaks a rule; nothing is copied then.
    """
    keep({concept.file: concept.written for concept in load_concepts(source)}, source, target)


def _is_question(file: Traversable) -> bool:
    return file.name.endswith(SUFFIX) and not file.name.startswith((".", "README"))


def _concept(name: str, content: str) -> Concept:
    head, body = _split(name, content)
    if head.evidence and head.evidence not in EVIDENCE:
        raise MarkdownError(
            f"{name}: evidence must be one of {', '.join(EVIDENCE)}, found {head.evidence!r}"
        )
    slug = "question-" + re.sub(r"[^\w-]+", "-", name.removesuffix(SUFFIX).lower())
    short, long = (Markup(rendered(name, part, BODY_HEADING)) for part in forms(name, body))
    return Concept(slug, head.question, long, head.evidence, head.sources, name, content, short)


def forms(name: str, body: str) -> tuple[str, str]:
    """The short and the long answer in the body of a file; without headings all of it is long.

    Raises:
        MarkdownError: one of the two headings alone, or in another order.
    """
    lines = body.splitlines()
    places = [lines.index(heading) if heading in lines else -1 for heading in (SHORT, LONG)]
    if places == [-1, -1]:
        return "", body
    first, second = places
    if not 0 <= first < second:
        raise MarkdownError(f"{name}: expected {SHORT!r} and then {LONG!r}, or neither of them")
    short, long = lines[first + 1 : second], lines[second + 1 :]
    return "\n".join([*lines[:first], *short]) + "\n", "\n".join(long) + "\n"


def _split(name: str, content: str) -> tuple[Head, str]:
    found = split_head(name, content)
    if found is None:
        raise MarkdownError(f"{name}: expected a TOML head between two lines {FENCE}")
    head, body = found
    return convert(Head, head, name), body
