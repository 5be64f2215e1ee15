"""The last chapters: the concept questions, and what it takes to do the run again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fmnist.report import text
from fmnist.report.concepts import Concept
from fmnist.report.evidence import ABSENT, EVIDENCE, Shown
from fmnist.report.records import Facts
from fmnist.report.tables import reproduction as tables

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
}
ENGINE_SOURCES = {
    "optuna": (
        "T. Akiba, S. Sano, T. Yanase, T. Ohta and M. Koyama, Optuna: a next-generation "
        "hyperparameter optimization framework, KDD, 2019"
    ),
    "keras-tuner": (
        "T. O'Malley, E. Bursztein, J. Long, F. Chollet, H. Jin, L. Invernizzi and others, "
        "KerasTuner, 2019"
    ),
}
HYPERBAND = (
    "L. Li, K. Jamieson, G. DeSalvo, A. Rostamizadeh and A. Talwalkar, Hyperband: a novel "
    "bandit-based approach to hyperparameter optimization, Journal of Machine Learning Research, "
    "2018"
)
PED_ANOVA = (
    "S. Watanabe, A. Bansal and F. Hutter, PED-ANOVA: efficiently quantifying hyperparameter "
    "importance in arbitrary subspaces, IJCAI, 2023"
)
BOOTSTRAP = "B. Efron, Bootstrap methods: another look at the jackknife, Annals of Statistics, 1979"


def questions(facts: Facts, concepts: Sequence[Concept]) -> dict[str, Any]:
    """The concept questions with what this run shows."""
    shown = [_shown(c.evidence, facts) if c.evidence else None for c in concepts]
    return {"questions": list(zip(concepts, shown, strict=True))}


def _shown(key: str, facts: Facts) -> Shown:
    found = EVIDENCE[key](facts)
    return Shown([text.NOT_YET]) if found is ABSENT and facts.interim else found


def reproduction(facts: Facts, concepts: Sequence[Concept]) -> dict[str, Any]:
    """What it takes to do the run again, and the sources."""
    named = [source for concept in concepts for source in concept.sources]
    own = [s for title, s in SOURCES.items() if title not in " ".join(named).lower()]
    own += _search_sources(facts)
    return {
        "asked": tables.asked(facts),
        "environment": tables.environment(facts),
        "packages": tables.packages(facts),
        "files": tables.files(facts),
        "command": _command(facts),
        "interim": facts.interim,
        "best": facts.best,
        "run": facts.run.name,
        "by_search": facts.by_search,
        "preflight": tables.preflight(facts),
        "probes": _probes(facts),
        "sources": sorted({*own, *named}),
    }


def _search_sources(facts: Facts) -> list[str]:
    request, importance = facts.run.request, facts.importance
    if not facts.by_search:
        return []
    found = [ENGINE_SOURCES[request.engine]] if request.engine in ENGINE_SOURCES else []
    if request.sampler == "hyperband":
        found.append(HYPERBAND)
    if importance is not None and importance.applicable:
        found.append(PED_ANOVA)
        found += [BOOTSTRAP] if importance.bootstraps else []
    return found


def _probes(facts: Facts) -> str:
    """How long one batch of the smallest and of the largest configuration took."""
    found = facts.preflight
    if found is None:
        return ""
    pairs = (("smallest", found.smallest), ("largest", found.largest))
    parts = [
        f"{text.duration(probe.seconds)} with the {name} configuration"
        for name, probe in pairs
        if probe is not None
    ]
    if not parts:
        return ""
    sentence = f"One batch, building the network included, took {text.listing(parts)}"
    if found.slowness is not None:
        sentence += f": {found.slowness:.2g} times what the plans were made for"
    return sentence + "."


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
