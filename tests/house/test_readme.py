"""The README is held to the code."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner

from fmnist.cli.main import cli
from fmnist.config.spaces import SPACES, load_space
from fmnist.pipeline.planner.profiles import profile_for

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^(?:pip install.*&& )?fmnist (\w+)([^#\n]*)", README, re.MULTILINE)


def test_the_two_commands_stand_at_the_top():
    first = README.split("```")[1]
    assert 'pip install -e ".[test]" && fmnist run --time 10m' in first
    assert 'pip install -e ".[test]" && pytest' in first


@pytest.mark.parametrize(("name", "rest"), sorted(set(COMMANDS)))
def test_commands_and_options_exist(name, rest):
    usage = CliRunner().invoke(cli, [name, "--help"])
    assert usage.exit_code == 0, f"fmnist {name}"
    for option in re.findall(r"--[a-z-]+", rest):
        assert option in usage.output, f"fmnist {name} {option}"


def test_the_space_file_loads(tmp_path):
    path = tmp_path / "space.toml"
    chapter = README.split("## Other spaces")[1]
    path.write_text(chapter.split("```toml")[1].split("```")[0])
    assert len(load_space(path)) == 3


def test_the_plan_table_is_the_plan():
    pattern = r"^\| (up to .*?|longer) \| (\w+) \| ([\d,]+) \| (\d+) \| (\d+) \| .*? \| (yes|no) \|"
    rows = re.findall(pattern, README, re.M)
    limits = {"5 min": 300, "15 min": 900, "1 h": 3600, "4 h": 14_400}
    seconds = {f"up to {name}": limit for name, limit in limits.items()} | {"longer": 1e6}
    assert [row[0] for row in rows] == list(seconds)
    for label, space, images, epochs, final, refit in rows:
        plan = profile_for(seconds[label])
        assert (space, refit == "yes") == (plan.space, plan.refit)
        shown = (int(images.replace(",", "")), int(epochs), int(final))
        assert shown == (plan.trial_images, plan.trial_epochs, plan.final_epochs)


def test_the_spaces_are_those_of_the_table():
    assert re.findall(r"^\| `(\w+)` \| ", README, re.M)[: len(SPACES)] == list(SPACES)


def test_every_dependency_says_what_it_is_for():
    text = (ROOT / "pyproject.toml").read_text()
    tables = tomllib.loads(text)
    for requirement in tables["project"]["dependencies"]:
        line = next(line for line in text.splitlines() if f'"{requirement}"' in line)
        assert "# " in line, requirement


def test_no_placeholder_is_left():
    assert not re.search(r"\b[A-Z]+_(MINUTES|TABLE)\b|TODO|FIXME", README)


def test_the_measured_tables_are_those_of_the_records():
    # Made by: python tests/benchmarks/table.py --write
    command = [sys.executable, str(ROOT / "tests" / "benchmarks" / "table.py")]
    tables = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    shown = README.partition("<!-- benchmarks -->")[2].partition("<!-- /benchmarks -->")[0]
    assert shown.strip() == tables.strip()
