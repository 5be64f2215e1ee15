"""Who won, how sure that is, how far its value held: sentences that follow from the numbers."""

import dataclasses

import pytest
from report_factory import confirmed_run, recorded, searching, skip_confirmation

from fmnist.data.ledger import Entry
from fmnist.report.bibliography import sources
from fmnist.report.chapters import search as chapter
from fmnist.report.chapters.method import method
from fmnist.report.findings.search import within_noise
from fmnist.report.load import load_facts
from fmnist.report.narrative import winner
from fmnist.report.narrative.results import earlier_runs, search_course
from fmnist.report.tables import results, search
from fmnist.runs.records.plan import Plan, RunProfile
from search.analysis.results import Difference, Noise
from search.engines.prior import Prior, PriorStudy


@pytest.fixture(scope="module")
def facts(tmp_path_factory):
    return load_facts(confirmed_run(tmp_path_factory.mktemp("night")))


@pytest.fixture(scope="module")
def older(tmp_path_factory):
    return load_facts(recorded(tmp_path_factory.mktemp("older")))


def changed(facts, **values):
    return dataclasses.replace(
        facts, confirmation=dataclasses.replace(facts.confirmation, **values)
    )


def rows(table):
    return [[cell.replace("\u202f", " ") for cell in row] for row in table.rows]


def said(sentence):
    return sentence.replace("\u202f", " ")


def test_the_winner_is_told_with_its_lead_and_what_the_search_thought(facts):
    sentence = said(winner.chosen(facts))
    assert "3 best configurations of the search were each trained again on 3 fresh" in sentence
    assert "Trial 12 won, with a mean validation accuracy of 84.53 % over 3 runs" in sentence
    assert "(95 % interval 84.24–84.81 %)" in sentence
    assert "over the second, trial 13, is 0.25 percentage points" in sentence
    assert "within the spread between seeds, so other seeds might turn" in sentence
    assert "The highest search value, 84.61 % (the mean of 2 trials), was that of trial 13" in (
        sentence
    )


def test_a_clear_lead_is_called_so(facts):
    clear = changed(facts, distinguishable=True, difference=Difference(0.01, (0.006, 0.014)))
    sentence = said(winner.chosen(clear))
    assert "1.00 percentage points (95 % interval 0.60 to 1.40 percentage points): more" in sentence
    assert "might turn" not in sentence


def test_what_the_search_brought_is_told_with_its_interval(facts):
    assert "The search brought" not in winner.chosen(facts)
    gain = changed(facts, start=0, gain=Difference(0.003, (0.001, 0.005)))
    assert "The search brought 0.30 percentage points (95 % interval 0.10 to 0.50" in said(
        winner.chosen(gain)
    )
    noise = changed(facts, start=0, gain=Difference(0.003, (-0.001, 0.007)))
    assert "began with, trial 0: within the spread between seeds." in said(winner.chosen(noise))
    itself = changed(facts, start=facts.confirmation.winner)
    assert "The search found none better than this" in winner.chosen(itself)


def test_a_start_that_was_kept_within_one_standard_error_is_said_to_be_so(facts):
    first, second, *others = facts.confirmation.ranked
    higher = dataclasses.replace(second, mean=first.mean + 0.001)
    kept = changed(
        facts, start=first.trial, candidates=(first, higher, *others), distinguishable=False,
        difference=Difference(-0.001, (-0.004, 0.002)),
    )  # fmt: skip
    assert kept.confirmation.start_kept
    told = said(winner.chosen(kept))
    assert f"Trial {first.trial} was kept, with a mean" in told
    assert f"mean of trial {second.trial} is higher by 0.10 percentage points: no more than" in told
    assert "The search found none clearly better than this" in told
    assert "none was better than trial" in winner.short(kept)
    assert within_noise(kept) == []


def test_one_candidate_has_no_second(facts):
    alone = changed(facts, candidates=facts.confirmation.ranked[:1], difference=None)
    sentence = winner.chosen(alone)
    assert "The best configuration of the search was trained again on 3 fresh seeds" in sentence
    assert "second" not in sentence
    assert "It also had the highest search value" in sentence


def test_a_second_without_a_value_is_not_compared(facts):
    first, second, _ = facts.confirmation.ranked
    lost = dataclasses.replace(second, mean=None, interval=None, search_value=0.9)
    sentence = winner.chosen(changed(facts, candidates=(first, lost), difference=None))
    assert "whose runs all failed" in sentence


def test_a_skipped_confirmation_gives_its_reason(tmp_path):
    run = confirmed_run(tmp_path)
    skip_confirmation(run, "there was no time for it")
    facts = load_facts(run)
    sentence = winner.chosen(facts)
    assert "not trained again on fresh seeds: there was no time for it." in sentence
    assert "Trial 13 was chosen by its search value alone: the highest of 16" in sentence
    assert "84.61" in winner.optimism(facts)
    assert "not confirmed on fresh seeds" in winner.optimism(facts)
    assert search.candidates(facts) is None
    assert [row[3] for row in results.gap(facts).rows] == [
        "the winner, of 16 trials", "the epoch", "nothing",
    ]  # fmt: skip


def test_a_winner_that_was_drawn_at_random_is_said_to_be(facts):
    for startup, said in ((99, True), (0, False)):
        run = dataclasses.replace(facts.run, startup_trials=startup)
        assert (", a random draw," in winner.short(dataclasses.replace(facts, run=run))) == said


def test_a_search_given_back_late_says_how_many_trials_there_were(facts):
    plan = Plan(sizes=RunProfile(1, 1, 1, max_trials=1), jobs=1, threads=None, planned=())
    told = winner.unsearched(dataclasses.replace(facts, plan=plan))
    assert f"allowed {facts.complete_trials} trials, too few to choose from" in told
    first = dataclasses.replace(facts, plan=plan, trials=facts.trials[:1])
    assert "too few trials to choose from would have fitted" in winner.unsearched(first)


def test_an_older_run_says_that_nothing_was_confirmed(older):
    assert winner.chosen(older).startswith("The best trials were not trained again on fresh seeds.")
    assert older.winner.number == 13
    assert winner.noise(older) == ""


def test_a_run_under_way_has_chosen_nothing(tmp_path):
    facts = load_facts(searching(tmp_path), interim=True)
    assert winner.chosen(facts) == ""
    assert winner.optimism(facts) == ""


def test_trials_that_went_on_for_longer_are_no_replicates(facts):
    first, second = facts.trials[13], facts.trials[15]
    longer = dataclasses.replace(second, epochs=(*second.epochs, second.epochs[-1]))
    facts = dataclasses.replace(facts, trials=(first, facts.trials[12], longer))
    assert winner.noise(facts).startswith("1 trial trained earlier parameters for longer. Runs")
    assert "(the mean of" not in winner.chosen(facts)


def test_noise_is_told_with_its_degrees_of_freedom(facts):
    sentence = winner.noise(facts)
    assert "1 trial of the search repeated earlier parameters" in sentence
    assert "0.20 percentage points (pooled over 4 sets of parameters as if" in sentence
    unknown = winner.noise(changed(facts, noise=Noise(None, 0, 0)))
    assert "No configuration was trained twice, so the spread between runs is unknown" in unknown


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0.8553, "the search value was 1.00 percentage points higher"),
        (0.8443, "the search value was 0.10 percentage points lower"),
        (0.84531, ": the same."),
    ],
)
def test_optimism_is_the_search_value_against_fresh_seeds(facts, value, words):
    first, *rest = facts.confirmation.ranked
    first = dataclasses.replace(first, search_value=value, mean=0.8453)
    sentence = winner.optimism(changed(facts, candidates=(first, *rest)))
    assert words in sentence
    assert "The final network reaches 93.52" in sentence


def test_the_gap_goes_from_the_search_to_the_test(facts):
    assert rows(results.gap(facts)) == [
        ["Search, trial 12", "84.43 %", "–", "the candidates, of 16 trials"],
        ["Mean on 3 fresh seeds", "84.53 %", "84.24–84.81 %", "the winner, of 3 means"],
        ["Final network, validation", "93.52 %", "–", "the epoch"],
        ["Final network, test", "92.45 %", "91.92–92.95 %", "nothing"],
    ]


def test_candidates_are_listed_by_rank_with_every_run(facts):
    found = rows(search.candidates(facts))
    assert [row[1] for row in found] == ["12", "13", "8"]
    assert found[2][5] == "84.10 %, 84.33 %, failed (NaN or infinity)"


@pytest.mark.parametrize(
    ("stages", "words"),
    [
        (
            ("search", "confirm", "retrain", "evaluate"),
            "No choice in this run was made on the test set",
        ),
        (("search", "retrain", "evaluate", "confirm"), "read 1 time before the last choice"),
        (("search",), "The test set has not been read."),
    ],
)
def test_the_ledger_decides_whether_a_choice_saw_the_test_set(older, stages, words):
    entries = tuple(
        Entry("", s, "test" if s == "evaluate" else "validation", 10, "") for s in stages
    )
    data = method(dataclasses.replace(older, ledger=entries), ())
    assert words in data["test_reads"]


def test_a_choosing_stage_that_reads_the_test_set_is_found(older):
    entries = (Entry("", "confirm", "test", 10, ""),)
    data = method(dataclasses.replace(older, ledger=entries), ())
    assert "The test set was read 1 time before the last choice" in data["test_reads"]


def test_without_a_complete_trial_there_is_no_gap(older):
    facts = dataclasses.replace(older, trials=())
    assert results.gap(facts) is None
    assert winner.optimism(facts) == ""
    assert winner.chosen(facts) == ""


def cut_off(facts, number, values, by="clock"):
    """The facts with one more trial that was stopped after so many epochs of these accuracies."""
    like = facts.trials[0]
    epochs = tuple(
        dataclasses.replace(like.epochs[0], epoch=n, val_accuracy=v)
        for n, v in enumerate(values, start=1)
    )
    more = dataclasses.replace(
        like, number=number, state="pruned", epochs=epochs, stopped_by=by, value=values[-1]
    )
    return dataclasses.replace(facts, trials=(*facts.trials, more))


@pytest.mark.parametrize(
    ("lead", "by", "told"),
    [(0.01, "clock", True), (-0.01, "clock", False), (0.01, "pruner", False)],
)
def test_a_trial_that_the_clock_cut_off_while_it_led_is_named(facts, lead, by, told):
    at = facts.winner.epochs[1].val_accuracy
    found = winner.cut_off_ahead(cut_off(facts, 30, [at, at + lead], by))
    assert [t.number for t in found] == ([30] if told else [])
    if told:
        sentence = said(winner.ahead(found[0], facts))
        assert sentence.startswith(
            "Trial 30 was stopped by the clock after 2 of 3 epochs; at equal"
        )
        assert f"({100 * (at + lead):.2f} % against {100 * at:.2f} %)" in sentence


def test_only_trials_that_ran_to_their_end_failed_to_reach_the_best(facts):
    trials = [dataclasses.replace(t, number=i) for i, t in enumerate(facts.trials[:3])]
    best = dataclasses.replace(trials[0], value=0.99)
    cut = dataclasses.replace(trials[1], state="pruned")
    assert "1 later trial that ran to the end did not reach it" in search_course(
        [best, cut, trials[2]], best
    )
    alone = search_course([best, cut], best)
    assert "the only one that ran to its end" in alone
    assert "did not" not in alone


def test_the_starting_configuration_is_named_where_it_won(facts):
    assert "the starting configuration" not in winner.short(facts)
    won = changed(facts, start=facts.confirmation.winner)
    words = winner.short(won)
    assert f"Trial {facts.winner.number}, the starting configuration, was the best of" in words


@pytest.mark.slow
def test_what_earlier_runs_told_is_said_with_the_trials_that_used_it(facts):
    assert earlier_runs(facts) == ""
    first, second, *rest = facts.trials
    used = dataclasses.replace(second, prior=True)
    known = Prior((PriorStudy("monday", 20), PriorStudy("tuesday", 31)), (), ())
    later = dataclasses.replace(facts, prior=known, trials=(first, used, *rest))
    sentence = earlier_runs(later)
    assert "knew 2 earlier runs on the same data (monday and tuesday; 51 trials)" in sentence
    assert f"Of {len(facts.trials)} new trials 1 used them" in sentence
    assert "chooses after 8 trials" in chapter.search(facts, ())["sampler"]
    assert "after 8 trials" not in chapter.search(later, ())["sampler"]
    listed = [any("quantile-based" in s for s in sources(f, ())) for f in (facts, later)]
    assert listed == [False, True]
