import numpy as np
import optuna
import pytest
from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances

from search.analysis.importance import importances
from search.engines.trial_store import distributions_of
from search.records import Trial
from search.space import Categorical, Float, Int, SearchSpace

SPACE = SearchSpace((Int("a", 1, 9), Float("x", 1e-3, 1, log=True), Categorical("c", ("u", "v"))))


def trials(n, value, seed=0):
    rng = np.random.default_rng(seed)
    found = []
    for number in range(n):
        params = {
            "a": int(rng.integers(1, 10)),
            "x": float(10 ** rng.uniform(-3, 0)),
            "c": str(rng.choice(["u", "v"])),
        }
        found.append(Trial(number, "complete", params, value(params, rng), (), 0, "", 1.0))
    return found


def test_a_parameter_that_decides_everything_is_found():
    record = importances(trials(40, lambda p, rng: p["a"] / 10), SPACE)
    assert record.applicable
    first = record.parameters[0]
    assert first.name == "a"
    assert first.distinguishable
    assert first.importance > first.null_95
    assert sum(p.importance for p in record.parameters) == pytest.approx(1)


@pytest.mark.slow
def test_pure_noise_is_rarely_called_important():
    found = [
        entry.distinguishable
        for seed in range(8)
        for entry in importances(trials(25, lambda p, rng: rng.random(), seed), SPACE).parameters
    ]
    assert np.mean(found) < 0.25  # 5 % expected


def test_few_or_equal_trials_are_not_applicable():
    few = importances(trials(9, lambda p, rng: p["a"]), SPACE)
    assert (few.applicable, few.trials) == (False, 9)
    assert "9 complete trials are too few" in few.reason
    assert (few.bootstraps, few.parameters) == (0, ())
    flat = importances(trials(12, lambda p, rng: 0.5), SPACE)
    assert flat.reason == "all complete trials reached the same value"


def test_pruned_and_failed_trials_do_not_count():
    record = importances(
        [Trial(i, "pruned", {"a": 1, "x": 0.1, "c": "u"}, 0.5, (), 0, "", 1.0) for i in range(20)],
        SPACE,
    )
    assert record.trials == 0


def test_the_estimate_is_that_of_a_plain_optuna_study():
    sample = trials(30, lambda p, rng: p["a"] + rng.random())
    distributions = distributions_of(SPACE)
    study = optuna.create_study(direction="maximize")
    for t in sample:
        study.add_trial(
            optuna.trial.create_trial(params=t.params, distributions=distributions, value=t.value)
        )
    plain = get_param_importances(
        study, evaluator=PedAnovaImportanceEvaluator(target_quantile=0.25)
    )
    ours = {p.name: p.importance for p in importances(sample, SPACE).parameters}
    assert ours == pytest.approx(plain)


@pytest.mark.slow
def test_intervals_narrow_with_more_trials_and_hold_the_estimate():
    def width(n):
        record = importances(trials(n, lambda p, rng: p["a"] + 2 * rng.random()), SPACE)
        first = next(p for p in record.parameters if p.name == "a")
        low, high = first.interval
        assert record.bootstraps == 200
        assert 0 <= low <= first.importance <= high <= 1
        return high - low

    assert width(120) < width(15)


@pytest.mark.slow
def test_the_same_trials_give_the_same_record():
    sample = trials(20, lambda p, rng: rng.random())
    assert importances(sample, SPACE) == importances(sample, SPACE)


def test_a_resample_of_nearly_equal_values_warns_nobody():
    record = importances(trials(10, lambda p, rng: float(p["a"] == 1)), SPACE)
    for p in record.parameters:
        assert 0 <= p.interval[0] <= p.interval[1] <= 1
