"""Nights that are killed, fail and jump: nothing is lost, no rule broken, none late without need.

``FMNIST_TEST_NIGHTS`` says how many, ``FMNIST_TEST_SEED`` which ones; with the number of a night
behind it, as a failure prints it, that one alone.
"""

import os
import random
import shutil
import time
from collections import Counter

import numpy as np
import pytest
from simulated_checks import HAD_TO, SLOW_REPORT, WITHOUT_NEED, why_late
from simulated_faults import Faults
from simulated_job import Job
from simulated_ridge import QuickRidge, spare_time
from simulated_scenarios import scenario

from fmnist.pipeline.planner.planner import TimePlanner
from search.study.study import Study

NIGHTS, SEED = os.environ.get("FMNIST_TEST_NIGHTS"), os.environ.get("FMNIST_TEST_SEED", "0")
COUNTS = [
    pytest.param(int(NIGHTS or 300), marks=pytest.mark.slow, id="some"),
    pytest.param(int(NIGHTS or 10_000), marks=pytest.mark.full, id="all"),
]


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    spare_time(monkeypatch)


@pytest.mark.parametrize("count", COUNTS)
def test_nights_with_faults(tmp_path, count):
    began = time.monotonic()
    seeds = [SEED] if "." in SEED else [f"{SEED}.{number}" for number in range(count)]
    counts, failures = live(tmp_path, seeds)
    print(", ".join(f"{n:,} {what}" for what, n in counts.items()))
    print(f"{time.monotonic() - began:.0f} s")
    assert failures == [], f"{len(failures)} nights failed"
    assert counts["late by a report slower than measured"] <= 2 + 0.002 * len(seeds)


@pytest.mark.slow
@pytest.mark.parametrize("broken", ["recovery", "reserve"])
def test_a_study_or_a_plan_that_is_broken_is_found_out(tmp_path, monkeypatch, broken):
    """Checks that cannot fail show nothing."""
    if broken == "recovery":
        monkeypatch.setattr(Study, "_recover", lambda study: None)
    else:
        monkeypatch.setattr(TimePlanner, "post_search_seconds", lambda planner: 10.0)
        monkeypatch.setattr(TimePlanner, "min_post_search_seconds", lambda planner: 5.0)
    _, failures = live(tmp_path, [f"broken.{number}" for number in range(30)])
    expected = {"recovery": "a trial is left running", "reserve": "late without need"}
    assert any(expected[broken] in failure for failure in failures)


def test_the_quick_regression_gives_the_numbers_of_scikit_learn(monkeypatch):
    monkeypatch.undo()
    from sklearn.linear_model import BayesianRidge

    rng = np.random.default_rng(0)
    for count in range(5, 50):
        x = rng.random((count, 7))
        y = x @ rng.normal(size=7) + rng.normal(0, 0.1, count)
        models = (BayesianRidge(), QuickRidge())
        theirs, ours = (m.fit(x.tolist(), y.tolist()).predict(x, return_std=True) for m in models)
        assert np.allclose(theirs, ours, rtol=0, atol=1e-9)


def live(folder, seeds):
    """Live through the nights; what was counted, and how each that failed is drawn again."""
    counts, failures = Counter(), []
    for seed in seeds:
        place = folder / seed
        place.mkdir()
        try:
            counts += night(seed, place)
        except Exception as error:
            why = next(iter(str(error).splitlines()), "")
            failures.append(f"FMNIST_TEST_SEED={seed}: {type(error).__name__}: {why}")
            print(failures[-1])
        shutil.rmtree(place)
    return counts, failures


def night(seed, folder):
    """Live through one night; what is to be counted of it."""
    chance = random.Random(seed)
    drawn = scenario(chance)
    job = Job(drawn, seed, folder, Faults(chance, drawn.total)).run()
    why = why_late(job)
    assert why != WITHOUT_NEED, f"late without need by {job.late:.0f} s: {drawn}"
    trials = [t for name in job.witness.trials.values() for t in name.values()]
    return Counter(
        {
            "nights": 1,
            "kills": job.kills,
            "failed calls": job.errors,
            "resumes": len(job.starts) - 1,
            "failed trials": sum(t["state"] == "failed" for t in trials),
            "steps checked": job.witness.steps,
            "clocks that jumped": bool(job.machine.jumped),
            "refused so close to the deadline": job.outcome == "refused",
            "without a trial that worked": job.outcome == "no trial",
            "late that had to be": why == HAD_TO,
            "late by a report slower than measured": why == SLOW_REPORT,
        }
    )
