import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete
from click.testing import CliRunner

from fmnist.cli.completion import SHELLS
from fmnist.cli.main import cli

PROGRAM = str(Path(sys.executable).with_name("fmnist"))


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A working folder with runs in results/ and elsewhere."""
    monkeypatch.chdir(tmp_path)
    for run in ("results/2026-11-20-aaaa", "results/2026-11-21-bbbb", "archive/old"):
        Path(run).mkdir(parents=True)
        Path(run, "run.toml").touch()
    Path("results/notes").mkdir()
    return tmp_path


def completions(*words):
    """What Click answers to a shell for the last of ``words``: (type, value) pairs."""
    complete = ShellComplete(cli, {}, "fmnist", "_FMNIST_COMPLETE")
    return [(i.type, i.value) for i in complete.get_completions(list(words[:-1]), words[-1])]


def plain(*values):
    return [("plain", value) for value in values]


@pytest.mark.parametrize("words", [["status"], ["report"], ["compare"], ["predict", "--run"]])
def test_runs_are_completed_newest_first(here, words):
    runs = plain("results/2026-11-21-bbbb", "results/2026-11-20-aaaa")
    assert completions(*words, "") == runs
    assert completions(*words, "results/2026-11-20") == runs[1:]
    assert completions(*words, "archive/") == plain("archive/old")
    assert completions(*words, "x") == [("dir", "x")]


def test_a_run_is_not_offered_twice_and_results_may_lie_elsewhere(here):
    assert completions("compare", "results/2026-11-21-bbbb", "") == plain("results/2026-11-20-aaaa")
    assert completions("clean", "--results", "archive", "") == plain("archive/old")
    os.chdir("results")
    assert completions("status", "2026-11-2")[0] == ("plain", "2026-11-21-bbbb")


def test_a_file_may_stand_for_a_run(here):
    assert completions("reproduce", "rep") == [("file", "rep")]


def test_recipes_options_and_commands_are_completed(here):
    assert completions("train", "--recipe", "th") == plain("three-conv")
    assert completions("train", "--recipe", "mine.t") == [("file", "mine.t")]
    assert ("plain", "--tensorboard") in completions("run", "--te")
    assert ("plain", "keras-tuner") in completions("run", "--engine", "k")
    assert [value for _, value in completions("com")] == ["compare", "completion"]


@pytest.mark.parametrize("shell", SHELLS)
def test_the_script_names_the_program(shell):
    done = CliRunner().invoke(cli, ["completion", shell])
    assert done.exit_code == 0
    assert f"_FMNIST_COMPLETE={shell}_complete" in done.output


def ask_bash(script, words):
    """What the function that bash was given offers for the last word."""
    lines = [
        f"source {script}",
        "compopt() { echo COMPOPT $*; }",
        f"COMP_WORDS=({' '.join(words)})",
        f"COMP_CWORD={len(words) - 1}",
        "$(complete -p fmnist | sed 's/.*-F \\([^ ]*\\) .*/\\1/') " + PROGRAM,
        'printf "%s\\n" "${COMPREPLY[@]}"',
    ]
    shell = ["bash", "--norc", "-c", "\n".join(lines)]
    return subprocess.run(shell, capture_output=True, text=True, check=True).stdout.split("\n")[:-1]


@pytest.mark.slow
def test_a_real_bash_completes(here):
    script = here / "fmnist.bash"
    script.write_text(CliRunner().invoke(cli, ["completion", "bash"]).output)
    assert ask_bash(script, ["fmnist", "expe"]) == ["experiment"]
    assert ask_bash(script, ["fmnist", "status", "results/2026-11-21"]) == [
        "results/2026-11-21-bbbb"
    ]
    assert ask_bash(script, ["fmnist", "train", "--recipe", "cnn"]) == ["cnn-vs-dense"]


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_another_shell_takes_the_script(here, shell):
    script = here / f"fmnist.{shell}"
    text = CliRunner().invoke(cli, ["completion", shell]).output
    script.write_text(text)
    program = shutil.which(shell)
    if program is None:  # then only that the script is whole
        assert text.count("{") == text.count("}")
        assert text.count("function ") + text.count("_completion() {") >= 1
        return
    subprocess.run([program, "-n", script], check=True, capture_output=True)
    if shell == "fish":
        ask = f"source {script}; complete -C 'fmnist status results/2026-11-21'"
        path = f"{Path(PROGRAM).parent}:{os.environ['PATH']}"
        done = subprocess.run(
            [program, "--no-config", "-c", ask],
            env={**os.environ, "PATH": path},
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.split() == ["results/2026-11-21-bbbb"]
