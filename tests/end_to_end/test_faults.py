"""A real study is really killed, and must lose nothing.

Run with -s and -n 0 to see the count of faults and of losses; ``-m full`` does ten times as many.
"""

import itertools
import json
import os
import random
import signal
import time
from dataclasses import replace

import pytest
from faults import ROUNDS, TALLY, children, finish, grown, whole_lines
from faults_life import FINISHED, REFUSED, STOPPED, Life

pytestmark = pytest.mark.slow
pytest_plugins = ("faults_plugin",)


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("rounds", ROUNDS)
def test_the_parent_is_killed_at_random(lives, witness, rounds, jobs):
    rng = random.Random(jobs)
    life = Life(str(witness.folder), trials=40 * rounds, jobs=jobs, seed=jobs, pause=0.03)
    for _ in range(15 * rounds):
        code = lives.kill_at_random(life, rng)
        TALLY["kill -9 of the parent at a random moment"] += code == -signal.SIGKILL
        witness.look()
    trials = finish(lives, life, witness)
    assert any(t.resumed for t in trials)


@pytest.mark.full
@pytest.mark.parametrize("sampler", ["random", "bayesian", "hyperband"])
def test_the_parent_is_killed_with_the_other_engine(lives, witness, sampler):
    rng = random.Random(sampler)
    engine = {"engine": "keras-tuner", "sampler": sampler}
    life = Life(str(witness.folder), trials=20, jobs=2, pause=0.1, **engine)
    for _ in range(8):
        code = lives.kill_at_random(life, rng)
        TALLY[f"kill -9 with keras-tuner, {sampler}"] += code == -signal.SIGKILL
        witness.look()
    finish(lives, life, witness)


CALLS = [
    "engine.ask",
    "engine.report",
    "engine.tell",
    "log.append",
    "epoch_log.append",
    "runner.start",
    "runner.wait",
    "runner.answer",
]


@pytest.mark.parametrize("checkpoints", [True, False])
def test_the_parent_is_killed_at_every_step(lives, witness, checkpoints):
    life = Life(str(witness.folder), trials=70, checkpoints=checkpoints, pause=0.0)
    for call, moment, n in itertools.product(CALLS, ("before", "after"), (1, 2)):
        code = lives.run(replace(life, die=(call, moment, n)))
        if code != FINISHED:  # after the last trial there are no such calls
            assert code == -signal.SIGKILL, (call, moment, n)
            TALLY["kill -9 of the parent at a given step"] += 1
        witness.look()
    finish(lives, life, witness)


@pytest.mark.parametrize("rounds", ROUNDS)
def test_children_are_killed_at_random(lives, witness, rounds):
    rng = random.Random(0)
    life, kills = Life(str(witness.folder), trials=60 * rounds, jobs=2, pause=0.02), 0
    pid = lives.start(life)
    for _ in range(25 * rounds):
        # Some progress in between, else no trial would survive; and some while they start.
        lives.until(pid, grown(witness.folder / "epochs.jsonl", rng.choice((1, 3, 5, 7))))
        time.sleep(rng.choice((0.0, rng.uniform(0, 0.1))))
        if found := trial_processes(witness.folder):
            os.kill(rng.choice(found).pid, signal.SIGKILL)
            kills += 1
    TALLY["kill -9 of a child at a random moment"] += kills
    assert lives.wait(pid) == FINISHED
    trials = witness.verify(life)
    assert {f.kind for t in trials for f in t.retries} == {"killed"}
    assert sum(t.state == "complete" for t in trials) > 0


def trial_processes(folder):
    """The children that run trials: not the process that tracks semaphores."""
    found = []
    for process in children(folder):
        with_trials = "spawn_main" in " ".join(process.cmdline())
        found += [process] if with_trials else []
    return found


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_cleanly_and_a_second_at_once(lives, witness, number):
    rng = random.Random(number)
    life = Life(str(witness.folder), trials=25, jobs=2, pause=0.02)
    for twice in (False, True, False, True):
        pid = lives.start(life)
        lives.until(pid, lambda: trial_processes(witness.folder))
        time.sleep(rng.uniform(0.1, 0.5))
        # To the whole group, as a terminal does: the children have to ignore it.
        os.killpg(pid, number)
        if twice:
            os.killpg(pid, number)
        assert lives.wait(pid) in ((STOPPED, 130) if twice else (STOPPED,))
        TALLY[f"{number.name}{', twice' if twice else ''}"] += 1
        witness.look()
    trials = finish(lives, life, witness)
    assert not any(t.failure for t in trials)


def test_a_stopped_and_continued_machine_is_no_hang(lives, witness):
    life = Life(str(witness.folder), trials=12, jobs=2, pause=0.1, silence=1.2, seconds=60.0)
    pid = lives.start(life)
    for _ in range(2):
        lives.until(pid, lambda: trial_processes(witness.folder))
        time.sleep(0.3)
        os.killpg(pid, signal.SIGSTOP)
        time.sleep(1.5)
        os.killpg(pid, signal.SIGCONT)
        TALLY["whole group stopped and continued"] += 1
    assert lives.wait(pid) == FINISHED
    trials = witness.verify(life)
    assert [t for t in trials if t.failure or t.retries] == []


def test_a_second_run_is_refused(lives, witness):
    life = Life(str(witness.folder), trials=20, pause=0.03)
    first = lives.start(life)
    lives.until(first, (witness.folder / "trials.jsonl").exists)
    assert lives.run(life) == REFUSED
    TALLY["second run on a folder"] += 1
    assert f"in use by process {first}" in (witness.folder / "life.log").read_text()
    assert lives.wait(first) == FINISHED
    witness.verify(life)


def test_the_witness_sees_a_loss(lives, witness):
    """A suite that cannot fail shows nothing."""
    life = Life(str(witness.folder), trials=4)
    finish(lives, life, witness)
    path = witness.folder / "trials.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-1]))
    before = dict(TALLY)
    with pytest.raises(AssertionError):
        witness.verify(life)
    path.write_bytes(b"".join(lines).replace(b'"seed"', b'"sead"'))
    with pytest.raises(AssertionError):
        witness.look()
    TALLY.clear()
    TALLY.update(before)
    path.write_bytes(b"".join(lines))
    row = json.loads(whole_lines(witness.folder / "epochs.jsonl")[-1])
    with (witness.folder / "epochs.jsonl").open("a") as file:
        file.write(json.dumps(row) + "\n")
    with pytest.raises(AssertionError):
        witness.verify(life)
