"""Findings about the search: how far it went, and how sure its winner is."""

from __future__ import annotations

import math

from scipy.stats import t as student

from fmnist.report import text
from fmnist.report.facts import Facts
from fmnist.report.findings import training as run
from fmnist.report.findings.base import CAUTION, NOTE, WARNING, Finding
from fmnist.report.narrative import failures as trouble
from fmnist.report.narrative import results, training, winner
from fmnist.report.narrative.results import FEW_TRIALS
from search.analysis.results import Candidate, Confirmation
from search.records import Trial
from search.space import Categorical, Parameter

SECTION = "search"
INTERVAL = f"95{text.THIN}% interval"
HARDLY_ANY = 3
"""Complete trials below which there was no search to speak of."""
"""Trials of TPE that are the start and random draws, see ``search.engines.samplers``."""
LIKELY_EDGE = 0.5
"""Where more values than this share of a range are its ends, a best value there is no surprise."""
MANY_FAILED, MOST_FAILED = 0.1, 0.5
"""Shares of failed trials from which the search is hampered, and from which it is in doubt."""
MOST_PRUNED = 0.5
SHORT_TRIAL = 0.1
"""Share of the final training from which down the order of the trials may turn round in it."""


def few_trials(facts: Facts) -> list[Finding] | None:
    """Fewer trials ran to their end than a search needs to do better than chance."""
    if not _over(facts):
        return None
    n = facts.complete_trials
    if n >= FEW_TRIALS:
        return []
    sentence = (
        f"{text.counted(n, 'trial')} ran to {'its' if n == 1 else 'their'} end: below "
        f"{FEW_TRIALS}, a good value is found by luck more than by method, and which "
        "hyperparameter matters cannot be told."
    )
    severity = WARNING if n < HARDLY_ANY else CAUTION
    return [Finding("few-trials", "Few trials", severity, sentence, SECTION, run.remedy(facts))]


def given_back(facts: Facts) -> list[Finding] | None:
    """Too few trials would have fitted, so there was no search."""
    if facts.run.request.kind != "search" or facts.plan is None or facts.best is None:
        return None
    if not facts.search_given_back or facts.run.request.trials == 1:
        return []
    sentence = winner.unsearched(facts)
    title = "The search was given back"
    return [Finding("search-given-back", title, CAUTION, sentence, "summary", run.remedy(facts))]


def nothing_tuned(facts: Facts) -> list[Finding] | None:
    """The winner is the configuration that the search began with, or not shown to be better."""
    start, found = winner.start_trial(facts), facts.confirmation
    if not _over(facts) or facts.winner is None or start is None:
        return None
    if facts.winner.number == start:
        tried = text.counted(len(_tried(facts)), "trial")
        sentence = (
            f"Of {tried} the best is trial {start}, the configuration that the search began with: "
            "the search changed nothing."
        )
    elif found is None or found.gain is None:
        return None
    elif found.gain.interval[0] > 0:
        return []
    else:
        sentence = (
            f"On fresh seeds trial {facts.winner.number} leads the configuration that the search "
            f"began with by {text.points(found.gain.mean)} ({INTERVAL} "
            f"{text.point_span(found.gain.interval)}): the search is not shown to have helped."
        )
    return [Finding("nothing-tuned", "Nothing was tuned", CAUTION, sentence, SECTION)]


def stopped_ahead(facts: Facts) -> list[Finding] | None:
    """A trial that the clock cut off led the winner after as many epochs."""
    if not _over(facts) or facts.winner is None:
        return None
    ahead = winner.cut_off_ahead(facts)
    if not ahead:
        return []
    sentence = " ".join(winner.ahead(trial, facts) for trial in ahead[:2])
    title = "A trial was cut off while it led"
    return [Finding("stopped-while-ahead", title, CAUTION, sentence, SECTION, run.remedy(facts))]


def noise_unknown(facts: Facts) -> list[Finding] | None:
    """No configuration was trained twice, so no difference has a measure of chance."""
    if not _over(facts) or facts.imported:
        return None
    again = any(t.replicate_of is not None and t.value is not None for t in facts.trials)
    spread = facts.confirmation.noise if facts.confirmation else None
    seeds = facts.experiments.fidelity if facts.experiments else None
    if again or (spread and spread.sd is not None) or (seeds and seeds.seeds > 1):
        return []
    sentence = (
        "No configuration was trained twice: how much two trainings differ by chance is not known, "
        "so all differences between trainings are without a measure of chance."
    )
    title = "The spread between trainings is unknown"
    return [Finding("noise-unknown", title, CAUTION, sentence, SECTION)]


def start_not_searched(facts: Facts) -> list[Finding] | None:
    """TPE never left its first trials, which are the start and random draws."""
    if not _over(facts) or facts.run.request.sampler != "tpe" or facts.imported or facts.prior:
        return None
    n, first = len(_tried(facts)), facts.run.startup_trials
    if n > first:
        return []
    sentence = (
        f"TPE chooses after {first} trials; there were {n}, all of them the start or random draws."
    )
    return [Finding("start-not-searched", "A random search", NOTE, sentence, SECTION)]


def pruned_most(facts: Facts) -> list[Finding] | None:
    """More than half of the trials were stopped early."""
    if not _over(facts) or facts.complete_trials < FEW_TRIALS:
        return None
    tried = _tried(facts)
    stopped = [t for t in tried if t.state == "pruned"]
    n = len(stopped)
    if n <= MOST_PRUNED * len(tried):
        return []
    sentence = (
        f"{n} of {text.counted(len(tried), 'trial')} were stopped early, "
        f"{training.pruning(facts.run.request, stopped)}."
    )
    return [Finding("pruned-most", "Most trials stopped early", NOTE, sentence, SECTION)]


def failures(facts: Facts) -> list[Finding] | None:
    """Trainings that failed, or came to their end after a failure."""
    if facts.interim:
        return None
    found = trouble.troubles(facts)
    if not found:
        return []
    kinds = list(dict.fromkeys(trouble.kind(f) for t in found for f in t.failures))
    lost = [t for t in found if t.trial.state == "failed"]
    sentence = (
        f"{text.counted(len(found), 'training')} failed ({text.listing(kinds)}), "
        f"{_saved(len(found) - len(lost), len(found))}."
    )
    where = SECTION if facts.by_search else "training"
    return [Finding("failures", "Trainings failed", _gravity(facts), sentence, where)]


def _saved(saved: int, of: int) -> str:
    if saved == of:
        return "and went on to its end" if of == 1 else "and all went on to their ends"
    return f"{saved or 'none'} of them went on to {'its' if saved == 1 else 'their'} end"


def _gravity(facts: Facts) -> str:
    tried = _tried(facts)
    share = sum(t.state == "failed" for t in tried) / len(tried) if tried else 0.0
    if share >= MOST_FAILED:
        return WARNING
    return CAUTION if share >= MANY_FAILED else NOTE


def edge(facts: Facts) -> list[Finding] | None:
    """A number of the best configuration lies at an end of its searched range."""
    if not _over(facts) or facts.best is None or facts.space is None:
        return None
    if facts.complete_trials < FEW_TRIALS:
        return None
    at_ends = results.edges(facts)
    if not at_ends:
        return []
    sentence = " ".join(results.at_the_edge(facts))
    surprising = any(_ends(p) <= LIKELY_EDGE for p in at_ends)
    severity = CAUTION if surprising else NOTE
    return [Finding("search-edge", "Best value at the edge", severity, sentence, SECTION)]


def _ends(p: Parameter) -> float:
    """Share of the values of a range that count as its ends."""
    if isinstance(p, Categorical) or not isinstance(p.low, int):
        return 2 * results.EDGE
    return 2 / (1 + (int(p.high) - p.low) // getattr(p, "step", 1))


def unconfirmed(facts: Facts) -> list[Finding] | None:
    """The winner is the highest of several values of one training each."""
    n = facts.complete_trials
    if not _over(facts) or facts.winner is None or n < 2:
        return None
    if facts.confirmation is not None and facts.confirmation.confirmed is not None:
        return []
    sentence = (
        f"Trial {facts.winner.number} was chosen by its search value alone, the highest of {n}: "
        "part of it may be luck, and other seeds might choose another."
    )
    return [Finding("unconfirmed", "The winner was not confirmed", CAUTION, sentence, SECTION)]


def within_noise(facts: Facts) -> list[Finding] | None:
    """The lead of the winner over the second is no larger than noise makes it."""
    found = facts.confirmation
    ranked = [c for c in found.ranked if c.mean is not None] if found else []
    if found is None or found.difference is None or len(ranked) < 2:
        return None
    if found.distinguishable or found.start_kept:
        return []
    sentence = (
        f"Trial {ranked[0].trial} leads trial {ranked[1].trial} by "
        f"{text.points(found.difference.mean)} on fresh seeds ({INTERVAL} "
        f"{text.point_span(found.difference.interval)}): other seeds might turn the order round."
    )
    title = "The winner’s lead is within noise"
    return [Finding("noise-exceeds-difference", title, NOTE, sentence, SECTION)]


def optimism(facts: Facts) -> list[Finding] | None:
    """The search value of the winner lies above what its configuration reaches on fresh seeds."""
    found = facts.confirmation
    best = found.confirmed if found else None
    if found is None or best is None or best.mean is None or best.interval is None:
        return None
    if best.search_value <= best.interval[1]:
        return []
    n = facts.run.splits.validation
    sentence = (
        f"The search value of trial {best.trial}, {text.percent(best.search_value, n)}, was "
        f"{text.points(best.search_value - best.mean)} more than the same configuration reaches on "
        "fresh seeds, on the same validation images: the highest of many values is in part luck."
    )
    severity = CAUTION if _beyond_one_run(found, best) else NOTE
    return [Finding("optimism", "The search value was optimistic", severity, sentence, SECTION)]


def _beyond_one_run(found: Confirmation, best: Candidate) -> bool:
    """Whether the search value lies above the 95 % prediction interval of one more run."""
    if found.noise is None or found.noise.sd is None or best.mean is None:
        return False
    spread = found.noise.sd * math.sqrt(1 + 1 / len(best.values))
    return bool(best.search_value > best.mean + student.ppf(0.975, found.noise.df) * spread)


def importance_unclear(facts: Facts) -> list[Finding] | None:
    """No hyperparameter stands out from noise."""
    found = facts.importance
    if found is None or not found.applicable or facts.complete_trials < FEW_TRIALS:
        return None
    if any(p.distinguishable for p in found.parameters):
        return []
    sentence = (
        f"Over {text.counted(found.trials, 'complete trial')} no hyperparameter stands out from "
        "noise: which of them mattered cannot be told."
    )
    title = "Importances are not clear"
    return [Finding("importance-unclear", title, NOTE, sentence, SECTION)]


def short_trials(facts: Facts) -> list[Finding] | None:
    """A trial sees far fewer images than the final training, so it may judge another way."""
    history, images = facts.history, results.trial_images(facts)
    if not _over(facts) or history is None or images is None:
        return None
    if facts.complete_trials < FEW_TRIALS:
        return None
    epochs = max((len(t.epochs) for t in facts.trials), default=0)
    share = images * epochs / (history.training_images * len(history.epochs))
    if not epochs or share >= SHORT_TRIAL:
        return []
    sentence = (
        f"A trial saw {text.percent(share, digits=0)} of what the final training saw, images times "
        "epochs: the best of short trials need not be the best of long ones."
    )
    return [Finding("short-trials", "Short trials", NOTE, sentence, SECTION)]


def _over(facts: Facts) -> bool:
    """Whether there was a search and it is over."""
    return facts.by_search and bool(facts.trials) and facts.best is not None


def _tried(facts: Facts) -> list[Trial]:
    return [t for t in facts.trials if not trouble.not_tried(t)]
