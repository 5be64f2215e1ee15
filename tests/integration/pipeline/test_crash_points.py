"""A night fails at every call to the disk, or loses power there, and goes on as if it had not."""

import errno
import os
import random
import signal
import tempfile
from pathlib import Path

import crash_night
import pytest
from crash_points import Nights, check, committed, fresh, result_of
from faults import leftovers
from power_cut import Disk, read_record

FAULTS = {"EIO": errno.EIO, "ENOSPC": errno.ENOSPC, "SIGKILL": 0}
# Calls from one point to the next; None: as many as make four points.
POINTS = [
    None,
    pytest.param(3, marks=pytest.mark.slow),
    pytest.param(1, marks=pytest.mark.full),
]
STATES, MANY = 20, pytest.param(500, marks=pytest.mark.slow)


@pytest.fixture(scope="module")
def memory():
    """A folder in memory where that can be: what fails is the shim's doing."""
    parent = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=parent if os.access(parent, os.W_OK) else None) as made:
        yield Path(made)


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


@pytest.mark.parametrize("step", POINTS, ids=["four", "every third", "all"])
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


@pytest.mark.parametrize("count", [STATES, MANY])
def test_a_night_goes_on_after_a_power_cut(nights, memory, undisturbed, count):
    seed = int(os.environ.get("FMNIST_TEST_SEED", random.SystemRandom().randrange(2**32)))
    print(f"{count} states drawn with seed {seed}")
    lose_power(nights, memory, undisturbed, count, seed)


def test_a_night_that_never_waits_for_the_disk_loses_something(nights, memory, undisturbed):
    """A suite that cannot fail shows nothing."""
    calls, record, result = undisturbed
    unsynced = calls, [call for call in record if call.what != "sync"], result
    with pytest.raises(AssertionError):
        lose_power(nights, memory, unsynced, STATES, seed=0)


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
