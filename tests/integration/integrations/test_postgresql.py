"""The password of a shared study: where it may come from, and that it stays out of sight."""

import os
import socket
import subprocess
import sys

import pytest
from click.testing import CliRunner
from requirements import find_package

from fmnist.cli.durations import grace_seconds
from fmnist.cli.main import cli
from fmnist.errors import StorageError
from fmnist.integrations.postgresql import connected, storage_of

SECRET = "gehe!m"
WHOLE = "postgresql+psycopg://ada:gehe%21m@db.lan:5433/fmnist"
SHOWN = "postgresql+psycopg://ada:***@db.lan:5433/fmnist"


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "storage"
    path.write_text(f"{WHOLE}\n")
    path.chmod(0o600)
    return path


def test_nothing_asked_is_nothing():
    assert storage_of(None, None) is None


def test_the_password_is_used_and_never_shown(file):
    for found in (storage_of(None, file), storage_of(WHOLE, None)):
        assert found.url == WHOLE
        assert found.shown == SHOWN
        assert "gehe" not in repr(found)


def test_a_password_in_the_query_is_hidden_like_any_other():
    found = storage_of("postgresql+psycopg://ada@db/fmnist?password=gehe%21m&sslmode=require", None)
    assert found.shown == "postgresql+psycopg://ada:***@db/fmnist?sslmode=require"


@pytest.mark.parametrize("form", [SECRET, "gehe%21m"])
def test_whatever_a_library_quotes_is_cleaned(form):
    cleaned = storage_of(WHOLE, None).clean(f"connection to {form} failed")
    assert cleaned == "connection to *** failed"


def test_a_file_goes_before_the_environment(file):
    assert storage_of("postgresql://eve@elsewhere/x", file).shown == SHOWN


def test_the_driver_need_not_be_named():
    assert storage_of("postgresql://ada@db/x", None).url == "postgresql+psycopg://ada@db/x"


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("nonsense gehe!m", "not a URL such as"),
        ("sqlite:///gehe!m.db", "a study shared by machines needs PostgreSQL"),
        ("postgresql://ada:ge@he!m@db/x", "write @ : / as %40 %3A %2F"),
        ("postgresql://ada@db:gehe!m/x", "not a URL such as"),
        ("postgresql://ada@db/x?sslpassword=gehe!m", "PGSERVICEFILE"),
    ],
)
def test_what_will_not_do_is_refused_without_being_repeated(url, message):
    with pytest.raises(StorageError) as caught:
        storage_of(url, None)
    assert message in str(caught.value)
    assert "he!m" not in str(caught.value)


@pytest.mark.skipif(os.name == "nt", reason="Windows knows no such modes")
def test_a_file_that_others_may_read_is_refused_with_the_remedy(file):
    file.chmod(0o640)
    with pytest.raises(StorageError, match=rf"-rw-r-----\); chmod 600 {file}"):
        storage_of(None, file)


def test_a_file_of_several_lines_is_refused(file):
    file.write_text(f"{WHOLE}\n{WHOLE}\n")
    with pytest.raises(StorageError, match="expected one line"):
        storage_of(None, file)


def test_the_grace_is_a_duration(file):
    assert storage_of(None, file, grace_seconds("3m")).grace == 180
    assert storage_of(None, file).grace == 120


@pytest.mark.slow
def test_a_database_out_of_reach_is_named_without_its_password():
    find_package("tenacity")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    storage, told = storage_of(f"postgresql://ada:gehe%21m@127.0.0.1:{port}/x", None), []
    with pytest.raises(StorageError) as caught, connected(storage, first=3.0, tell=told.append):
        pass
    assert f"ada:***@127.0.0.1:{port}/x is out of reach; see that PostgreSQL" in str(caught.value)
    assert ["trying again" in text for text in told] == [True]
    assert not any("gehe" in text for text in (str(caught.value), *told))


def test_waiting_for_a_database_ends_with_a_signal():
    find_package("tenacity")
    storage = storage_of("postgresql://ada@127.0.0.1:1/x", None)
    with pytest.raises(KeyboardInterrupt), connected(storage, stop=lambda: True):
        pass


# ---- on the command line --------------------------------------------------------------------


@pytest.mark.parametrize("words", [("run",), ("worker", "--study", "night")])
def test_a_password_on_the_command_line_is_refused(words):
    done = CliRunner().invoke(cli, [*words, "--storage", WHOLE])
    assert done.exit_code == 2
    assert "holds a password" in done.output
    assert "FMNIST_STORAGE" in done.output
    assert "gehe" not in done.output


def test_a_password_in_a_file_of_settings_is_refused(tmp_path, monkeypatch):
    (tmp_path / "fmnist.toml").write_text(f'storage = "{WHOLE}"\n')
    done = subprocess.run(
        [sys.executable, "-m", "fmnist", "run"], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "holds a password" in done.stderr
    assert "gehe" not in done.stdout + done.stderr


def test_the_settings_that_apply_are_told_without_it(monkeypatch):
    monkeypatch.setenv("FMNIST_STORAGE", WHOLE)
    done = CliRunner().invoke(cli, ["config", "run"])
    assert done.exit_code == 0
    assert "gehe" not in done.output


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["run", "--study", "x"], "--study: only for a study that machines share"),
        (["run", "--artifacts", "x"], "--artifacts: only for a study that machines share"),
        (["run", "--storage", "postgresql://h/d", "--engine", "keras-tuner"], "needs --engine opt"),
        (["run", "--storage", "postgresql://h/d", "--study", "a/b"], "use up to 100 letters"),
        (["run", "--storage", "postgresql://h/d", "--grace", "1s"], "--grace 1s: at least 4 s"),
        (["worker", "--study", "a/b", "--storage", "postgresql://h/d"], "use up to 100 letters"),
        (["worker", "--study", "x"], "where is the study? Give --storage-file FILE"),
        (
            ["worker", "--study", "x", "--storage", "postgresql://h/d", "--name", "a b"],
            "--name 'a b': use up to 100",
        ),
    ],
)
def test_what_does_not_go_together_is_refused(words, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FMNIST_STORAGE", raising=False)
    done = CliRunner().invoke(cli, words)
    assert message in str(done.exception) + done.output
    assert list(tmp_path.iterdir()) == []
