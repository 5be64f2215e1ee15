"""What the numbers of a run say: readings of single numbers, and findings worth telling first."""

from __future__ import annotations

from fmnist.report.findings.base import CAUTION, NOTE, SEVERITIES, WARNING, Finding
from fmnist.report.findings.registry import CHECKS, FILE, Check, Findings, find, write
from fmnist.report.narrative.results import (
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
