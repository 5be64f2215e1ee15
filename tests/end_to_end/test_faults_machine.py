"""Machines that misbehave: full disks, files torn by a power cut, clocks that jump."""

import os
import random

import pytest
from faults import ROUNDS, TALLY, Witness, finish, whole_lines
from faults_life import DISK_FULL, FINISHED, Life
from small_disk import small_disk

pytest_plugins = ("faults_plugin",)
pytestmark = pytest.mark.slow


@pytest.mark.parametrize("rounds", ROUNDS)
def test_a_full_disk(lives, tmp_path, rounds):
    rng = random.Random(0)
    folder = tmp_path / "disk"
    with small_disk(folder, 3_000_000 * rounds):
        witness, filler = Witness(folder), folder / "filler"
        life = Life(str(folder), trials=40 * rounds, jobs=2, pause=0.0)
        for _ in range(12 * rounds):
            free = os.statvfs(folder).f_bavail * os.statvfs(folder).f_frsize
            filler.write_bytes(b"x" * max(0, free - rng.randrange(1, 12) * 4096))
            code = lives.run(life)
            assert code in (DISK_FULL, FINISHED), (folder / "life.log").read_text()[-3000:]
            TALLY["disk full"] += code == DISK_FULL
            filler.unlink()
            witness.look()
        finish(lives, life, witness)


@pytest.mark.parametrize("name", ["trials.jsonl", "epochs.jsonl"])
def test_a_torn_last_line(lives, witness, name):
    """A power cut in the middle of an append: a prefix of a line that was never whole."""
    rng = random.Random(name)
    life = Life(str(witness.folder), trials=24, pause=0.04)
    for _ in range(6):
        lives.kill_at_random(life, rng)
        path = witness.folder / name
        lines = whole_lines(path) or [b'{"schema": 1, "number": 0}']
        with path.open("ab") as file:
            file.write(lines[-1][: rng.randrange(1, len(lines[-1]))])
        TALLY[f"torn last line of {name}"] += 1
        witness.look()
    finish(lives, life, witness)


def test_lost_and_torn_checkpoints(lives, witness):
    rng = random.Random(0)
    life = Life(str(witness.folder), trials=30, jobs=2, pause=0.06)
    for _ in range(8):
        lives.kill_at_random(life, rng)
        for path in (witness.folder / "trials").glob("*/epochs.json"):
            data = path.read_bytes()
            if rng.random() < 0.5:
                path.write_bytes(data[: rng.randrange(len(data))])
            else:
                path.unlink()
            TALLY["checkpoint lost or torn"] += 1
        witness.look()
    trials = finish(lives, life, witness)
    assert {t.failure.kind for t in trials if t.failure} <= {"interrupted"}


@pytest.mark.parametrize("clock", ["jumps", "sleeps"])
def test_clocks_that_jump(lives, witness, clock):
    for seed in range(2):
        life = Life(str(witness.folder), 20 * (seed + 1), jobs=2, clock=clock, seed=seed)
        assert lives.run(life) == FINISHED
        witness.look()
        TALLY[f"life under a clock that {clock}"] += 1
    trials = witness.verify(life)
    assert [t for t in trials if t.failure or t.retries] == []


def test_a_deadline_on_a_clock_that_jumps(lives, folder):
    for seed in range(4):
        path = folder / str(seed)
        path.mkdir()
        life = Life(str(path), trials=15, jobs=2, clock="jumps", seed=seed, total=1800.0)
        assert lives.run(life) == FINISHED
        Witness(path).verify(life)
        TALLY["deadline on a clock that jumps"] += 1
