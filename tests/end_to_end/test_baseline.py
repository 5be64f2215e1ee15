"""The dense baseline in a run with a time limit: trained, tested once, told in the report."""

import json
import subprocess
import sys

import pytest
from small_job import SAMPLE

from fmnist.runs.artifacts import BASELINE, LEDGER, METRICS, PLAN
from fmnist.runs.folder import Run

pytestmark = pytest.mark.slow


def test_a_dense_network_of_as_many_parameters_is_tested_with_the_final_one(tmp_path):
    command = [
        *(sys.executable, "-m", "fmnist", "run", "--time", "1h", "--data", str(SAMPLE)),
        *("--validation", "400", "--trials", "1", "--epochs", "2", "--set", "width=0.25"),
        *("--experiments", "none", "--no-rehearsal", "--name", "one", "--json"),
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    run = Run.existing(tmp_path / "results" / "one")
    trained, metrics = run.read(BASELINE), run.read(METRICS)
    assert trained.used, trained.reason
    assert len(trained.epochs) == 40
    assert metrics.baseline.n == metrics.test.n
    lead = metrics.baseline.lead
    assert lead.difference == pytest.approx(metrics.test.accuracy - metrics.baseline.accuracy)
    assert "baseline" in [part.stage for part in run.read(PLAN).planned]
    read = [e for e in run.read(LEDGER).entries if e.split == "test" and e.stage == "evaluate"]
    assert len(read) == 1
    assert "Dense network of as many parameters" in (run / "report.html").read_text("utf-8")
    events = [json.loads(line) for line in done.stdout.splitlines()]
    names = [e["name"] for e in events if e["event"] == "epoch" and e["stage"] == "baseline"]
    assert names == ["baseline"] * 40
