"""Every number of a report comes from a field of a file in the run's folder."""

import json

import pytest
from ablation_factory import measured
from data_quality_factory import add_gallery
from report_factory import add_statistics, night, recorded, write
from tracing import Found, untraced
from tracing_rules import RULES

from fmnist.report.render import render_report

SHIFT = 0.9137


@pytest.fixture(autouse=True)
def html_only(monkeypatch):
    monkeypatch.setattr("fmnist.report.render._pdf", lambda *_: b"%PDF-")


def other(content, key=""):
    """The same with every measured number changed; counts, epochs and parameters stay."""
    if isinstance(content, dict):
        return {k: v if k == "params" else other(v, k) for k, v in content.items()}
    if isinstance(content, list):
        return [other(v, key) for v in content]
    return content * SHIFT if isinstance(content, float) else content


def whole(folder):
    """A night with everything that today's stages add."""
    run = night(folder)
    add_statistics(run)
    add_gallery(run)
    measured(run)
    return run


@pytest.mark.parametrize("folder", [recorded, whole])
def test_every_number_is_a_field_or_derived_from_fields(folder, tmp_path):
    run = folder(tmp_path)
    render_report(run)
    assert untraced(run, RULES) == []


def test_other_measurements_give_other_numbers_all_of_them_traced(tmp_path):
    run = recorded(tmp_path)
    render_report(run)
    for name in ("history.json", "stages.json", "importance.json", "evidence.json"):
        write(run, name, other(json.loads((run / name).read_text(encoding="utf-8"))))
    lines = (run / "trials.jsonl").read_text(encoding="utf-8").splitlines()
    changed = "".join(json.dumps(other(json.loads(line))) + "\n" for line in lines)
    (run / "trials.jsonl").write_text(changed, encoding="utf-8")
    stale = untraced(run, RULES)
    assert len(stale) > 50  # the old report is no longer explained by the files
    render_report(run)
    assert untraced(run, RULES) == []


def test_a_number_from_nowhere_is_found(tmp_path):
    run = recorded(tmp_path)
    page = render_report(run).html
    words = "<p>It took 4,321.5 steps and 17\u202fmin 23\u202fs to reach 91.827\u202f%.</p></main>"
    page.write_text(page.read_text(encoding="utf-8").replace("</main>", words), encoding="utf-8")
    found: list[Found] = untraced(run, RULES)
    assert sorted(n.value for n in found) == [91.827, 1043.0, 4321.5]
