"""Each guard of the product is taken out in turn, and a named test fails: see ``guards.toml``."""

import itertools
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import guard_server
import pytest

ROOT = Path(__file__).parents[2]
PROMISES = tomllib.loads(Path(__file__).with_name("guards.toml").read_text("utf-8"))["promise"]
GUARDS = [guard for promise in PROMISES for guard in promise["guard"]]
FOLDERS = ("fmnist", "search", "report_templates", "tests")
TESTS = sorted({f"tests/{guard['test']}" for guard in GUARDS})


def test_every_guard_stands_where_it_is_said():
    wrong = [guard["fault"] for guard in GUARDS if source(guard).count(guard["text"]) != 1]
    assert not wrong
    for guard in GUARDS:
        compile(without(guard), guard["file"], "exec")


def test_every_test_of_a_guard_is_there():
    shared = "".join(p.read_text("utf-8") for p in (ROOT / "tests" / "support").glob("*.py"))
    for test in TESTS:
        file, *_, name = test.partition("[")[0].split("::")
        assert f"def {name}(" in (ROOT / file).read_text("utf-8") + shared, test


def test_the_table_of_guards_is_that_of_the_list():
    table = "\n".join(map(row, PROMISES))
    assert table in (ROOT / "tests" / "README.md").read_text("utf-8"), f"it should be\n{table}"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Runs tests on a copy of the project, without a guard or with all of them."""
    copy = tmp_path_factory.mktemp("guards") / "project"
    for folder in FOLDERS:
        shutil.copytree(ROOT / folder, copy / folder, symlinks=True)
    shutil.copy2(ROOT / "pyproject.toml", copy)
    server = subprocess.Popen(
        [sys.executable, guard_server.__file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    times = itertools.count(1)

    def ask(tests, guard=None):
        if guard is not None:
            file = copy / guard["file"]
            file.write_text(without(guard), "utf-8")
            os.utime(file, (next(times),) * 2)  # by which Python knows what it has compiled
        server.stdin.write(json.dumps({"folder": str(copy), "tests": tests}) + "\n")
        server.stdin.flush()
        answer = json.loads(server.stdout.readline())
        if guard is not None:
            shutil.copy2(ROOT / guard["file"], file)
        return answer["code"], answer["said"]

    yield ask
    server.stdin.close()
    server.wait()
    server.stdout.close()


@pytest.mark.slow
def test_with_all_guards_every_test_passes(run):
    code, said = run(TESTS)
    assert code == 0, said


@pytest.mark.slow
@pytest.mark.parametrize("guard", GUARDS, ids=lambda guard: f"{guard['file']}: {guard['fault']}")
def test_without_a_guard_its_test_fails(run, guard):
    code, said = run([f"tests/{guard['test']}"], guard)
    assert code == pytest.ExitCode.TESTS_FAILED, said
    # The test itself, and nothing around it.
    assert re.search(rf"^FAILED tests/{re.escape(guard['test'])}", said, re.MULTILINE), said


def source(guard):
    return (ROOT / guard["file"]).read_text("utf-8")


def without(guard):
    return source(guard).replace(guard["text"], guard.get("instead", "pass"))


def row(promise):
    """Promise, what is taken out, how often, tests: a row of the table in the README."""
    guards = promise["guard"]
    tests = dict.fromkeys(guard["test"].partition("[")[0].split("::")[-1] for guard in guards)
    faults = "; ".join(guard["fault"] for guard in guards)
    return (
        f"| {promise['says']} | {faults} | {len(guards)} | {', '.join(f'`{t}`' for t in tests)} |"
    )
