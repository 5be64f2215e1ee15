"""The plan against what became of it, what failed on the way, and where a run stands."""

import dataclasses
import json

import pytest
from report_factory import barely_begun, confirmed_run, recorded, retried, searching, write_plan

from fmnist.report import text
from fmnist.report.load import load_facts
from fmnist.report.narrative import failures, timing
from fmnist.report.narrative.results import states
from fmnist.report.tables import method, reproducibility, search
from fmnist.runs.records.plan import Stage, Stages
from search.records import Failure


@pytest.fixture(scope="module")
def facts(tmp_path_factory):
    return load_facts(confirmed_run(tmp_path_factory.mktemp("night")))


def cells(table):
    return [[cell.replace("\u202f", " ") for cell in row] for row in table.rows]


def said(sentence):
    return sentence.replace("\u202f", " ")


def planned(facts, **values):
    return dataclasses.replace(facts, plan=dataclasses.replace(facts.plan, **values))


def test_planned_and_taken_stand_side_by_side(facts):
    table = method.stages(facts)
    assert table.head == ("Stage", "Planned", "Taken", "Share")
    rows = {row[0]: row[1:] for row in cells(table)}
    assert rows["preflight"] == ["–", "14 s", "3 %"]
    assert rows["confirm"] == ["1 min 30 s", "1 min 01 s", "13 %"]
    assert rows["report"] == ["10 s", "–", "–"]
    assert rows["total"] == ["9 min 40 s", "7 min 45 s", "100 %"]


def test_without_a_plan_the_table_is_that_of_before(tmp_path):
    facts = load_facts(recorded(tmp_path))
    table = method.stages(facts)
    assert table.head == ("Stage", "Time", "Share")
    assert [row[0] for row in table.rows].count("explain") == 1  # two sessions, one row
    assert method.decisions(facts) is None
    assert "16 trials were asked for" in timing.asked(facts)
    assert timing.verdict(facts) == ""


@pytest.mark.parametrize(
    ("deadline", "words"),
    [
        ("2026-11-21T22:10:00+01:00", "ended at 22:07:16, 2 min 44 s before the deadline: it was"),
        ("2026-11-21T21:10:00+00:00", "ended at 21:07:16, 2 min 44 s before the deadline"),
        ("2026-11-21T22:06:00+01:00", "1 min 16 s after the deadline: it was missed"),
    ],
)
def test_the_deadline_is_judged_by_the_last_stage(facts, deadline, words):
    assert words in said(timing.verdict(planned(facts, deadline=deadline)))


@pytest.mark.parametrize(
    ("budget", "words"),
    [
        (600.0, "took 7 min 45 s, 2 min 15 s less than given: the limit was kept"),
        (460.0, "took 7 min 45 s, 4.7 s more than given: the limit was missed"),
    ],
)
def test_a_budget_counts_work_and_not_the_clock(facts, budget, words):
    facts = planned(facts, deadline=None, budget_seconds=budget)
    facts = dataclasses.replace(
        facts, stages=dataclasses.replace(facts.stages, budget_seconds=budget)
    )
    assert words in said(timing.verdict(facts))
    assert "The run was given" in timing.asked(facts)


def test_a_rendering_does_not_count_itself(facts):
    later = (*facts.stages.stages, Stage("report", "2026-11-21T23:59:00+01:00", 6.0))
    again = dataclasses.replace(facts, stages=Stages(later, 630.0))
    assert timing.verdict(again) == timing.verdict(facts)
    assert method.stages(again) == method.stages(facts)


def test_the_plan_is_told_in_words(facts):
    sentence = timing.asked(facts)
    assert "to end by 2026-11-21 22:10 (UTC+01:00)" in sentence
    assert "up to 6,000 images and 3 epochs, and the final network 8 epochs" in sentence
    assert "It ran 2 trials at a time, with 1 thread each." in sentence
    assert "one trial at a time." in timing.asked(planned(facts, jobs=1, threads=None))


def test_decisions_are_listed_and_cut_where_too_many(facts):
    assert cells(method.decisions(facts))[1] == [
        "2 min 57 s", "search", "No time for another trial: 3 s are left.",
    ]  # fmt: skip
    many = planned(facts, decisions=facts.plan.decisions * 20)
    table = method.decisions(many)
    assert len(table.rows) == 40
    assert "the first 40 of 80" in table.caption


def test_failures_are_told_apart_with_their_attempts(facts):
    rows = cells(search.failures(facts))
    assert rows[0] == [
        "Trial 5", "complete", "killed by a signal", "Signal 9 ended the process.", "2", "745 MB",
        "7.0 s",
    ]  # fmt: skip
    assert [row[0] for row in rows[1:]] == [
        "Trial 16", "Trial 17", "Trial 18", "Trial 8 on a fresh seed",
    ]  # fmt: skip
    assert rows[1][2:4] == ["out of memory", "Over its limit of 1,500 MB."]
    assert rows[4][2] == "NaN or infinity"


def test_what_there_was_no_time_for_is_no_failure(facts):
    assert states(facts.trials) == {"complete": 16, "failed": 3, "out of time": 1}
    assert "Trial 19" not in [row[0] for row in search.failures(facts).rows]
    told = " ".join(failures.sentences(facts))
    assert "1 more configuration was suggested, but the time left was too short" in told
    assert "Trial 5 was taken up again after epoch 2." in told
    assert "Trial 7 was taken up again after epoch 1 and epoch 2." in told
    assert "1.4\u202fGB of memory, in trial 16" in told


def test_equal_tracebacks_are_shown_once(facts):
    (trace,) = failures.traces(facts)
    assert trace.names == ("trial 17", "trial 18")
    assert trace.tail.splitlines()[-1].startswith("ValueError: <b>Negative")


def test_a_long_traceback_is_cut_to_its_end(facts):
    detail = "\n".join([f"line {i}" for i in range(40)] + ["x" * 500])
    failed = dataclasses.replace(facts.trials[17], failure=Failure("bug", "m", detail))
    (trace,) = failures.traces(dataclasses.replace(facts, trials=(failed,), confirming=()))
    lines = trace.tail.splitlines()
    assert len(lines) == 1 + failures.TRACE_LINES
    assert lines[0] == "…"
    assert len(lines[-1]) == failures.TRACE_WIDTH
    assert lines[-2] == "line 39"


def test_a_retry_under_another_number_says_whose_it_was(facts):
    again = dataclasses.replace(facts.trials[17], retry_of=16)
    row = search.failures(dataclasses.replace(facts, trials=(again,), confirming=())).rows[0]
    assert "It tried the parameters of trial 16 once more." in row[3]


def test_a_final_training_that_was_taken_up_again_says_so(tmp_path, facts):
    run = confirmed_run(tmp_path)
    retried(run)
    sentence = failures.final_training(load_facts(run))
    assert sentence == (
        "This training failed 1 time on the way (no sign of life) and was taken up again from its "
        "checkpoint after epoch 3."
    )
    assert failures.final_training(facts) == ""


def test_a_quiet_run_has_no_troubles(tmp_path):
    facts = load_facts(recorded(tmp_path))
    assert search.failures(facts) is None
    assert failures.sentences(facts) == []
    assert failures.traces(facts) == []


def test_checks_before_the_run_give_a_remedy_where_one_is_needed(facts):
    rows = cells(reproducibility.preflight(facts))
    assert rows[0] == ["memory", "passed", "23.5 GB, 22.4 GB of it free"]
    assert rows[2] == ["PDF", "warned", "no Pango; apt install libpango-1.0-0"]


def test_progress_names_stage_trials_and_what_is_under_way(tmp_path):
    facts = load_facts(searching(tmp_path), interim=True)
    assert [said(line) for line in timing.progress(facts)] == [
        "After 41 s of work it stood in the stage “search”.",
        "3 trials have ended (3 complete).",
        "Under way: trial 3, epoch 2 done, 80.32 % on the validation images.",
    ]
    assert "the results on the test set" in timing.missing(facts)


def test_progress_of_a_run_that_barely_began(tmp_path):
    facts = load_facts(barely_begun(tmp_path), interim=True)
    assert timing.progress(facts) == ["No trial has ended yet."]


def test_progress_counts_runs_on_fresh_seeds(facts):
    running = dataclasses.replace(facts, interim=True, metrics=None)
    assert "and 9 runs on fresh seeds." in timing.progress(running)[1]
    assert timing.verdict(running) == ""


def test_a_plan_for_one_given_configuration_says_no_more_than_its_time(tmp_path):
    run = recorded(tmp_path)
    write_plan(run, deadline=None)
    toml = run / "run.toml"
    toml.write_text(toml.read_text("utf-8").replace('kind = "search"', 'kind = "train"'), "utf-8")
    assert said(timing.asked(load_facts(run))) == "The run was given 10 min 30 s."


@pytest.mark.parametrize(
    ("iso", "shown"),
    [
        ("2026-11-22T07:00:00+01:00", "2026-11-22 07:00 (UTC+01:00)"),
        ("2026-11-22T06:00:00+00:00", "2026-11-22 06:00 (UTC)"),
        ("2026-11-22T06:00:00", "2026-11-22 06:00"),
        ("tomorrow", "tomorrow"),
    ],
)
def test_a_time_is_shown_in_its_own_zone(iso, shown):
    assert text.zoned(iso) == shown


def test_small_words():
    assert text.memory(812e6) == "812\u202fMB"
    assert text.memory(1.44e9) == "1.4\u202fGB"
    assert text.signed_points(-0.003) == "−0.30"
    assert text.signed_points(-0.000001) == "0.00"
    assert text.sentence("") == ""
    assert text.sentence("one thing") == "One thing."
    assert text.sentence("Why?") == "Why?"
    assert json.dumps(text.point_span((-0.003, 0.0072))) == (
        '"\\u22120.30 to 0.72 percentage points"'
    )
