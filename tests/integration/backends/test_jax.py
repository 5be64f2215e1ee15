"""JAX is the other backend: the tests of networks and trainings pass on it too."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from requirements import require_package

TESTS = Path(__file__).parents[2]
FILES = (
    "backends/test_training_loop",
    "models",
    "training",
    "analysis/test_activations",
    "analysis/test_gradcam",
)
# What is the same code whatever the backend, and would be compiled once more to show it.
NEUTRAL = ("explodes", "smoothing_trains", "newest", "can_be_kept", "finished", "answers")


@pytest.mark.slow
def test_the_tests_of_networks_and_trainings_pass_on_jax():
    require_package("jax")
    rooms = (TESTS / "integration" / name for name in FILES)
    files = [
        TESTS / "support" / "jax_checks.py",
        *(p if p.is_dir() else p.with_suffix(".py") for p in rooms),
    ]
    chosen = " and ".join(f"not {name}" for name in NEUTRAL)
    # The networks are tiny: to compile them well takes longer than to run them.
    flags = {"XLA_FLAGS": "--xla_backend_optimization_level=0"}
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-n",
            "0",
            "-q",
            "-m",
            "not full",
            "-k",
            chosen,
            *map(str, files),
        ],
        cwd=TESTS.parent,
        env={**os.environ, "KERAS_BACKEND": "jax", **flags},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed, done.stdout
    assert int(passed[1]) > 60
    reasons = set(re.findall(r"SKIPPED .*?: (.+)", done.stdout))
    assert reasons <= {"only on TensorFlow"}, done.stdout
