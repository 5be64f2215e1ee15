"""``live.html``: written whole after each event, and a link to the report at the end."""

import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from fmnist.integrations.live_page import LivePage, live_page
from fmnist.runs.artifacts import LIVE, METRICS, PLAN, STAGES
from fmnist.runs.folder import Run
from fmnist.runs.records.plan import Plan, PlannedStage, RunProfile, Stage, Stages
from fmnist.runs.status import read_status

RECORDED = Path(__file__).parents[2] / "data" / "short_run"
STARTED = "2026-11-21T20:00:00+00:00"


@pytest.fixture
def run(tmp_path):
    """A run in its search; two trials are over."""
    folder = Run(shutil.copytree(RECORDED, tmp_path / "night"))
    lines = (folder / "trials.jsonl").read_text().splitlines(keepends=True)
    (folder / "trials.jsonl").write_text("".join(lines[:2]))
    (folder / METRICS).unlink()
    folder.write(STAGES, Stages((Stage("prepare", STARTED, 3.0), Stage("search", STARTED, 65.0))))
    planned = (PlannedStage("search", 120.0), PlannedStage("retrain", 60.0))
    profile = RunProfile(1000, 3, 6)
    folder.write(PLAN, Plan(sizes=profile, jobs=1, threads=None, planned=planned))
    return folder


def words(page):
    return " ".join(re.sub(r"<(style|title).*?</\1>|<[^>]+>", " ", page, flags=re.DOTALL).split())


def test_what_runs_the_best_and_plan_against_taken(run):
    status = replace(read_status(run), state="running", time_left=100.0)
    page = live_page(run, status)
    text = words(page)
    best = max(t.value for t in run.trials())
    assert f"{100 * best:.2f} %" in text
    assert re.search(
        r"95 % interval \d\d\.\d\d to \d\d\.\d\d %; trial \d+, by its \d+ validation", text
    )
    assert "search 2 min 0 s 1 min 5 s" in text
    assert "retrain 1 min 0 s to come" in text
    assert "0:01:40 left" in text
    assert 'http-equiv="refresh"' in page
    assert page.count("<circle") == 2
    assert "http://" not in page.replace("http://www.w3.org", "")  # nothing is fetched


def test_names_are_text(tmp_path, run):
    hostile = replace(read_status(run), name="<script>alert(1)</script>")
    assert "<script>" not in live_page(run, hostile)


def test_it_is_written_at_each_stage_and_links_to_the_report_at_the_end(run):
    page = LivePage()
    page.progress(run)
    assert "stopped, in the stage search" in words((run / LIVE).read_text())
    run.write(STAGES, Stages((Stage("search", STARTED, 65.0), Stage("retrain", STARTED, 1.0))))
    page.progress(run)
    assert "in the stage retrain" in words((run / LIVE).read_text())
    shutil.copy(RECORDED / METRICS.name, run / METRICS)
    (run / "report.pdf").write_bytes(b"%PDF")
    page.finished(run)
    last = (run / LIVE).read_text()
    assert '<a href="report.html">' in last
    assert '<a href="report.pdf">' in last
    assert "92.45 %" in last
    assert "refresh" not in last
    assert [p.name for p in run.path.iterdir() if p.name.startswith(".writing")] == []
