"""The author's own words in the hand-in: a folder of Markdown files, one a section.

``discussion.md`` stands in place of our words in that section, ``discussion.after.md`` after them;
our tables and pictures stay. ``statement.md`` says who made the document and how.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path

from markupsafe import Markup

from fmnist.report.facts import Facts
from fmnist.report.handin import values
from fmnist.report.markdown import FENCE, SUFFIX, MarkdownError, check_files, keep, read, split_head
from fmnist.report.outline import HANDIN
from fmnist.runs.codec import convert

FOLDER = "text"
"""In a run's folder: its own texts."""
AFTER = ".after"
STATEMENT, REFERENCES = "statement", "references"
OURS_STAYS = (STATEMENT, REFERENCES)
"""Sections whose own words no text replaces."""


@dataclass(frozen=True)
class Statement:
    """What courses ask for of who made a document and how; empty: not filled in yet."""

    name: str = ""
    course: str = ""
    contribution: str = ""
    ai: str = ""


@dataclass(frozen=True)
class Words:
    """Words of the author by section: sources, and as HTML once ``fill`` has made them.

    Attributes:
        files: name of each file to all that stands in it.
        instead: section to what stands in place of ours.
        after: section to what follows ours.
    """

    files: Mapping[str, str] = field(default_factory=dict)
    instead: Mapping[str, str] = field(default_factory=dict)
    after: Mapping[str, str] = field(default_factory=dict)
    statement: Statement = field(default_factory=Statement)

    @property
    def sections(self) -> frozenset[str]:
        """Sections that have words of the author."""
        return frozenset((*self.instead, *self.after))

    def fill(self, facts: Facts) -> Words:
        """With the numbers of a finished run, as HTML.

        Raises:
            MarkdownError: a number that this run does not have.
        """
        known = values.values_of(facts) if self.files else {}
        instead, after = (
            {s: Markup(values.fill(s + end, source, known)) for s, source in texts.items()}
            for texts, end in ((self.instead, SUFFIX), (self.after, AFTER + SUFFIX))
        )
        if STATEMENT in after:  # its file has no second ending: ours stays anyway
            source = self.after[STATEMENT]
            after[STATEMENT] = Markup(values.fill(STATEMENT + SUFFIX, source, known))
        return replace(self, instead=instead, after=after)


def load_words(folder: Path, own: Collection[str] = ()) -> Words:
    """Read and check the files of a folder; hidden ones and README are left aside.

    Args:
        own: sections that a rubric adds to ours.

    Raises:
        MarkdownError: a name that is no section's, two files for one, a broken text or number.
    """
    found = [f for f in folder.iterdir() if not f.name.startswith((".", "README"))]
    check_files(folder, found, "text")
    files: dict[str, str] = {}
    sections = [slug for slug, *_ in HANDIN] + list(own)
    instead: dict[str, str] = {}
    after: dict[str, str] = {}
    statement = Statement()
    for file in sorted(found):
        name = file.name
        section, behind = _section(name, sections)
        files[name] = read(file)
        content = unicodedata.normalize("NFC", files[name])  # as the names of classes are
        if section == STATEMENT:
            statement, content = _statement(name, content)
        values.check(name, content)
        if content.strip():
            (after if behind else instead)[section] = content
        elif section != STATEMENT:
            raise MarkdownError(f"{name}: is empty; write the text, or remove the file")
    if both := sorted(instead.keys() & after.keys()):
        raise MarkdownError(
            f"{folder}: {both[0]}{SUFFIX} and {both[0]}{AFTER}{SUFFIX} are about one section; "
            "write all of it into one of them"
        )
    return Words(files, instead, after, statement)


def keep_words(source: Path, target: Path, own: Collection[str] = ()) -> None:
    """Copy the texts of a folder, in place of those that ``target`` holds; see ``load_words``."""
    keep(load_words(source, own).files, source, target)


def _section(name: str, sections: Collection[str]) -> tuple[str, bool]:
    """The section that a file belongs to, and whether it follows our words."""
    stem = name.removesuffix(SUFFIX)
    section = stem.removesuffix(AFTER)
    if stem == name or section not in sections or stem == STATEMENT + AFTER:
        raise MarkdownError(
            f"{name}: is no section of the hand-in; a text is named after one of "
            f"{', '.join(sections)}, with the ending {SUFFIX} in place of our words or "
            f"{AFTER}{SUFFIX} behind them"
        )
    if stem == REFERENCES:
        raise MarkdownError(f"{name}: the numbered references stay; name it {stem}{AFTER}{SUFFIX}")
    return section, section != stem or section == STATEMENT


def _statement(name: str, content: str) -> tuple[Statement, str]:
    """The fields in the TOML head of the statement, and what else it says, on the same lines."""
    found = split_head(name, content)
    if found is None:
        return Statement(), content
    head, body = found
    known = [f.name for f in fields(Statement)]
    if unknown := sorted(head.keys() - set(known)):
        raise MarkdownError(
            f"{name}: unknown field {unknown[0]!r} between the lines {FENCE}; known are "
            f"{', '.join(known)}"
        )
    lines = content.removesuffix(body).count("\n")
    return convert(Statement, head, name), "\n" * lines + body
