"""What stands where: the ordered list of sections, one function each, facts to template data.

A new section is a function here, its entry in ``SECTIONS`` and its template.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from fmnist.evaluation import pr_curves
from fmnist.report import findings, recipe, tables, text
from fmnist.report.concepts import Concept
from fmnist.report.evidence import ABSENT, EVIDENCE
from fmnist.report.figures import Tile, curves, mosaic, results, searching
from fmnist.report.parse import FactsError
from fmnist.report.records import Facts

T = TypeVar("T")
SHOWN_PREDICTIONS = 24
SHOWN_MISTAKES = 24
# Title in small letters to the source; left out where a question names the same title.
SOURCES = {
    "novel image dataset": (
        "H. Xiao, K. Rasul and R. Vollgraf, Fashion-MNIST: a novel image dataset for benchmarking "
        "machine learning algorithms, 2017"
    ),
    "probable inference": (
        "E. B. Wilson, Probable inference, the law of succession, and statistical inference, "
        "Journal of the American Statistical Association, 1927"
    ),
    "next-generation hyperparameter": (
        "T. Akiba, S. Sano, T. Yanase, T. Ohta and M. Koyama, Optuna: a next-generation "
        "hyperparameter optimization framework, KDD, 2019"
    ),
    "ped-anova": (
        "S. Watanabe, A. Bansal and F. Hutter, PED-ANOVA: efficiently quantifying hyperparameter "
        "importance in arbitrary subspaces, IJCAI, 2023"
    ),
}
Build = Callable[[Facts, Sequence[Concept]], dict[str, Any]]


@dataclass(frozen=True)
class Section:
    """One chapter of the report.

    Attributes:
        slug: anchor and, with ``section_`` and ``.html.j2`` around it, the template.
        title: heading.
        build: facts and questions to the data of the template.
        needs: facts without which an interim report leaves the chapter open.
        search_only: left out where one given configuration was trained.
    """

    slug: str
    title: str
    build: Build
    needs: tuple[str, ...] = ()
    search_only: bool = False

    @property
    def template(self) -> str:
        """Name of the template file."""
        return f"section_{self.slug}.html.j2"

    def ready(self, facts: Facts) -> bool:
        """Whether all the facts it needs are there."""
        return all(getattr(facts, name) is not None for name in self.needs)


def present(value: T | None, file: str) -> T:
    """The value, or ``FactsError`` naming the file that should have held it."""
    if value is None:
        raise FactsError(f"{file}: missing; the stage that writes it has not finished")
    return value


def summary(facts: Facts, concepts: Sequence[Concept]) -> dict[str, Any]:
    """The findings in a few sentences."""
    metrics = facts.metrics
    best = findings.best_trial(facts)
    data: dict[str, Any] = {
        "metrics": metrics,
        "test": metrics.test if metrics else None,
        "best": best,
        "searched": facts.searched,
        "states": findings.states(facts.trials),
        "search_seconds": _search_seconds(facts),
        "overfitting": findings.overfitting(facts.history) if facts.history else None,
        "effort": findings.trial_effort(facts),
        "network": recipe.network(facts.best) if facts.best else "",
        "comparison": findings.validation_against_test(metrics) if metrics else "",
        "headline": tables.headline(facts),
    }
    if metrics is not None:
        errors = findings.confusions(metrics.test)
        data |= {"hardest": findings.hardest(metrics.test), "worst": errors[0] if errors else None}
    return data


def _search_seconds(facts: Facts) -> float:
    if facts.stages is not None:
        for stage in facts.stages.stages:
            if stage.name == "search":
                return stage.seconds
    return sum(t.seconds for t in facts.trials)


def method(facts: Facts, concepts: Sequence[Concept]) -> dict[str, Any]:
    """Data, splits, training recipe, time."""
    predictions = facts.predictions
    return {
        "data": facts.run.data,
        "splits": facts.run.splits,
        "request": facts.run.request,
        "examples": mosaic.example_tiles(predictions, facts.class_names) if predictions else [],
        "splits_table": tables.splits(facts),
        "ledger": tables.ledger(facts),
        "test_reads": _test_reads(facts),
        "network": recipe.network(facts.best) if facts.best else "",
        "recipe": recipe.sentences(facts.best) if facts.best else [],
        "history": facts.history,
        "stages": tables.stages(facts),
        "budget": facts.stages.budget_seconds if facts.stages else None,
    }


def _test_reads(facts: Facts) -> str:
    """Whether the ledger shows the test set read before the last choice."""
    if facts.ledger is None:
        return ""
    early = [e for e in facts.ledger if e.split == "test" and e.stage in ("search", "retrain")]
    if early:
        return (
            f"The test set was read {text.counted(len(early), 'time')} before the evaluation, so "
            "its accuracy is optimistic."
        )
    return "No choice was made on the test set: it was first read after the last choice."


def search(facts: Facts, concepts: Sequence[Concept]) -> dict[str, Any]:
    """The course of the search and what mattered."""
    best = findings.best_trial(facts)
    applicable = facts.importance is not None and facts.importance.applicable
    return {
        "engine": facts.run.request.engine.capitalize(),
        "sampler": recipe.SAMPLERS.get(facts.run.request.sampler, facts.run.request.sampler),
        "trials": facts.trials,
        "best": best,
        "course": findings.search_course(facts.trials, best) if best else "",
        "effort": findings.trial_effort(facts),
        "space": tables.space(facts),
        "states": tables.state_counts(facts),
        "history": searching.search_history(facts.trials) if facts.trials else None,
        "slices": searching.slices(facts.trials, facts.space, best)
        if best and facts.space
        else None,
        "importance": facts.importance,
        "importance_figure": searching.importance_bars(facts.importance)
        if applicable and facts.importance
        else None,
        "edges": findings.at_the_edge(facts.best, facts.space) if facts.best else [],
        "best_trials": tables.best_trials(facts),
        "failures": tables.failures(facts),
    }


def configuration(facts: Facts, concepts: Sequence[Concept]) -> dict[str, Any]:
    """The best configuration, its layers and how to use it again."""
    best = present(facts.best, "best_config.toml")
    return {
        "network": recipe.network(best),
        "table": tables.configuration(facts),
        "layers": tables.layers(facts),
        "toml": best.text,
        "run": facts.run.name,
    }


def training(facts: Facts, concepts: Sequence[Concept]) -> dict[str, Any]:
    """Curves of the final training."""
    history = present(facts.history, "history.json")
    curve = facts.metrics.test.curve if facts.metrics else ()
    shared = {e.epoch for e in history.epochs} & {e.epoch for e in curve}
    values = facts.best.values() if facts.best else {}
    return {
        "history": history,
        "seconds": sum(e.seconds for e in history.epochs),
        "accuracy": curves.accuracy_curves(history),
        "loss": curves.loss_curves(history),
        "against_test": curves.validation_against_test(history, curve) if shared else None,
        "overfitting": findings.overfitting(history),
        "penalised": bool(values.get("l2") or values.get("label_smoothing")),
    }


def test_results(facts: Facts, concepts: Sequence[Concept]) -> dict[str, Any]:
    """Everything measured on the test set."""
    metrics = present(facts.metrics, "metrics.json")
    predictions = present(facts.predictions, "predictions.npz")
    test, names = metrics.test, facts.class_names
    shown = _spread(predictions.random_index, SHOWN_PREDICTIONS)
    return {
        "test": test,
        "headline": tables.headline(facts),
        "comparison": findings.validation_against_test(metrics),
        "confusion": results.confusion_figure(test),
        "confusion_table": tables.confusion(test),
        "classes": tables.classes(test),
        "pr": results.pr_figure(
            pr_curves(predictions.test_labels, predictions.test_probabilities), test
        ),
        "pairs": tables.pairs(test),
        "random": mosaic.prediction_tiles(predictions, shown, names),
        "mistakes": mosaic.prediction_tiles(predictions, _surest_mistakes(facts), names),
    }


def _spread(indices: Any, number: int) -> list[int]:
    return [int(i) for i in indices[:: max(1, len(indices) // number)][:number]]


def _surest_mistakes(facts: Facts) -> list[int]:
    """Indices of the misclassified test images with the most probable wrong class."""
    predictions = present(facts.predictions, "predictions.npz")
    wrong = np.flatnonzero(predictions.predicted != predictions.test_labels)
    certainty = predictions.test_probabilities[wrong].max(axis=1)
    return [int(i) for i in wrong[np.argsort(-certainty, kind="stable")][:SHOWN_MISTAKES]]


def inside(facts: Facts, concepts: Sequence[Concept]) -> dict[str, Any]:
    """Kernels and feature maps."""
    explanation = facts.explanation
    if explanation is None:
        return {"kernels": None, "maps": [], "image": None, "index": None, "label": ""}
    index = explanation.feature_index
    label = ""
    if facts.predictions is not None and index < len(facts.predictions.test_labels):
        label = facts.class_names[int(facts.predictions.test_labels[index])]
    tile = Tile(
        mosaic.clothing(explanation.feature_image),
        f"Test image {index}" + (f", class {label}" if label else ""),
        (f"Test image {index}", label),
    )
    return {
        "kernels": mosaic.kernel_mosaic(explanation.kernels),
        "maps": mosaic.feature_map_mosaics(explanation),
        "image": tile,
        "index": index,
        "label": label,
    }


def questions(facts: Facts, concepts: Sequence[Concept]) -> dict[str, Any]:
    """The concept questions with what this run shows."""
    shown = [EVIDENCE[c.evidence](facts) if c.evidence else None for c in concepts]
    return {"questions": list(zip(concepts, shown, strict=True)), "absent": ABSENT}


def reproduction(facts: Facts, concepts: Sequence[Concept]) -> dict[str, Any]:
    """What it takes to do the run again, and the sources."""
    named = [source for concept in concepts for source in concept.sources]
    own = [s for title, s in SOURCES.items() if title not in " ".join(named).lower()]
    return {
        "asked": tables.asked(facts),
        "environment": tables.environment(facts),
        "packages": tables.packages(facts),
        "files": tables.files(facts),
        "command": _command(facts),
        "run": facts.run.name,
        "searched": facts.searched,
        "sources": sorted({*own, *named}),
    }


def _command(facts: Facts) -> str:
    request = facts.run.request
    if facts.run.command:
        return facts.run.command
    words = ["fmnist run"]
    if request.time_seconds is not None:
        words.append(f"--time {request.time_seconds:g}s")
    if request.trials is not None:
        words.append(f"--trials {request.trials}")
    return " ".join([*words, f"--sampler {request.sampler}", f"--seed {request.seed}"])


SECTIONS: tuple[Section, ...] = (
    Section("summary", "Summary", summary),
    Section("method", "Data and method", method),
    Section("search", "Search", search, search_only=True),
    Section("configuration", "Best configuration", configuration, ("best",)),
    Section("training", "Training", training, ("history",)),
    Section("results", "Results on the test set", test_results, ("metrics", "predictions")),
    Section("inside", "What the network sees", inside),
    Section("questions", "Concept questions", questions),
    Section("reproduction", "Reproduction", reproduction),
)
