"""``fmnist plan`` on the small real sample: it really measures."""

import json_output
import pytest
from small_job import SAMPLE


def test_two_ends_of_the_time_are_refused(fmnist):
    code, error = fmnist("plan", "--time", "10m", "--until", "07:00")
    assert code == 2
    assert "--time and --until: give one of them" in error


def test_an_unknown_precision_is_refused_by_its_name(fmnist, monkeypatch):
    monkeypatch.setenv("FMNIST_PRECISION", "half")
    code, error = fmnist("plan", "--time", "10m")
    assert code == 2
    assert "FMNIST_PRECISION = 'half': must be one of float32, bfloat16" in error


@pytest.mark.slow
def test_the_machine_is_measured_and_the_plan_told(tmp_path, monkeypatch, capsys):
    from fmnist.cli.main import main

    def told(*arguments):
        monkeypatch.setattr(
            "sys.argv", ["fmnist", "plan", "--time", "30m", "--data", str(SAMPLE), *arguments]
        )
        with pytest.raises(SystemExit) as end:
            main()
        assert end.value.code == 0
        return capsys.readouterr().out

    monkeypatch.chdir(tmp_path)
    (record,) = json_output.lines("plan", told("--json"))
    assert record["speed"] > 10
    assert record["expected_trials"] >= 8
    assert record["earlier_runs"] == []
    assert sum(s["seconds"] for s in record["planned"]) == pytest.approx(1800, abs=2)
    assert record["network"]["width"] == record["sizes"]["base"].get("width", 1.0)
    text = told("--set", "width=0.5")
    assert "images of the reference network a second" in text
    assert "trials at once" in text or "one trial at a time" in text
    assert list(tmp_path.iterdir()) == []  # nothing is left behind
