import json
import shlex

import click
import pytest
from click.testing import CliRunner

from fmnist.cli.jobs import _command_line
from fmnist.cli.main import cli
from fmnist.cli.settings import options_of, variable_of
from fmnist.errors import UserError
from fmnist.text import hidden


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A working folder and a home of its own, without variables of ours."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    (tmp_path / "home" / "fmnist").mkdir(parents=True)
    for name in ("FMNIST_CONFIG_FILE", "MLFLOW_TRACKING_URI", "FMNIST_STORAGE"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def called(monkeypatch):
    """What ``fmnist run`` would do: its values, and the command that it records."""
    seen = {}

    def fake(**values):
        seen.update(values, command=_command_line())
        return 0

    monkeypatch.setattr(cli.commands["run"], "callback", fake)
    return seen


def run(*arguments):
    return CliRunner().invoke(cli, list(arguments))


def shown(*arguments):
    """Value and source of each option, from ``fmnist config --json``."""
    done = run("config", *arguments, "--json")
    assert done.exit_code == 0, done.output
    rows = json.loads(done.stdout)["options"]
    return {(r["command"], r["option"]): (r["value"], r["source"]) for r in rows}


def user_file(here):
    return here / "home" / "fmnist" / "config.toml"


def test_a_file_is_weaker_than_a_variable_and_this_than_a_flag(here, called, monkeypatch):
    (here / "fmnist.toml").write_text("[run]\nseed = 1\njobs = 2\ntrials = 3\n")
    user_file(here).write_text("[run]\nseed = 9\nepochs = 7\n")
    monkeypatch.setenv("FMNIST_RUN_JOBS", "4")
    monkeypatch.setenv("FMNIST_RUN_TRIALS", "5")
    assert run("run", "--trials", "6").exit_code == 0
    values = {k: called[k] for k in ("seed", "jobs", "trials", "epochs")}
    assert values == {"seed": 1, "jobs": 4, "trials": 6, "epochs": 7}
    rows = shown("run")
    assert rows["run", "--seed"] == ("1", "fmnist.toml: [run] seed")
    assert rows["run", "--jobs"] == ("4", "FMNIST_RUN_JOBS")
    assert rows["run", "--epochs"] == ("7", f"{user_file(here)}: [run] epochs")
    assert rows["run", "--engine"] == ("optuna", "default")
    assert rows["run", "--time"] == ("–", "default")


def test_every_option_of_every_command_is_shown(here):
    rows = shown()
    for name, command in cli.commands.items():
        typed = {"--help", "--yes"}
        options = {max(p.opts, key=len) for p in command.params if isinstance(p, click.Option)}
        assert {option for shown, option in rows if shown == name} == options - typed
    assert {"run", "train", "clean", "dashboard"} <= {command for command, _ in rows}


def test_every_option_has_a_variable_of_its_own_and_none_clashes(here):
    owners = {}
    for name, command in cli.commands.items():
        for option in options_of(command).values():
            assert variable_of(name, option) in option.envvar
            owners.setdefault(variable_of(name, option), []).append((name, option.name))
    assert all(len(found) == 1 for found in owners.values())
    others = {"FMNIST_CACHE", "FMNIST_PRECISION", "FMNIST_STORAGE", "FMNIST_CONFIG_FILE"}
    assert not others & set(owners)


def test_what_stands_above_the_tables_holds_for_every_command_that_has_it(here):
    (here / "fmnist.toml").write_text(
        'results = "~/runs"\nauthor = "Ada"\n[report]\nauthor = "Bob"\n'
    )
    rows = shown()
    home = str(click.get_app_dir("x")) and rows["clean", "--results"][0]
    assert home.endswith("/runs")
    assert "~" not in home
    assert rows["run", "--author"] == ("Ada", "fmnist.toml: author")
    assert rows["report", "--author"] == ("Bob", "fmnist.toml: [report] author")


def test_flags_lists_and_underscores(here, called):
    (here / "fmnist.toml").write_text(
        '[run]\nconfirm = false\nquiet = true\ntrial_images = 500\nset = ["flip=true", "shift=1"]\n'
        'refit = true\nexperiments = "none"\n'
    )
    assert run("run").exit_code == 0
    assert (called["confirm"], called["quiet"], called["refit"]) == (False, True, True)
    assert (called["trial_images"], called["settings"]) == (500, ("flip=true", "shift=1"))


def test_the_recorded_command_does_the_same_without_file_and_variables(here, called, monkeypatch):
    (here / "fmnist.toml").write_text(
        '[run]\nconfirm = false\nno-prune = true\nauthor = "Ada Lovelace"\nset = ["shift=1"]\n'
    )
    monkeypatch.setenv("FMNIST_RUN_REFIT", "yes")
    monkeypatch.setenv("FMNIST_RUN_MLFLOW", "http://ada:secret@host:5000")
    monkeypatch.setattr("sys.argv", ["fmnist", "run", "--trials", "2"])
    assert run("run", "--trials", "2").exit_code == 0
    command, before = called.pop("command"), dict(called)
    assert "secret" not in command
    assert shlex.split(command)[:4] == ["fmnist", "run", "--trials", "2"]
    (here / "fmnist.toml").unlink()
    monkeypatch.delenv("FMNIST_RUN_REFIT")
    called.clear()
    assert run(*shlex.split(command)[1:]).exit_code == 0
    assert {k: v for k, v in called.items() if k != "command"} == before


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[run]\ntmie = '8h'", "fmnist.toml: [run] tmie: no option of 'fmnist run'; did you mean"),
        ("[rnu]\ntime = '8h'", "fmnist.toml: [rnu]: no command; did you mean run? There are "),
        ("tiem = 3", "fmnist.toml: tiem: no option of any command; did you mean time?"),
        (
            "[run]\nseed = -1",
            "fmnist.toml: [run] seed = '-1': -1 is not in the range 0<=x<=4294967295",
        ),
        ("[run]\nseed = 1.5", "[run] seed = '1.5': '1.5' is not a valid integer range"),
        ("[run]\nengine = 'fast'", "'fast' is not one of 'optuna', 'keras-tuner'"),
        ("[run]\nquiet = 'yes'", "[run] quiet = 'yes': expected true or false"),
        ("[run]\nseed = [1, 2]", "[run] seed = [1, 2]: expected one value, not a list"),
        ("[run]\njobs = 'many'", "[run] jobs = 'many': many: expected auto, or a whole number"),
        ("[run]\ndata = 'gone'", "[run] data = 'gone': Path 'gone' does not exist"),
        ("[clean]\nyes = true", "fmnist.toml: [clean] yes: no option of 'fmnist clean'"),
        ("[run", "fmnist.toml: cannot be read: Expected ']'"),
    ],
)
def test_a_broken_file_is_named_with_key_and_rule(here, text, message):
    (here / "fmnist.toml").write_text(text)
    for command in (["run"], ["config"], ["recipes"]):
        done = run(*command)
        assert isinstance(done.exception, UserError)
        assert done.exception.exit_code == 2
        assert message in str(done.exception)


def test_errors_of_values_say_where_these_stand(here, monkeypatch):
    (here / "fmnist.toml").write_text("[run]\ntime = 'soon'\n")
    done = run("run")
    assert str(done.exception).startswith("--time soon: expected a duration such as")
    assert str(done.exception).endswith("(--time is from fmnist.toml: [run] time)")
    assert "fmnist.toml" not in str(run("run", "--time", "later").exception)
    monkeypatch.setenv("FMNIST_RUN_SEED", "x")
    done = run("run")
    assert done.exit_code == 2
    assert "(--seed is from FMNIST_RUN_SEED)" in done.output
    assert shown("run")["run", "--seed"] == ("x", "FMNIST_RUN_SEED")


def test_one_file_by_flag_or_variable_instead_of_the_usual_ones(here, called, monkeypatch):
    (here / "fmnist.toml").write_text("[run]\nseed = 1\n")
    (here / "other.toml").write_text("[run]\ntrials = 4\n")
    assert run("--config-file", "other.toml", "run").exit_code == 0
    assert (called["seed"], called["trials"]) == (0, 4)
    monkeypatch.setenv("FMNIST_CONFIG_FILE", "other.toml")
    assert shown("run")["run", "--trials"] == ("4", "other.toml: [run] trials")
    assert run("config").output.splitlines()[:2] == [
        "read          other.toml",
        "stronger are  variables such as FMNIST_RUN_TIME, and flags",
    ]
    assert run("--config-file", "gone.toml", "run").exit_code == 2


def test_a_misspelt_variable_is_noticed(here, called, monkeypatch):
    monkeypatch.setenv("FMNIST_RUN_TRAILS", "5")
    done = run("run")
    assert (done.exit_code, done.stderr) == (
        0,
        "note: FMNIST_RUN_TRAILS names no option of 'fmnist run'\n",
    )


def test_the_file_of_the_working_folder_is_told_of(here, called):
    user_file(here).write_text("[run]\nseed = 9\n")
    assert run("run").stderr == ""
    (here / "fmnist.toml").write_text("[run]\ntrials = 3\nuntil = 07:30:00\n")
    told = run("run").stderr
    assert told == "note: fmnist.toml gives [run] trials, [run] until; see 'fmnist config run'\n"
    assert called["until"] == "07:30"
    assert run("config").stderr == ""


def test_a_broken_file_hides_no_help(here):
    (here / "fmnist.toml").write_text("[rnu]\n")
    assert run("--help").exit_code == 0
    assert run("run", "--help").exit_code == 0
    assert run("clean", "-h").exit_code == 0


def test_the_table_names_files_and_sources(here):
    (here / "fmnist.toml").write_text("[run]\nseed = 1\n")
    done = run("config", "run", "--given")
    lines = done.output.splitlines()
    assert lines[0] == "read          fmnist.toml"
    assert lines[1].startswith("not there     ")
    assert lines[-2:] == ["run", "  --seed  1  fmnist.toml: [run] seed"]
    assert run("config", "--given").output.splitlines()[-1] == lines[-1]
    (here / "fmnist.toml").unlink()
    assert run("config", "--given").output.endswith("no option is given but by its default\n")
    assert "no command; there are" in str(run("config", "rnu").exception)


def test_a_user_without_a_home_is_shown_the_settings(here, monkeypatch):
    def unknown():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr("pathlib.Path.home", unknown)
    assert run("config", "run").exit_code == 0


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("postgresql+psycopg://ada:pa@ss:w/rd@host/db", "postgresql+psycopg://ada:***@host/db"),
        ("http://ada:secret@host:5000", "http://ada:***@host:5000"),
        ("postgresql://:secret@host/db", "postgresql://:***@host/db"),
        ("postgresql://host/db?password=secret&x=1", "postgresql://host/db?password=***&x=1"),
        ("host=h password=secret", "host=h password=***"),
        ("postgresql+psycopg://ada@host:5432/db", "postgresql+psycopg://ada@host:5432/db"),
        ("results/2026-11-21", "results/2026-11-21"),
        ("learning_rate=0.1", "learning_rate=0.1"),
    ],
)
def test_passwords_are_hidden(text, safe):
    assert hidden(text) == safe


def test_no_password_is_shown(here, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://ada:secret@host:5000")
    monkeypatch.setenv("FMNIST_STORAGE", "postgresql://ada:secret@host/db")
    done = run("config")
    assert done.exit_code == 0
    assert "secret" not in done.output
    assert "http://ada:***@host:5000" in done.output
    (here / "fmnist.toml").write_text('[run]\nstorage = "postgresql://ada:secret@host/db"\n')
    done = run("config")
    assert "secret" not in str(done.exception)
    assert "fmnist.toml: [run] storage = 'postgresql://ada:***@host/db'" in str(done.exception)
