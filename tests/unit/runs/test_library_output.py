import os
import subprocess
import sys

import pytest

PROGRAM = """
import logging, os, subprocess, sys, warnings
from pathlib import Path
from fmnist.runs import library_output

def chatter(word):
    warnings.warn(f"{word} by warnings")
    os.write(2, f"{word} by native code\\n".encode())
    logging.getLogger("alembic").warning(f"{word} by a logger")
    print(f"{word} by print", file=sys.stderr)
    subprocess.run([sys.executable, "-c", f"import os; os.write(2, b'{word} by a child\\\\n')"])

print("before", file=sys.stderr)
with library_output.separate():
    chatter("dropped")
    with library_output.libraries_into(Path("kept.log")):
        library_output.note("ours é")
        chatter("kept")
    chatter("dropped")
    os.write(library_output.descriptor(), b"ours from a handler\\n")
    if "crash" in sys.argv:
        os.abort()
    if "bug" in sys.argv:
        raise RuntimeError("a bug")
print("after", file=sys.stderr)
"""


def ended(folder, *arguments):
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
    )


def test_only_our_lines_reach_standard_error(tmp_path):
    done = ended(tmp_path)
    assert done.returncode == 0
    assert done.stderr.splitlines() == ["before", "ours é", "ours from a handler", "after"]
    assert done.stdout == ""
    kept = (tmp_path / "kept.log").read_text()
    for source in ("warnings", "native code", "a logger", "print", "a child"):
        assert f"kept by {source}" in kept
    assert "dropped" not in kept


@pytest.mark.parametrize(
    ("end", "said"), [("crash", "Fatal Python error: Aborted"), ("bug", "RuntimeError: a bug")]
)
def test_a_crash_and_a_bug_are_told(tmp_path, end, said):
    done = ended(tmp_path, end)
    assert done.returncode != 0
    assert said in done.stderr
    assert "dropped" not in done.stderr
