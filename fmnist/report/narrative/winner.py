"""Who won the search, how sure that is, and how far its value held: in sentences."""

from __future__ import annotations

from fmnist.config.config import from_dict
from fmnist.report import text
from fmnist.report.facts import Facts
from fmnist.runs import artifacts
from search.analysis.results import Candidate, Confirmation
from search.records import Trial, best_of

INTERVAL = f"95{text.THIN}% interval"


def chosen(facts: Facts) -> str:
    """How the winner was chosen: by runs on fresh seeds, or by its search value alone."""
    found, first = facts.confirmation, best_of(facts.trials)
    if found is None:
        # In an interim report nothing is chosen yet.
        if facts.imported and first is not None:
            return _by_value_alone(facts, "they were read in from another program")
        return "" if first is None or facts.interim else _by_value_alone(facts, "")
    best = found.confirmed
    if best is None:
        return _by_value_alone(facts, found.reason or "no run on a fresh seed gave a value")
    sentence = (
        f"{_candidates(facts, found)} trained again on "
        f"{text.counted(found.seeds, 'fresh seed')}. Trial {best.trial} "
        f"{'was kept' if found.start_kept else 'won'}, with a mean "
        f"validation accuracy of {_mean(facts, best)}."
    )
    parts = (sentence, _lead(found), _order(facts, found, best), brought(found))
    return " ".join(s for s in parts if s)


def _candidates(facts: Facts, found: Confirmation) -> str:
    """Which configurations were trained again; the start is among them wherever it stood."""
    tried = {c.trial: c.search_value for c in found.candidates}
    least = min(tried.values())
    passed = [t for t in facts.trials if t.state == "complete" and t.number not in tried]
    start_value = None if found.start is None else tried.get(found.start)
    if start_value == least and any((t.value or 0) > least for t in passed):
        best = "best configuration" if len(tried) == 2 else f"{len(tried) - 1} best configurations"
        return f"The {best} of the search and the one that it began with were each"
    many = "best configuration" if len(tried) == 1 else f"{len(tried)} best configurations"
    return f"The {many} of the search {'was' if len(tried) == 1 else 'were each'}"


def unsearched(facts: Facts) -> str:
    """Where the configuration comes from that was not searched."""
    plan = facts.plan
    if plan is None or not facts.search_given_back:
        return "One given configuration was trained."
    if facts.run.request.trials == 1:
        return "One trial was asked for: the configuration is the plan's own, and was not searched."
    if len(facts.trials) > plan.jobs:
        trials = text.counted(facts.complete_trials, "trial")
        return (
            f"The time allowed {trials}, too few to choose from. So the search was given back: "
            "the configuration is the one that it began with."
        )
    return (
        "Beside the final training too few trials to choose from would have fitted into the time "
        "on this machine. So the search was given back: the configuration is the plan's own, and "
        "its training had all of the time."
    )


def start_trial(facts: Facts) -> int | None:
    """The trial of the configuration that the search began with; None where not known."""
    found, plan = facts.confirmation, facts.plan
    if found is not None and found.start is not None:
        return found.start
    first = next((t for t in facts.trials if t.number == 0), None)
    if first is None or plan is None or not plan.sizes.base:
        return None
    start = from_dict(plan.sizes.base, artifacts.PLAN.name).to_dict()
    return 0 if all(start.get(name) == value for name, value in first.params.items()) else None


def cut_off_ahead(facts: Facts) -> list[Trial]:
    """Trials that the clock cut off while they led the winner at equal epochs, furthest first."""
    best = facts.winner.epochs if facts.winner else ()
    found = [
        t
        for t in facts.trials
        if t.stopped_by == "clock"
        and 0 < len(t.epochs) <= len(best)
        and t.epochs[-1].val_accuracy > best[len(t.epochs) - 1].val_accuracy
    ]
    return sorted(found, key=lambda t: -len(t.epochs))


def ahead(trial: Trial, facts: Facts) -> str:
    """Where a trial stood when the clock cut it off, beside the winner."""
    assert facts.winner is not None
    epochs, n = len(trial.epochs), facts.run.splits.validation
    own, other = (t.epochs[epochs - 1].val_accuracy for t in (trial, facts.winner))
    return (
        f"Trial {trial.number} was stopped by the clock after {epochs} of "
        f"{text.counted(len(facts.winner.epochs), 'epoch')}; at equal epochs it was ahead of trial "
        f"{facts.winner.number} ({text.percent(own, n)} against {text.percent(other, n)})."
    )


def short(facts: Facts) -> str:
    """Who won and by what, in one sentence; empty where nothing is chosen yet."""
    found, trial = facts.confirmation, facts.winner
    best = found.confirmed if found else None
    if trial is None or trial.value is None or (facts.interim and found is None):
        return ""
    if best is None or found is None:
        n = facts.complete_trials
        if n < 2:
            return f"Trial {trial.number}{_start(facts)} was the only complete one."
        return (
            f"Trial {trial.number}{_start(facts)} had the highest value of "
            f"{text.counted(n, 'complete trial')}."
        )
    tried = len(found.candidates)
    best_of = f"the {'better' if tried == 2 else 'best'} of {tried} candidates"
    among = best_of if tried > 1 else "the one candidate"
    if found.start_kept:
        return (
            f"Of {tried} candidates trained again on fresh seeds none was better than trial "
            f"{best.trial}, the starting configuration, by more than one standard error; it has a "
            f"mean validation accuracy of {_mean(facts, best)}."
        )
    return (
        f"Trial {best.trial}{_start(facts)} was {among} trained again on fresh seeds: a mean "
        f"validation accuracy of {_mean(facts, best)}. {_lead(found)}"
    ).rstrip()


def _start(facts: Facts) -> str:
    """How the winner came to be tried, where it was not the sampler's choice."""
    number = facts.winner.number if facts.winner else None
    if number is not None and number == start_trial(facts):
        return ", the starting configuration,"
    by_tpe = facts.run.request.sampler == "tpe" and not (facts.prior or facts.imported)
    drawn = by_tpe and number is not None and number < facts.run.startup_trials
    return ", a random draw," if drawn else ""


def _by_value_alone(facts: Facts, reason: str) -> str:
    n = facts.complete_trials
    why = f": {reason.rstrip('.')}" if reason else ""
    sentence = f"The best trials were not trained again on fresh seeds{why}."
    if facts.winner is None:
        return sentence
    if n < 2:
        return f"{sentence} Trial {facts.winner.number} was chosen by its search value alone."
    return (
        f"{sentence} Trial {facts.winner.number} was chosen by its search value alone: the highest "
        f"of {n}, so part of it may be luck."
    )


def _mean(facts: Facts, candidate: Candidate) -> str:
    n = facts.run.splits.validation
    shown = text.percent(candidate.mean or 0.0, n)
    runs = text.counted(len(candidate.values), "run")
    if candidate.interval is None:
        return f"{shown} over {runs}"
    return f"{shown} over {runs} ({INTERVAL} {text.interval(candidate.interval, n)})"


def _lead(found: Confirmation) -> str:
    ranked = [c for c in found.ranked if c.mean is not None]
    if len(ranked) < 2 or found.difference is None:
        return ""
    if found.start_kept:
        return (
            f"The mean of trial {ranked[1].trial} is higher by "
            f"{text.points(-found.difference.mean)}: no more than one standard error, and only to "
            "a larger lead does the configuration that the search began with give way."
        )
    always = ", the starting configuration, which always takes part,"
    start = always if ranked[1].trial == found.start else ","
    second = "other" if len(found.candidates) == 2 else "second"
    lead = (
        f"Its lead over the {second}, trial {ranked[1].trial}{start} is "
        f"{text.points(found.difference.mean)} ({INTERVAL} "
        f"{text.point_span(found.difference.interval)})"
    )
    if found.distinguishable:
        return f"{lead}: more than the spread between seeds explains, on these images."
    return f"{lead}: within the spread between seeds, so other seeds might turn the order round."


def brought(found: Confirmation) -> str:
    """What the search brought, against the configuration that it began with."""
    if found.start == found.winner and len(found.candidates) > 1:
        none = "none clearly better" if found.start_kept else "none better"
        return f"The search found {none} than this, the configuration that it began with."
    if found.gain is None:
        return ""
    sentence = (
        f"The search brought {text.points(found.gain.mean)} ({INTERVAL} "
        f"{text.point_span(found.gain.interval)}) on these seeds over the configuration that it "
        f"began with, trial {found.start}"
    )
    clear = found.gain.interval[0] > 0
    return sentence + ("." if clear else ": within the spread between seeds.")


def _order(facts: Facts, found: Confirmation, best: Candidate) -> str:
    """Whether the runs on fresh seeds changed the order of the search."""
    first = max(found.candidates, key=lambda c: (c.search_value, -c.trial))
    n = facts.run.splits.validation
    value = text.percent(first.search_value, n)
    if first.trial == best.trial:
        return f"It also had the highest search value, {value}."
    tries = _tries(facts, first)
    mean = f" (the mean of {tries} trials)" if tries > 1 else ""
    sentence = f"The highest search value, {value}{mean}, was that of trial {first.trial}"
    if first.mean is None:
        return f"{sentence}, whose runs all failed."
    return f"{sentence}; on fresh seeds its mean was {text.percent(first.mean, n)}."


def _tries(facts: Facts, candidate: Candidate) -> int:
    """How many trials of the search gave its value: the longest of its parameters."""
    lengths = [
        len(t.epochs)
        for t in facts.trials
        if t.params == candidate.params and t.state == "complete"
    ]
    return lengths.count(max(lengths, default=0))


def noise(facts: Facts) -> str:
    """How far runs of equal parameters differ by chance."""
    repeated = _repeated(facts)
    found = facts.confirmation.noise if facts.confirmation else None
    if found is None:
        return repeated.strip()
    if found.sd is None:
        return (
            f"{repeated}No configuration was trained twice, so the spread between runs is unknown."
        )
    return (
        f"{repeated}Runs of equal parameters differ by chance with a standard deviation of "
        f"{text.points(found.sd)} (pooled over "
        f"{text.counted(found.groups, 'set')} of parameters as if it were the same for all, "
        f"{text.counted(found.df, 'degree')} of freedom). That is the chance in training alone: "
        "all were scored on the same validation images, each by its best epoch. The winner’s mean "
        "is the highest of several, so still a little too high."
    )


def _repeated(facts: Facts) -> str:
    """How many trials had the parameters of an earlier one; Hyperband trains some for longer."""
    lengths = {t.number: len(t.epochs) for t in facts.trials}
    again = [t for t in facts.trials if t.replicate_of is not None and t.state == "complete"]
    equal = sum(len(t.epochs) == lengths.get(t.replicate_of or 0) for t in again)
    sentences = ""
    if equal:
        sentences += (
            f"{text.counted(equal, 'trial')} of the search repeated earlier parameters under a new "
            "seed; the search value of such parameters is their mean. "
        )
    if longer := len(again) - equal:
        sentences += f"{text.counted(longer, 'trial')} trained earlier parameters for longer. "
    return sentences


def optimism(facts: Facts) -> str:
    """How far the winner's search value held: on fresh seeds, in the final network, on test."""
    found, n = facts.confirmation, facts.run.splits.validation
    winner = facts.winner
    if winner is None or winner.value is None or (facts.interim and found is None):
        return ""
    best = found.confirmed if found else None
    if best is not None and best.mean is not None:
        sentence = (
            f"In the search the winner, trial {winner.number}, reached "
            f"{text.percent(best.search_value, n)}, on fresh seeds a mean of "
            f"{text.percent(best.mean, n)}{_luck(best.search_value - best.mean)}."
        )
    else:
        sentence = (
            f"In the search the winner, trial {winner.number}, reached "
            f"{text.percent(search_value(facts), n)}; that was not confirmed on fresh seeds."
        )
    return f"{sentence} {_final(facts)}".strip()


def search_value(facts: Facts) -> float:
    """What the winner reached in the search; the mean where it was tried more than once."""
    leader = facts.confirmation.leader if facts.confirmation else None
    if leader is not None:
        return leader.search_value
    return (facts.winner.value if facts.winner else None) or 0.0


def _luck(gap: float) -> str:
    if abs(gap) < 0.00005:
        return ": the same"
    side = "higher" if gap > 0 else "lower"
    return f": the search value was {text.points(abs(gap))} {side}"


def _final(facts: Facts) -> str:
    if facts.metrics is None:
        return ""
    validation, test = facts.metrics.validation, facts.metrics.test
    first, second = ("final network", "")
    if facts.refit_used:
        first, second = ("network before the refit", "the final one ")
    return (
        f"The {first} reaches {text.percent(validation.accuracy, validation.n)} on the validation "
        f"images and {second}{text.percent(test.accuracy, test.n)} on the test images."
    )
