"""The README files are held to the code."""

import importlib
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner

from fmnist.cli.main import cli
from fmnist.config.config import Config
from fmnist.config.spaces import SPACES, load_space
from fmnist.pipeline.planner.profiles import profile_for
from fmnist.runs.artifacts import ARTIFACTS

ROOT = Path(__file__).parents[2]
FOLDERS = ("fmnist", "search", "report_templates", "tests")
PATHS = [
    *(ROOT / "README.md", ROOT / "fmnist" / "AGENTS.md", ROOT / "results" / "README.md"),
    *(path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("README.md"))),
]
READMES = {str(p.relative_to(ROOT)): p.read_text(encoding="utf-8") for p in PATHS}
README, CONFIG = READMES["README.md"], READMES["fmnist/config/README.md"]
COMMAND = re.compile(r"^(?:pip install.*&& )?fmnist (\w+)([^#\n]*)", re.MULTILINE)
COMMANDS = {found for text in READMES.values() for found in COMMAND.findall(text)}
LINKS = [
    (name, target)
    for name, text in READMES.items()
    for target in re.findall(r"\]\(([^)\s]+)\)", text)
    if "://" not in target
]


def test_the_two_commands_stand_at_the_top():
    first = README.split("```")[1]
    assert "pip install . && fmnist run --time 10m" in first
    assert 'pip install ".[test]" && pytest' in first


def test_the_top_readme_is_short():
    assert len(README.splitlines()) <= 150


def anchors(text):
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings}


@pytest.mark.parametrize(("name", "target"), LINKS)
def test_links_lead_to_files_and_headings(name, target):
    path, _, heading = target.partition("#")
    file = (ROOT / name).parent / path if path else ROOT / name
    assert file.exists()
    assert not heading or heading in anchors(file.read_text(encoding="utf-8"))


def test_every_command_has_its_line():
    rows = re.findall(r"^\| `([a-z]+)` \|", READMES["fmnist/cli/README.md"], re.MULTILINE)
    assert sorted(rows) == sorted(cli.commands)


def test_the_exit_statuses_are_those_of_the_help():
    listed = re.findall(r"^\| (\d+) \|", READMES["fmnist/cli/README.md"], re.MULTILINE)
    usage = CliRunner().invoke(cli, ["--help"]).output.partition("Exit codes:")[2]
    assert listed == re.findall(r"^ +(\d+) ", usage, re.MULTILINE)


def test_the_files_of_a_run_folder_are_those_of_the_code():
    table = READMES["results/README.md"].partition("<!-- files -->")[2]
    rows = re.findall(r"^\| `([\w.]+)` \| (.*) \|$", table, re.MULTILINE)
    assert {(a.name, a.describes) for a in ARTIFACTS if a.listed} <= set(rows)


@pytest.mark.slow
def test_the_example_of_the_engine_runs(tmp_path):
    script = tmp_path / "example.py"
    script.write_text(READMES["search/README.md"].split("```python")[1].split("```")[0])
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, script], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert len((tmp_path / "toy-study" / "trials.jsonl").read_text().splitlines()) == 10


@pytest.mark.parametrize(("name", "rest"), sorted(COMMANDS))
def test_commands_and_options_exist(name, rest):
    usage = CliRunner().invoke(cli, [name, "--help"])
    assert usage.exit_code == 0, f"fmnist {name}"
    for option in re.findall(r"--[a-z-]+", rest):
        assert option in usage.output, f"fmnist {name} {option}"


def test_the_space_file_loads(tmp_path):
    path = tmp_path / "space.toml"
    chapter = CONFIG.split("## Your own search space")[1]
    path.write_text(chapter.split("```toml")[1].split("```")[0])
    assert len(load_space(path)) == 3


def test_the_plan_table_is_the_plan():
    rows = re.findall(r"^\| [\d,]+ \| \d+ .*\|$", CONFIG, re.M)
    assert rows == plan_rows()


def plan_rows():
    """The table of the plan, at two speeds with two trials at once."""
    rows = []
    for speed in (1_500, 9_000):
        for label, minutes in (("5 min", 5), ("10 min", 10), ("1 h", 60), ("8 h", 480)):
            plan = profile_for(60 * minutes, speed, jobs=2)
            base = Config(**plan.base)
            trial = (f"{plan.trial_images:,}", plan.trial_epochs) if plan.searched else ("–", "–")
            cells = (
                *(f"{speed:,}", label, base.first_map_size, f"{base.width:g}", *trial),
                *(plan.final_epochs, plan.space, "yes" if plan.refit else "no"),
            )
            rows.append(f"| {' | '.join(map(str, cells))} |")
    return rows


def test_the_spaces_are_those_of_the_table():
    assert re.findall(r"^\| `(\w+)` \| ", CONFIG, re.M)[: len(SPACES)] == list(SPACES)


def test_every_dependency_says_what_it_is_for():
    text = (ROOT / "pyproject.toml").read_text()
    project = tomllib.loads(text)["project"]
    extras = project["optional-dependencies"]
    for requirement in sum(extras.values(), project["dependencies"]):
        lines = [line for line in text.splitlines() if line.startswith(f'  "{requirement}"')]
        assert lines, requirement
        assert all("# " in line for line in lines), requirement


def test_continuous_integration_installs_every_test_requirement():
    assert '".[test,test-all]"' in (ROOT / ".ci" / "run").read_text()


def test_no_placeholder_is_left():
    assert not re.search(r"\b[A-Z]+_(MINUTES|TABLE)\b|TODO|FIXME", "".join(READMES.values()))


def test_the_measured_tables_are_those_of_the_records(monkeypatch):
    # Made by: python tests/benchmarks/table.py --write
    monkeypatch.syspath_prepend(ROOT / "tests" / "benchmarks")
    table = importlib.import_module("table")
    records = table.load(table.RESULTS)
    assert table.block(READMES["tests/benchmarks/README.md"]) == table.render(records)
    assert table.block(README) == table.summarize(records)
