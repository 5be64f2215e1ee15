"""Findings about a run that its report tells first."""

from __future__ import annotations

from fmnist.report.findings.base import CAUTION, NOTE, SEVERITIES, WARNING, Finding
from fmnist.report.findings.registry import CHECKS, FILE, Check, Findings, find, write

__all__ = [
    "CAUTION",
    "CHECKS",
    "FILE",
    "NOTE",
    "SEVERITIES",
    "WARNING",
    "Check",
    "Finding",
    "Findings",
    "find",
    "write",
]
