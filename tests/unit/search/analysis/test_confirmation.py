import math
import random

import pytest
from scipy.stats import t

from search.analysis.confirmation import candidates, conclude, noise
from search.analysis.results import ConfirmedRun, Noise
from search.records import Epoch, Failure, Trial


def trial(number, x, value=None, *, state="complete", epochs=2, failure=None, of=None):
    passes = tuple(Epoch(n, 0.5, 0.5, 0.5, 0.5, 1.0) for n in range(1, epochs + 1))
    return Trial(
        number=number,
        state=state,
        params={"x": x, "kind": "a"},
        value=value,
        epochs=passes,
        seed=100 + number,
        started="2026-01-01T00:00:00+00:00",
        seconds=2.5,
        failure=Failure(failure, "gone") if failure else None,
        replicate_of=of,
    )


SEARCH = [
    trial(0, 1, 0.90),
    trial(1, 2, 0.92),
    trial(2, 3, 0.91),
    trial(3, 4, 0.99, state="pruned", epochs=1),
    trial(4, 5, state="failed", failure="nan"),
]


def runs(values, start=0):
    """Runs of candidates by trial: {trial: (x, values)}; None is a failure."""
    rows = [(of, x, v) for of, (x, vs) in values.items() for v in vs]
    return [
        trial(n, x, v, of=of)
        if v is not None
        else trial(n, x, state="failed", failure="memory", of=of)
        for n, (of, x, v) in enumerate(rows, start)
    ]


# ---- candidates -------------------------------------------------------------------------------


def test_the_best_complete_trials_are_candidates():
    found = candidates(SEARCH, 2)
    assert [(c.trial, c.search_value) for c in found] == [(1, 0.92), (2, 0.91)]
    assert found[0].params == {"x": 2, "kind": "a"}
    assert len(candidates(SEARCH, 10)) == 3
    assert candidates(SEARCH[3:], 2) == []


def test_what_the_search_began_with_is_a_candidate_in_any_case():
    start = SEARCH[0].params
    assert [c.trial for c in candidates(SEARCH, 2, start)] == [1, 0]
    assert [c.trial for c in candidates(SEARCH, 3, start)] == [1, 2, 0]
    assert [c.trial for c in candidates(SEARCH, 1, start)] == [1]
    assert [c.trial for c in candidates(SEARCH, 2, SEARCH[4].params)] == [1, 2]  # it failed


def test_what_the_search_brought_is_told_against_its_start():
    start = SEARCH[0].params
    fresh = runs({1: (2, [0.930, 0.934]), 0: (1, [0.910, 0.914])})
    record = conclude(candidates(SEARCH, 2, start), fresh, start=start)
    assert record.start == 0
    assert record.gain.mean == pytest.approx(0.02)
    assert record.gain == record.difference
    best = runs({1: (2, [0.910, 0.914]), 0: (1, [0.930, 0.934])})
    won = conclude(candidates(SEARCH, 2, start), best, start=start)
    assert (won.winner, won.start, won.gain) == (0, 0, None)
    assert conclude(candidates(SEARCH, 2), fresh).start is None


@pytest.mark.parametrize(("lead", "kept"), [(0.001, True), (0.0039, True), (0.0041, False)])
def test_the_start_gives_way_only_to_a_lead_of_more_than_one_standard_error(lead, kept):
    start = SEARCH[0].params
    spread = 0.004 / math.sqrt(2)  # of two runs each, so that one standard error is 0.004
    values = [0.91 - spread, 0.91 + spread]
    fresh = runs({1: (2, [v + lead for v in values]), 0: (1, values)})
    record = conclude(candidates(SEARCH, 2, start), fresh, start=start)
    assert (record.winner == 0) == record.start_kept == kept
    assert [c.trial for c in record.ranked] == ([0, 1] if kept else [1, 0])
    assert record.difference.mean == pytest.approx(-lead if kept else lead)
    assert (record.gain is None) == kept
    assert conclude(candidates(SEARCH, 2, start), fresh).winner == 1  # no start is known


def test_replicates_are_one_candidate_of_their_mean():
    found = candidates([*SEARCH, trial(5, 2, 0.88, of=1)], 3)
    values = {c.trial: c.search_value for c in found}
    assert values == {2: 0.91, 0: 0.90, 1: pytest.approx(0.90)}
    assert found[0].trial == 2


def test_a_shorter_training_does_not_count_beside_a_longer_one():
    found = candidates([trial(0, 1, 0.5, epochs=1), trial(1, 1, 0.9, epochs=4)], 1)
    assert [(c.trial, c.search_value) for c in found] == [(1, 0.9)]


def test_equal_candidates_stand_in_order():
    assert [c.trial for c in candidates([trial(n, n, 0.9) for n in (3, 1, 2)], 2)] == [1, 2]


# ---- noise ------------------------------------------------------------------------------------


def test_noise_is_pooled_over_groups_of_equal_parameters():
    spread = noise(runs({0: (1, [0.90, 0.92]), 1: (2, [0.80, 0.83, 0.86]), 2: (3, [0.7])}))
    assert (spread.df, spread.groups) == (3, 2)
    assert spread.sd == pytest.approx(math.sqrt((2 * 0.01**2 + 2 * 0.03**2) / 3))


def test_without_replicates_the_noise_is_not_known():
    spread = noise(SEARCH)
    assert (spread.sd, spread.df, spread.groups) == (None, 0, 0)
    assert spread.half_width(3) is None


def test_values_that_were_selected_do_not_meet_fresh_ones():
    fresh = runs({1: (2, [0.90, 0.90])})
    assert noise(SEARCH, fresh).sd == 0
    assert noise([*SEARCH, *fresh]).sd > 0


def test_the_noise_of_many_is_near_the_truth():
    chance = random.Random(1)
    many = {n: (n, [0.9 + n / 1000 + chance.gauss(0, 0.004) for _ in range(3)]) for n in range(60)}
    assert noise(runs(many)).sd == pytest.approx(0.004, rel=0.15)


# ---- conclusion -------------------------------------------------------------------------------


def test_the_winner_is_chosen_by_its_fresh_mean():
    fresh = runs({1: (2, [0.905, 0.907]), 2: (3, [0.915, 0.911])})
    record = conclude(candidates(SEARCH, 2), fresh, SEARCH)
    assert (record.winner, record.winner_by, record.reason) == (2, "confirmation", "")
    assert (record.k, record.seeds) == (2, 2)
    assert [c.rank for c in record.candidates] == [1, 2]
    first = record.candidates[0]
    assert (first.trial, first.search_value) == (2, 0.91)
    assert first.mean == pytest.approx(0.913)
    assert first.runs[0] == ConfirmedRun(102, 0.915, 2, 2.5, failure=None)
    assert record.optimism == pytest.approx(0.91 - 0.913)


def test_the_intervals_are_students_with_the_pooled_sd():
    fresh = runs({1: (2, [0.90, 0.92]), 2: (3, [0.80, 0.82])})
    record = conclude(candidates(SEARCH, 2), fresh)
    sd = math.sqrt(2 * 0.01**2)
    assert record.noise == Noise(pytest.approx(sd), 2, 2)
    half = t.ppf(0.975, 2) * sd
    low, high = record.candidates[0].interval
    assert (low, high) == pytest.approx((0.91 - half / 2**0.5, 0.91 + half / 2**0.5))
    assert record.difference.mean == pytest.approx(0.1)
    assert record.difference.interval == pytest.approx((0.1 - half, 0.1 + half))
    assert record.distinguishable == (half < 0.1)


def test_replicates_of_the_search_sharpen_the_noise():
    again = [*SEARCH, *(trial(10 + n, 9, 0.5 + 0.001 * n) for n in range(8))]
    fresh = runs({1: (2, [0.905, 0.907]), 2: (3, [0.915, 0.911])})
    plain, sharp = (conclude(candidates(SEARCH, 2), fresh, s) for s in (SEARCH, again))
    assert (plain.noise.df, sharp.noise.df) == (2, 9)


@pytest.mark.parametrize(("lead", "certain"), [(0.05, True), (0.001, False)])
def test_a_lead_is_told_from_noise(lead, certain):
    fresh = runs({1: (2, [0.90, 0.902, 0.898]), 2: (3, [v + lead for v in (0.90, 0.902, 0.898)])})
    record = conclude(candidates(SEARCH, 2), fresh)
    assert record.winner == 2
    assert record.distinguishable is certain


def test_who_lost_runs_still_counts_and_who_lost_all_drops_out():
    fresh = runs({1: (2, [0.95, None]), 2: (3, [None, None]), 0: (1, [0.93, 0.94])})
    record = conclude(candidates(SEARCH, 3), fresh)
    assert [c.trial for c in record.candidates] == [1, 0, 2]
    assert record.candidates[0].sd is None
    assert record.candidates[0].interval is not None  # by the pooled sd
    lost = record.candidates[2]
    assert (lost.mean, lost.interval, lost.rank) == (None, None, 3)
    assert [r.failure for r in lost.runs] == ["memory", "memory"]


def test_a_run_that_was_cut_short_says_nothing():
    fresh = [*runs({2: (3, [0.91])}), trial(7, 2, 0.97, state="pruned", epochs=1, of=1)]
    record = conclude(candidates(SEARCH, 2), fresh)
    assert record.winner == 2
    cut = record.candidates[1].runs[0]
    assert (cut.value, cut.failure, cut.epochs) == (None, "cut short", 1)


def test_equal_means_stand_as_the_search_saw_them():
    fresh = runs({2: (3, [0.9, 0.9]), 1: (2, [0.9, 0.9])})
    assert conclude(candidates(SEARCH, 2), fresh).winner == 1


@pytest.mark.parametrize(
    ("fresh", "given", "reason"),
    [
        ([], "there was no time for it", "there was no time for it"),
        (runs({1: (2, [None])}), "", "no run on a fresh seed was completed"),
    ],
)
def test_without_a_confirmed_value_the_search_decides(fresh, given, reason):
    record = conclude(candidates(SEARCH, 2), fresh, SEARCH, reason=given)
    assert (record.winner, record.winner_by, record.reason) == (1, "search", reason)
    assert record.distinguishable is False
    assert record.difference is record.optimism is None
    assert record.noise == Noise(None, 0, 0)


def test_an_interval_ends_where_accuracies_do():
    record = conclude(candidates(SEARCH, 2), runs({1: (2, [0.99, 0.5]), 2: (3, [0.1, 0.6])}))
    first, second = (c.interval for c in record.candidates)
    assert (first[1], second[0]) == (1.0, 0.0)
    assert -1.0 <= record.difference.interval[0] < record.difference.interval[1] <= 1.0


def test_one_run_each_gives_means_without_intervals():
    record = conclude(candidates(SEARCH, 2), runs({1: (2, [0.9]), 2: (3, [0.95])}))
    assert record.winner == 2
    assert record.difference is None
    assert record.candidates[0].interval is None


def test_fresh_seeds_undo_the_flattery_of_the_search():
    """Twenty equal configurations: the luckiest flatters, its fresh mean does not."""
    chance, optimism, means = random.Random(0), [], []
    for _ in range(200):
        searched = [trial(n, n, 0.9 + chance.gauss(0, 0.004)) for n in range(20)]
        found = candidates(searched, 3)
        values = {
            c.trial: (c.trial, [0.9 + chance.gauss(0, 0.004) for _ in range(3)]) for c in found
        }
        record = conclude(found, runs(values), searched)
        optimism.append(record.optimism)
        means += [c.mean for c in record.candidates]
    assert sum(optimism) / 200 > 0.003
    assert sum(means) / len(means) == pytest.approx(0.9, abs=0.0005)
