"""Fixtures of the fault suite."""

import os
import tempfile
from pathlib import Path

import pytest
from faults import TALLY, Lives, Witness


@pytest.fixture(scope="session")
def lives():
    server = Lives()
    yield server
    server.close()
    print("\nfaults and what they did:")
    for name, count in sorted(TALLY.items()):
        print(f"  {count:5} {name}")


@pytest.fixture
def folder(tmp_path):
    """In memory where that can be: what is killed is the process, not the machine."""
    memory = Path("/dev/shm")
    if not os.access(memory, os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=memory, prefix="fmnist-faults-") as made:
        yield Path(made)


@pytest.fixture
def witness(folder):
    return Witness(folder)
