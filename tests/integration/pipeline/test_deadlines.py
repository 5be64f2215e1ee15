"""Simulated nights: the real study, plan and confirmation on machines of all kinds.

``pytest -s -n 0`` on this file prints what became of them.
"""

import math
import os
import random
import statistics
from collections import Counter

import pytest
from simulated_checks import HAD_TO, IN_TIME, why_late
from simulated_job import Job
from simulated_ridge import spare_time
from simulated_scenarios import CALM, STEPS, Scenario, scenario

from fmnist.pipeline.planner.profiles import FEWEST_EPOCHS, FEWEST_TRIALS

pytestmark = pytest.mark.slow

NIGHTS, TEN_MINUTES, PAIRS = 260, 30, 40
MACHINES = int(os.environ.get("FMNIST_TEST_MACHINES", "40"))
QUARTILES = (0, 0.25, 0.5, 0.75, 1)


@pytest.fixture(scope="module")
def quick():
    with pytest.MonkeyPatch.context() as patch:
        spare_time(patch)
        yield


@pytest.fixture(scope="module")
def nights(tmp_path_factory, quick):
    folder = tmp_path_factory.mktemp("nights")
    jobs = []
    for seed in range(NIGHTS):
        (folder / str(seed)).mkdir()
        jobs.append(Job(scenario(random.Random(f"night {seed}")), seed, folder / str(seed)).run())
    print_nights(jobs)
    return jobs


def print_nights(jobs):
    print(f"\n{len(jobs)} simulated nights: share of the time used, least / quartiles / most")
    undisturbed = [j for j in jobs if not j.scenario.jumps]
    print_row("undisturbed", undisturbed)
    for total in sorted({j.scenario.total for j in jobs}):
        print_row(f"  {total / 60:g} min", [j for j in undisturbed if j.scenario.total == total])
    for count in (1, 2, 3, 4):
        print_row(f"  {count} at once", [j for j in undisturbed if j.scenario.jobs == count])
    print_row("  three times slower", [j for j in undisturbed if j.scenario.slowness > 3])
    print_row("  creeping slower", [j for j in undisturbed if j.scenario.creep])
    print_row("  with faults", [j for j in undisturbed if j.scenario.faults])
    print_row("  with a refit", [j for j in undisturbed if j.scenario.refit])
    print_row("  with an ensemble", [j for j in undisturbed if j.scenario.members])
    jumped = [j for j in jobs if j.machine.jumped]
    print(f"{len(jumped)} nights whose clock jumped or slept: {Counter(map(why_late, jumped))}")


def print_row(name, jobs):
    late = sum(j.late > 0 for j in jobs)
    used = "  ".join(f"{100 * quantile([j.used for j in jobs], q):5.1f}" for q in QUARTILES)
    print(f"{name:22} {len(jobs):4}   {used}   late {late}")


def quantile(values, share):
    return sorted(values)[round(share * (len(values) - 1))]


def late_without_need(jobs):
    return [(j.late, j.scenario) for j in jobs if why_late(j) not in (IN_TIME, HAD_TO)]


def test_every_night_ends_before_its_deadline(nights):
    assert len(nights) >= 200
    assert [j.scenario for j in nights if j.late > 0 and not j.machine.jumped] == []


def test_most_of_the_time_is_put_to_use(nights):
    used = [j.used for j in nights if not j.scenario.jumps]
    assert len(used) >= 200
    assert statistics.median(used) >= 0.9
    # The lowest are nights of minutes with a refit or an ensemble, whose epochs a slow spell cut.
    assert quantile(used, 0.05) >= 0.65
    assert quantile(used, 0.1) >= 0.75


def test_who_slept_too_long_ends_as_early_as_possible(nights):
    assert sum(j.late > 0 for j in nights) >= 15
    assert late_without_need(nights) == []


def test_every_night_has_a_network(nights):
    assert all(job.final.epochs for job in nights)


def test_hardly_a_trial_starts_that_cannot_finish(nights):
    calm = [j for j in nights if not j.scenario.jumps]
    slots = sum(j.scenario.jobs for j in calm)
    cut = sum(len(j.cut) for j in calm)
    print(f"{cut} of {sum(len(j.log.trials) for j in calm)} trials were cut, on {slots} slots")
    # The last ones, if any.
    assert [j.scenario for j in calm if len(j.cut) > j.scenario.jobs] == []
    assert cut <= 0.3 * slots


def test_most_refits_that_begin_come_to_their_end(nights):
    calm = [j for j in nights if j.refit_begun and not j.scenario.jumps]
    ended = sum(j.refitted is not None for j in calm)
    wanted = sum(j.scenario.refit for j in nights if not j.scenario.jumps)
    print(f"{ended} of {len(calm)} refits ended, of {wanted} wanted")
    assert len(calm) >= 0.7 * wanted
    assert ended >= 0.75 * len(calm)  # machines that slow down all the time included


def test_most_members_of_an_ensemble_are_trained(nights):
    calm = [j for j in nights if j.scenario.members and not j.scenario.jumps]
    wanted, made = sum(j.scenario.members for j in calm), sum(len(j.members) for j in calm)
    print(f"{made} of {wanted} members were trained")
    assert len(calm) >= 50
    assert made >= 0.6 * wanted


@pytest.fixture(scope="module")
def machines(tmp_path_factory, quick):
    """Runs of two minutes to twelve hours on machines a sixteenth to 64 times as fast as usual."""
    folder = tmp_path_factory.mktemp("machines")
    jobs = []
    for seed in range(MACHINES):
        chance = random.Random(f"machine {seed}")
        (folder / str(seed)).mkdir()
        of_any_speed = Scenario(
            math.exp(chance.uniform(math.log(120), math.log(12 * 3600))),
            jobs=chance.choice((1, 2, 2, 4)),
            slowness=2 ** -chance.uniform(-4, 6),
            levels=chance.choice((CALM, STEPS)),
            creep=chance.choice((0, 0, 1)),
        )
        jobs.append(Job(of_any_speed, seed, folder / str(seed)).run())
    print_row(f"\n{MACHINES} machines of every speed", jobs)
    return jobs


def test_machines_of_every_speed_end_in_time(machines):
    """But for those in whose time not even one trial, one epoch and the report fit."""
    assert sum(j.late > 0 for j in machines) <= 0.1 * len(machines)
    assert late_without_need(machines) == []


def test_machines_of_every_speed_finish_enough_trials_or_none(machines):
    searched = [j for j in machines if j.planner.plan.searched]
    assert [j.scenario for j in searched if j.complete < FEWEST_TRIALS] == []
    back = [j for j in machines if not j.planner.plan.searched]
    late = [j for j in back if len(j.log.trials) > j.scenario.jobs]
    print(f"{len(back)} searches given back, {len(late)} of them after more than a first trial")
    assert len(late) <= 0.05 * len(machines)  # machines that grew slower


def test_machines_of_every_speed_use_their_time(machines):
    used = [j.used for j in machines]
    assert statistics.median(used) >= 0.92
    assert quantile(used, 0.1) >= 0.8


def same_nights(folder, count, *scenario, **options):
    """So many nights that differ by chance alone."""
    found = []
    for seed in range(count):
        place = folder / f"{options.get('jobs', 1)}-{seed}"
        place.mkdir()
        found.append(Job(Scenario(*scenario, **options), seed, place).run())
    return found


@pytest.mark.parametrize("at_once", [1, 2])
def test_ten_minutes_as_measured(tmp_path, quick, at_once):
    """The default job on the machine that was measured: no stage starves another."""
    jobs = same_nights(tmp_path, TEN_MINUTES, 600, jobs=at_once)
    trials = statistics.median(len(j.log.trials) for j in jobs)
    epochs = statistics.median(len(j.final.epochs) for j in jobs)
    searched = [j for j in jobs if j.planner.plan.max_trials is None]
    confirmed = sum(len(j.runs) >= 3 for j in searched)
    print_row("\nten minutes", jobs)
    print(f"{len(searched)} searched, {confirmed} of them confirmed")
    print(f"trials {trials:g}, epochs of the retraining {epochs:g}")
    assert sum(len(j.log.trials) >= FEWEST_TRIALS for j in searched) >= 0.8 * len(searched)
    assert epochs >= 2 * FEWEST_EPOCHS
    assert confirmed >= 0.5 * len(searched) >= 0.2 * TEN_MINUTES


@pytest.mark.parametrize(("minutes", "least"), [(10, 0.98), (20, 1.0), (30, 1.0)])
def test_two_trials_at_once_find_out_more_than_one(tmp_path, quick, minutes, least):
    """Why ``--jobs auto`` is one trial a core: as sure to end in time, and more trials end."""
    one, two = (same_nights(tmp_path, PAIRS, 60 * minutes, jobs=jobs) for jobs in (1, 2))
    print_row(f"\n{minutes} min, one", one)
    print_row(f"{minutes} min, two at once", two)
    print(f"trials finished {mean('finished', one):.1f}, {mean('finished', two):.1f}")
    print(f"images {mean('searched', one):,.0f}, {mean('searched', two):,.0f}")
    assert [j.late for j in two if j.late > 0] == []
    assert mean("used", two) > mean("used", one) - 0.03
    assert mean("finished", two) > 0.9 * mean("finished", one)  # each on more images
    assert mean("searched", two) > least * mean("searched", one)


def mean(name, jobs):
    return statistics.fmean(getattr(j, name) for j in jobs)
