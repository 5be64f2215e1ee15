"""A night fails at every call to the disk, or loses power there, and goes on as if it had not."""

import errno
import random
import signal
from collections import Counter

import crash_night
import pytest
from crash_points import SEED, Nights, check, committed, fresh, in_memory, result_of
from faults import leftovers
from faults_toy import toy_epoch
from power_cut import Disk, read_record

from fmnist.runs.folder import Run

FAULTS = {"EIO": errno.EIO, "ENOSPC": errno.ENOSPC, "SIGKILL": 0}
# Calls from one point to the next; None: as many as make four points.
POINTS = [
    None,
    pytest.param(10, marks=pytest.mark.slow),
    pytest.param(1, marks=pytest.mark.full),
]
STATES = [
    20,
    pytest.param(100, marks=pytest.mark.slow),
    pytest.param(500, marks=pytest.mark.full),
]


@pytest.fixture(scope="module")
def memory():
    with in_memory() as made:
        yield made


@pytest.fixture(scope="module")
def nights(memory):
    server = Nights(memory)
    yield server
    server.close()
    assert not leftovers(memory)


@pytest.fixture(scope="module")
def undisturbed(nights, memory):
    """The number of calls of a night to which nothing happens, its record and its result."""
    with fresh(memory) as folder:
        code, said = nights.live(folder, record=str(memory / "record"))
        assert code == crash_night.FINISHED, said
        run = folder / crash_night.RUN
        result = result_of(run)
        check(run, committed(run), result)
    return int(said), read_record(memory / "record"), result


@pytest.mark.parametrize("step", POINTS, ids=["four", "every tenth", "all"])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_night_goes_on_after_a_fault_at_any_call(nights, memory, undisturbed, fault, step):
    calls, _, result = undisturbed
    points = range(1, calls + 1, step or calls // 4)
    for point in points:
        with fresh(memory) as folder:
            run = folder / crash_night.RUN
            code, said = nights.live(folder, point=point, error=FAULTS[fault])
            where = f"{fault} at call {point}: {said}"
            if fault == "SIGKILL":
                assert code == -signal.SIGKILL, where
            else:
                assert code in (crash_night.FINISHED, crash_night.DISK), where
            go_on(nights, folder, committed(run), result, where)
    print(f"{fault} at {len(points)} of {calls} calls: nothing lost")


@pytest.mark.parametrize("count", STATES)
def test_a_night_goes_on_after_a_power_cut(nights, memory, undisturbed, count):
    print(f"{count} states drawn with seed {SEED}")
    lose_power(nights, memory, undisturbed, count, SEED)


@pytest.mark.parametrize("count", STATES)
def test_a_night_goes_on_after_a_flipped_bit(nights, memory, undisturbed, count):
    """In any file of a night that was killed somewhere: the same result, or it is refused."""
    calls, _, result = undisturbed
    print(f"{count} flips drawn with seed {SEED}")
    rng, refused = random.Random(SEED), Counter()
    for state in range(count):
        with fresh(memory) as folder:
            run = folder / crash_night.RUN
            nights.live(folder, point=rng.randint(1, calls), error=0)
            if file := flip_a_bit(run, rng):
                where = f"seed {SEED}, flip {state}, in {file.relative_to(run)}"
                code, said = nights.live(folder)
                if code == crash_night.DISK:
                    assert f"see fmnist check {run}" in said, where
                    refused[file.name] += 1
                else:
                    assert code == crash_night.FINISHED, f"{where}\n{said}"
                    assert not list(wrong_trials(run, result, file)), where
    print(f"refused: {dict(refused)}; the others went on to the same result")


def flip_a_bit(run, rng):
    files = sorted(p for p in run.rglob("*") if p.is_file() and p.stat().st_size)
    if not files:
        return None
    file = rng.choice(files)
    content = bytearray(file.read_bytes())
    content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    file.write_bytes(content)
    return file


def wrong_trials(run, undisturbed, file):
    """Trials that another night would not have had, but for one whose checkpoint was damaged."""
    for log, whole in undisturbed["logs"].items():
        trials = Run(run).trials(log)
        failed = [t for t in trials if t.state == "failed"]
        # The study has the trials of the search; of a training that is over nothing else knows.
        set_aside = file.name == log == "retrain.jsonl"
        if len(trials) != len(whole) + len(failed) * (log == "trials.jsonl") and not set_aside:
            yield log, trials
        if failed and (len(failed) > 1 or file.parent == run):
            yield log, failed
        for trial in [t for t in trials if t.state == "complete"]:
            epochs = [toy_epoch(trial.params, trial.seed, n) for n in (1, crash_night.EPOCHS)]
            if trial.value != max(epoch.val_accuracy for epoch in epochs):
                yield log, trial


def test_a_night_that_never_waits_for_the_disk_loses_something(nights, memory, undisturbed):
    """A suite that cannot fail shows nothing."""
    calls, record, result = undisturbed
    unsynced = calls, [call for call in record if call.what != "sync"], result
    with pytest.raises(AssertionError):
        lose_power(nights, memory, unsynced, STATES[0], seed=0)


def lose_power(nights, memory, undisturbed, count, seed):
    _, record, result = undisturbed
    rng = random.Random(seed)
    for state in range(count):
        cut, disk = rng.randint(0, len(record)), Disk()
        for call in record[:cut]:
            disk.apply(call)
        with fresh(memory) as folder:
            crash_night.readings(folder / crash_night.RUN).touch()
            disk.cut(rng, folder)
            where = f"seed {seed}, state {state}, after call {cut}"
            go_on(nights, folder, disk.acknowledged, result, where)


def go_on(nights, folder, before, result, where):
    code, said = nights.live(folder)
    assert code == crash_night.FINISHED, f"{where}\nand then: {said}"
    try:
        check(folder / crash_night.RUN, before, result)
    except AssertionError as error:
        raise AssertionError(where) from error
