"""All checks in their order, and ``findings.json``, which holds what they find.

A new finding is a function from the facts to a list of findings, and its entry in ``CHECKS``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from fmnist.report.facts import Facts
from fmnist.report.findings import ablation, data_quality, results, search, training
from fmnist.report.findings.base import WARNING, Finding
from search.atomic import write_bytes

FILE = "findings.json"
SCHEMA = 1


@dataclass(frozen=True)
class FindingRule:
    """One thing that is looked for.

    Attributes:
        code: that of its findings; each of them may add to it behind a hyphen.
        subject: what is looked for, in words; empty for what is no fault when it is missing.
        run: facts to findings; None where the run does not have what it needs.
    """

    code: str
    subject: str
    run: Callable[[Facts], list[Finding] | None]


CHECKS: tuple[FindingRule, ...] = (
    FindingRule("trial", "", data_quality.trial),
    FindingRule("run-too-short", "a run too short for its machine", training.run_too_short),
    FindingRule("below-expected", "an accuracy below the usual one", results.below_expected),
    FindingRule("below-baseline", "an accuracy not above a baseline", results.below_baseline),
    FindingRule("failures", "failed trainings", search.failures),
    FindingRule("guessing", "answers no better than guessing", results.guessing),
    FindingRule("search-given-back", "a search given back", search.given_back),
    FindingRule("nothing-tuned", "a search that changed nothing", search.nothing_tuned),
    FindingRule("stopped-while-ahead", "a trial cut off while it led", search.stopped_ahead),
    FindingRule("overfitting", "overfitting (told from a gap of 2 points)", training.overfitting),
    FindingRule("undertrained", "a training that ended too early", training.undertrained),
    FindingRule("validation-above-test", "a fall from validation to test", results.above_test),
    FindingRule(
        "near-duplicates",
        "test images very similar to training images (told from 1 %)",
        data_quality.near_duplicates,
    ),
    FindingRule("few-trials", "too few trials", search.few_trials),
    FindingRule("unconfirmed", "a winner by one training alone", search.unconfirmed),
    FindingRule("noise-unknown", "an unknown spread between trainings", search.noise_unknown),
    FindingRule("noise-exceeds-difference", "a winner within noise", search.within_noise),
    FindingRule("several-reads", "other runs that read this test set", results.several_reads),
    FindingRule("class-untested", "a class without test images", results.class_untested),
    FindingRule("class-hard", "a class far harder than the others", results.class_hard),
    FindingRule("miscalibrated", "miscalibrated probabilities", results.miscalibrated),
    FindingRule("short-training", "epochs left out for want of time", training.shortened),
    FindingRule("time-spent-elsewhere", "time that went elsewhere", training.time_spent_elsewhere),
    FindingRule("search-edge", "a best value at the edge of its range", search.edge),
    FindingRule("experiment", "a variant that does better", ablation.better),
    FindingRule("experiments-uninformative", "", ablation.uninformative),
    FindingRule("class-attracts", "a class that attracts others", results.class_attracts),
    FindingRule("optimism", "an optimistic search value", search.optimism),
    FindingRule("calibration-remains", "", results.calibration_remains),
    FindingRule("view-gain", "", results.view_gain),
    FindingRule("start-not-searched", "", search.start_not_searched),
    FindingRule("importance-unclear", "importances lost in noise", search.importance_unclear),
    FindingRule("short-trials", "trials far shorter than the final training", search.short_trials),
    FindingRule(
        "pruned-most",
        "a search that stopped most trials early (told from half)",
        search.pruned_most,
    ),
    FindingRule("refit", "", training.refit),
)
"""In the order of what they mean for the accuracy that the report leads with."""


@dataclass(frozen=True)
class Findings:
    """What was found, the most important first, and what was checked with nothing to report."""

    found: tuple[Finding, ...]
    clear: tuple[str, ...]
    not_applicable: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """As ``findings.json`` holds it."""
        return {
            "schema": SCHEMA,
            "findings": [asdict(f) for f in self.found],
            "clear": list(self.clear),
            "not_applicable": list(self.not_applicable),
        }

    @staticmethod
    def from_json(data: dict[str, Any]) -> Findings:
        """The findings of a ``findings.json``."""
        return Findings(
            tuple(Finding(**row) for row in data["findings"]),
            tuple(data["clear"]),
            tuple(data["not_applicable"]),
        )

    @property
    def subjects_clear(self) -> list[str]:
        """What was checked with nothing to report, in words."""
        return [c.subject for c in CHECKS if c.code in self.clear and c.subject]


def find(facts: Facts) -> Findings:
    """Run all checks: warnings first, else in the order of the checks."""
    outcomes = [(check.code, check.run(facts)) for check in CHECKS]
    found = [finding for _, several in outcomes for finding in several or ()]
    return Findings(
        _each_remedy_once(sorted(found, key=lambda f: f.severity != WARNING)),
        tuple(code for code, several in outcomes if several == []),
        tuple(code for code, several in outcomes if several is None),
    )


def _each_remedy_once(found: Sequence[Finding]) -> tuple[Finding, ...]:
    first = {f.remedy: f.code for f in reversed(found)}
    return tuple(f if first[f.remedy] == f.code else replace(f, remedy="") for f in found)


def write(run: Path, found: Findings) -> None:
    """Write ``findings.json`` into the run folder, whole or not at all."""
    text = json.dumps(found.to_json(), indent=1, ensure_ascii=False) + "\n"
    write_bytes(run / FILE, text.encode("utf-8"))
