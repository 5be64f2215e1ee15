"""Every number of a report comes from a field of a file in the run's folder."""

import json
import shutil
from pathlib import Path

import pytest
from layout_cases import recorded_night
from report_factory import write
from report_pages import render_html
from tracing import Found, untraced
from tracing_rules import RULES

SHIFT = 0.9137


def other(content, key=""):
    """The same with every measured number changed; counts, epochs and parameters stay."""
    if isinstance(content, dict):
        return {k: v if k == "params" else other(v, k) for k, v in content.items()}
    if isinstance(content, list):
        return [other(v, key) for v in content]
    return content * SHIFT if isinstance(content, float) else content


@pytest.mark.parametrize("report", ["recorded_report", "whole_report"])
def test_every_number_is_a_field_or_derived_from_fields(report, request):
    assert untraced(request.getfixturevalue(report), RULES) == []


@pytest.mark.slow
def test_every_number_of_a_recorded_night_is_traced(tmp_path):
    run = recorded_night(tmp_path)
    render_html(run)
    assert untraced(run, RULES) == []


@pytest.mark.slow
def test_other_measurements_give_other_numbers_all_of_them_traced(recorded_report, tmp_path):
    run = Path(shutil.copytree(recorded_report, tmp_path / "run"))
    for name in ("history.json", "stages.json", "importance.json", "evidence.json"):
        write(run, name, other(json.loads((run / name).read_text(encoding="utf-8"))))
    lines = (run / "trials.jsonl").read_text(encoding="utf-8").splitlines()
    changed = "".join(json.dumps(other(json.loads(line))) + "\n" for line in lines)
    (run / "trials.jsonl").write_text(changed, encoding="utf-8")
    stale = untraced(run, RULES)
    assert len(stale) > 50  # the old report is no longer explained by the files
    render_html(run)
    assert untraced(run, RULES) == []


def test_a_number_from_nowhere_is_found(recorded_report, tmp_path):
    run = Path(shutil.copytree(recorded_report, tmp_path / "run"))
    page = run / "report.html"
    words = "<p>It took 4,321.5 steps and 17\u202fmin 23\u202fs to reach 94.638\u202f%.</p></main>"
    page.write_text(page.read_text(encoding="utf-8").replace("</main>", words), encoding="utf-8")
    found: list[Found] = untraced(run, RULES)
    assert sorted(n.value for n in found) == [94.638, 1043.0, 4321.5]
