"""What the numbers of a run say: readings of single numbers, and findings worth telling first."""

from __future__ import annotations

from fmnist.report.findings.finding import CAUTION, NOTE, SEVERITIES, WARNING, Finding
from fmnist.report.findings.reading import (
    Confusion,
    Overfitting,
    at_the_edge,
    confusions,
    easiest,
    hardest,
    overfitting,
    search_course,
    states,
    stopped_early,
    trial_effort,
    trial_images,
    validation_against_test,
)
from fmnist.report.findings.registry import CHECKS, FILE, Check, Findings, find, write

__all__ = [
    "CAUTION",
    "CHECKS",
    "FILE",
    "NOTE",
    "SEVERITIES",
    "WARNING",
    "Check",
    "Confusion",
    "Finding",
    "Findings",
    "Overfitting",
    "at_the_edge",
    "confusions",
    "easiest",
    "find",
    "hardest",
    "overfitting",
    "search_course",
    "states",
    "stopped_early",
    "trial_effort",
    "trial_images",
    "validation_against_test",
    "write",
]
