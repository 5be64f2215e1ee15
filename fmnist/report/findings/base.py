"""One finding: something about a run that its reader should know."""

from __future__ import annotations

from dataclasses import dataclass

WARNING, CAUTION, NOTE = "warning", "caution", "note"
SEVERITIES = (WARNING, CAUTION, NOTE)
"""A warning puts the result in doubt, a caution limits what follows from it, a note is good to
know."""


@dataclass(frozen=True)
class Finding:
    """A finding, computed from the facts of a run.

    Attributes:
        code: its kind, for programs.
        title: a few words.
        severity: one of ``SEVERITIES``.
        sentence: what was found, with its numbers.
        section: slug of the chapter that says more.
        remedy: a command that would mend it; empty where none would.
    """

    code: str
    title: str
    severity: str
    sentence: str
    section: str
    remedy: str = ""
