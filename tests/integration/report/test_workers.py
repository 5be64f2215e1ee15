"""What a report says of the machines that shared a study."""

import json

import pytest
from report_factory import recorded, worker, write, write_workers

from fmnist.report.load import FactsError, load_facts
from fmnist.report.tables import workers as sharing


def shared(folder, *workers):
    run = recorded(folder)
    write_workers(run, *workers)
    return run


def test_a_run_of_one_machine_says_nothing_of_others(tmp_path):
    facts = load_facts(recorded(tmp_path))
    assert (sharing.sentence(facts), sharing.workers(facts)) == ("", None)


@pytest.mark.parametrize(
    ("lost", "said"),
    [
        (0, "which lay in a database."),
        (1, "1 trial was lost with its worker and tried again by another one."),
        (2, "2 trials were lost with their worker and tried again by another one."),
    ],
)
def test_who_took_part_is_told(tmp_path, lost, said):
    run = shared(tmp_path, worker("ada-1", "ada"), worker("ada-2", "ada", lost=lost))
    facts = load_facts(run)
    assert sharing.sentence(facts).startswith("2 workers on 1 machine trained the trials of")
    assert sharing.sentence(facts).endswith(said)


def test_the_table_stands_in_the_report(whole_report):
    html = (whole_report / "report.html").read_text(encoding="utf-8")
    assert "2 workers on 2 machines trained the trials of the study night" in html
    assert "Trials that each worker trained" in html


def test_a_file_that_breaks_the_rules_is_named(tmp_path):
    run = shared(tmp_path, worker("ada-1", "ada"))
    broken = json.loads((run / "workers.json").read_text())
    broken["workers"][0]["search"] = "many"
    write(run, "workers.json", broken)
    with pytest.raises(FactsError, match=r"workers\.json"):
        load_facts(run)
