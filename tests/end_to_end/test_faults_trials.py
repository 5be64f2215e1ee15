"""Trials that misbehave: each kind is told apart, tried again by its rule, and harms no other."""

import pytest
from faults import TALLY, finish
from faults_life import Life

pytest_plugins = ("faults_plugin",)
pytestmark = pytest.mark.slow

# What the objective does at its second epoch, and what the study is to call it.
KINDS = {
    "nan accuracy": "nan",
    "nan loss": "nan",
    "inf loss": "nan",
    "inf accuracy": "nan",
    "nan validation loss": "nan",
    "diverges": "nan",
    "bug": "bug",
    "sys.exit": "bug",
    "MemoryError": "memory",
    "segfault": "killed",
    "abort": "killed",
    "killed": "killed",
    "exits": "killed",
}
RETRIED = ("memory", "killed", "hang")


def numbered(kinds, mark=""):
    """Every other trial has a fault, so that never many fail in a row."""
    return {f"{2 * i + 1}{mark}": fault for i, fault in enumerate(kinds)}


def by_number(trials):
    return {t.number: t for t in trials}


@pytest.mark.parametrize("jobs", [1, 2])
def test_faults_that_go_away(lives, witness, jobs):
    faults = numbered(KINDS)
    life = Life(str(witness.folder), trials=2 * len(faults) + 1, jobs=jobs, faults=faults)
    trials = by_number(finish(lives, life, witness))
    for number, fault in faults.items():
        trial, kind = trials[int(number)], KINDS[fault]
        TALLY[fault] += 1
        if kind in RETRIED:
            assert trial.state in ("complete", "pruned"), (fault, trial)
            assert [f.kind for f in trial.retries] == [kind]
            assert trial.resumed == (1,)
        else:
            assert trial.state == "failed"
            assert (trial.failure.kind, trial.retries) == (kind, ()), (fault, trial)
            assert "\n" not in trial.failure.message
    found = {fault: trials[int(number)] for number, fault in faults.items()}
    assert "_misbehave" in found["bug"].failure.detail
    assert "SIGSEGV" in found["segfault"].retries[0].message
    assert "Segmentation fault" in found["segfault"].retries[0].detail
    assert "status 3" in found["exits"].retries[0].message


def test_faults_that_stay(lives, witness):
    kinds = [k for k, kind in KINDS.items() if kind in RETRIED]
    faults = numbered(kinds, "!")
    life = Life(str(witness.folder), trials=2 * len(faults) + 1, faults=faults)
    trials = by_number(finish(lives, life, witness))
    for number, fault in faults.items():
        trial, kind = trials[int(number.rstrip("!"))], KINDS[fault]
        TALLY[f"{fault}, at every attempt"] += 1
        assert (trial.state, trial.failure.kind) == ("failed", kind)
        assert [f.kind for f in trial.retries] == [kind] * {"memory": 1, "killed": 2}[kind]


def test_memory_over_the_limit(lives, witness):
    life = Life(
        str(witness.folder), trials=6, faults={"1": "memory", "3!": "memory"}, memory=200 * 10**6
    )
    trials = by_number(finish(lives, life, witness))
    TALLY["memory over its limit"] += 3
    assert trials[1].state in ("complete", "pruned")
    assert [f.kind for f in trials[1].retries] == ["memory"]
    assert "over its limit of 200 MB" in trials[1].retries[0].message
    assert (trials[3].failure.kind, len(trials[3].retries)) == ("memory", 1)
    assert trials[3].peak_memory > 200 * 10**6


def test_trials_that_hang(lives, witness):
    faults = {"0": "endless loop", "1": "stopped", "2": "sleeps", "4!": "stopped"}
    life = Life(str(witness.folder), trials=6, jobs=2, faults=faults, silence=1.5)
    trials = by_number(finish(lives, life, witness))
    for number in (0, 1, 2):
        TALLY[f"hang: {faults[str(number)]}"] += 1
        assert trials[number].state in ("complete", "pruned")
        assert [f.kind for f in trials[number].retries] == ["hang"]
    TALLY["hang: stopped"] += 2
    assert (trials[4].failure.kind, len(trials[4].retries)) == ("hang", 1)


def test_trials_over_their_time(lives, witness):
    life = Life(str(witness.folder), trials=4, jobs=2, faults={"1": "sleeps"}, seconds=1.5)
    trials = by_number(finish(lives, life, witness))
    TALLY["over the time limit"] += 1
    assert (trials[1].state, trials[1].failure.kind) == ("failed", "timeout")
