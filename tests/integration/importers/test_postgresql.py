"""An Optuna study in a real PostgreSQL becomes a run; its password stays out of everything."""

from urllib.parse import quote

import pytest
from foreign_studies import fmnist, optimised
from postgres import PASSWORD

from search.records import read_trials

RATE = ("--map", "lr=learning_rate")


@pytest.fixture(scope="module")
def study(postgres_server):
    """The address of a database with a study, and the study's trials."""
    from search.distributed import connect

    url = postgres_server.database()
    storage = connect(url)
    trials = optimised(storage, trials=6).get_trials()
    storage.close()
    return url, trials


@pytest.fixture(autouse=True)
def password(monkeypatch):
    monkeypatch.setenv("PGPASSWORD", PASSWORD)


def bare(url):
    """The address without the password, as a user may type it."""
    return url.replace(":" + quote(PASSWORD, safe=""), "")


def hidden(text):
    return PASSWORD not in text and quote(PASSWORD, safe="") not in text


def test_a_study_is_read_from_the_database(study, tmp_path):
    url, trials = study
    outcome = fmnist("import", bare(url), *RATE, "--name", "cnn", results=tmp_path)
    assert outcome.exit_code == 0, outcome.exception
    found = read_trials(tmp_path / "cnn" / "trials.jsonl")
    assert [t.params["learning_rate"] for t in found] == [t.params["lr"] for t in trials]
    assert [t.value for t in found if t.state == "complete"] == [
        t.value for t in trials if t.state.name == "COMPLETE"
    ]


def test_the_address_may_stand_in_a_file_with_its_password(study, tmp_path, monkeypatch):
    monkeypatch.delenv("PGPASSWORD")
    file = tmp_path / "address"
    file.write_text(study[0])
    file.chmod(0o600)
    outcome = fmnist("import", file, *RATE, "--name", "cnn", results=tmp_path)
    assert outcome.exit_code == 0, outcome.exception
    texts = [p.read_text() for p in (tmp_path / "cnn").iterdir()]
    assert texts
    assert all(hidden(text) for text in [*texts, outcome.output])
    file.chmod(0o644)
    refused = fmnist("import", file, *RATE, results=tmp_path)
    assert "other users may read it" in str(refused.exception)


def test_a_password_on_the_command_line_is_refused(study, tmp_path):
    outcome = fmnist("import", study[0], *RATE, results=tmp_path)
    assert "SOURCE: holds a password" in str(outcome.exception)
    assert hidden(str(outcome.exception))


def test_what_is_wrong_with_a_database_is_told_without_the_password(
    postgres_server, tmp_path, monkeypatch
):
    empty = postgres_server.database()
    told = str(fmnist("import", bare(empty), results=tmp_path).exception)
    assert "no Optuna study" in told or "cannot be read as an Optuna study" in told
    # Nothing was made there: the session may not write.
    assert (
        postgres_server.rows(empty, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        == []
    )
    monkeypatch.setenv("PGPASSWORD", "wrong" + PASSWORD)
    told = str(fmnist("import", bare(empty), results=tmp_path).exception)
    assert "password" in told
    assert hidden(told)
