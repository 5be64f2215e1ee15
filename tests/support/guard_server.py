"""Runs pytest in forks of one process that has imported what is not ours: a second less for each.

It reads one JSON object a line and answers with one: ``folder``, a copy of the project, and
``tests``; then the exit status of pytest and what it wrote.
"""

import importlib
import json
import os
import signal
import sys
import tempfile

import pytest

HEAVY = ("hypothesis", "msgspec", "numpy", "optuna", "PIL.Image", "psutil", "scipy.stats", "xdist")
REWRITING = "ignore:Module already imported:pytest.PytestAssertRewriteWarning"
OPTIONS = ("-p", "no:cacheprovider", "-n", "0", "-m", "", "--tb=short", "-W", REWRITING)


def serve():
    """Fork a run as asked on standard input."""
    for name in HEAVY:
        importlib.import_module(name)
    for line in sys.stdin:
        print(json.dumps(run(**json.loads(line))), flush=True)


def run(folder, tests):
    """One run of pytest, with the modules of ``folder``."""
    with tempfile.TemporaryFile() as said:
        if not (pid := os.fork()):
            os.dup2(said.fileno(), 1)
            os.dup2(said.fileno(), 2)
            os.chdir(folder)
            signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in the background
            os.environ["PYTHONPATH"] = folder
            os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
            sys.dont_write_bytecode = False  # what does not change is compiled once
            os._exit(pytest.main([*OPTIONS, *tests]))
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        said.seek(0)
        return {"code": code, "said": said.read().decode(errors="replace")}


if __name__ == "__main__":
    serve()
