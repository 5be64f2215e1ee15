"""Findings about a run that its report tells first."""

from __future__ import annotations

from fmnist.report.findings.base import CAUTION, NOTE, SEVERITIES, WARNING, Finding
from fmnist.report.findings.registry import CHECKS, FILE, FindingRule, Findings, find, write

__all__ = [
    "CAUTION",
    "CHECKS",
    "FILE",
    "NOTE",
    "SEVERITIES",
    "WARNING",
    "Finding",
    "FindingRule",
    "Findings",
    "find",
    "write",
]
