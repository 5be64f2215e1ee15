"""No engine loses a trial: killed processes, torn files, a full disk."""

import errno
import os
import resource
import signal
import subprocess
import sys
import time

import pytest
from engine_bench import FILES, NONE, PAIRS, Bench, counts

from search.engines import SAMPLERS_OF
from search.records import Trial

pytestmark = pytest.mark.slow


@pytest.fixture(params=PAIRS, ids="-".join)
def bench(request, tmp_path):
    bench = Bench(tmp_path, *request.param)
    yield bench
    bench.close()


DYING = """
import os, signal, sys
from pathlib import Path
from engine_bench import Bench, PAIRS
folder, name = Path(sys.argv[1]), sys.argv[2]
for sampler in (s for n, s in PAIRS if n == name):
    (folder / sampler).mkdir()
    bench = Bench(folder / sampler, name, sampler)
    bench.open().enqueue({"a": 9, "x": 0.25})
    bench.run(2)
    for suggestion in bench.ask(3):
        bench.engine.report(suggestion.number, 1, 0.5)
        print(sampler, suggestion.number, suggestion.params, suggestion.epochs, sep="|", flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("name", FILES)
def test_what_a_killed_process_left_running_can_be_told(tmp_path, name, request):
    root = request.config.rootpath
    died = subprocess.run(
        [sys.executable, "-c", DYING, tmp_path, name],
        cwd=root / "tests" / "support",
        env={**os.environ, "PYTHONPATH": str(root)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert died.returncode == -signal.SIGKILL
    lines = died.stdout.splitlines()
    for sampler in SAMPLERS_OF[name]:
        bench = Bench(tmp_path / sampler, name, sampler)
        running = bench.open().running()
        said = [f"{sampler}|{s.number}|{s.params}|{s.epochs}" for s in running]
        assert said == [line for line in lines if line.startswith(f"{sampler}|")]
        assert [s.number for s in running] == [2, 3, 4]
        bench.end(running[1])
        assert counts(bench.engine) == {**NONE, "complete": 3}
        assert bench.ask(1)[0].number == 5
        bench.close()


def test_a_trial_recorded_but_not_told_is_told_on_reopening(bench):
    bench.open()
    for state, suggestion in zip(NONE, bench.ask(3), strict=True):
        bench.end(suggestion, state, tell=False)
    engine = bench.open(finished=bench.log)
    assert counts(engine) == {"complete": 1, "pruned": 1, "failed": 1}
    assert engine.running() == ()


def crowd(bench):
    """Trials 0 to 6; number 4 was running when all was lost. The store of before is kept."""
    bench.open()
    bench.run(2)
    bench.close()
    bench.old = bench.path.read_bytes()
    bench.open()
    ends = ("complete", "pruned", None, "failed", "complete")
    for suggestion, state in zip(bench.ask(5), ends, strict=True):
        if state is not None:
            bench.end(suggestion, state)
    bench.close()


def check_rebuilt(bench):
    engine = bench.open(finished=bench.log)
    # Nobody knows what became of number 4.
    assert counts(engine) == {"complete": 4, "pruned": 1, "failed": 2}
    known = [t.params for t in bench.log]
    after = bench.ask(2)
    assert [s.number for s in after] == [7, 8]
    assert not [s for s in after if s.params in known]


@pytest.mark.parametrize("old", [False, True])
def test_a_lost_store_is_rebuilt_from_the_log(bench, old):
    crowd(bench)
    if old:
        bench.path.write_bytes(bench.old)
    else:
        bench.path.unlink()
    check_rebuilt(bench)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("how", ["empty", "half", "garbage"])
def test_a_damaged_store_is_set_aside_and_rebuilt(tmp_path, name, how, caplog):
    bench = Bench(tmp_path, name, "random")
    crowd(bench)
    whole = bench.path.read_bytes()
    damaged = {"empty": b"", "half": whole[: len(whole) // 2], "garbage": b"\x00\xff garbage"}[how]
    bench.path.write_bytes(damaged)
    check_rebuilt(bench)
    bench.close()
    if (name, how) == ("optuna", "empty"):
        return  # to SQLite a new database
    assert bench.path.with_name(bench.path.name + ".damaged-1").read_bytes() == damaged
    assert f"{bench.path.name} is damaged" in caplog.text


def test_a_store_that_contradicts_the_log_is_set_aside(bench):
    bench.open()
    bench.run(2)
    told = [t for t in bench.log if t.number == 0]
    other = Trial(1, "failed", bench.log[1].params, None, (), 1, "", 1.0)
    assert counts(bench.open(finished=[*told, other])) == {**NONE, "complete": 1, "failed": 1}
    assert counts(bench.open(finished=bench.log)) == {**NONE, "complete": 2}
    aside = sorted(p.name for p in bench.folder.iterdir())
    assert aside == [bench.path.name + end for end in ("", ".damaged-1", ".damaged-2")]


def test_numbers_handed_out_are_not_given_again(bench):
    bench.open()
    bench.run(1)
    engine = bench.open(finished=bench.log, min_next_number=3)
    assert counts(engine) == {**NONE, "complete": 1, "failed": 2}
    assert engine.ask().number == 3
    assert counts(bench.open(min_next_number=3)) == {**NONE, "complete": 1, "failed": 2}


@pytest.fixture
def full_disk(monkeypatch):
    """Switches a limit on file sizes on and off: what writes more gets an error."""
    monkeypatch.setattr(time, "sleep", lambda seconds: None)  # Optuna waits before trying again
    before = resource.getrlimit(resource.RLIMIT_FSIZE)

    def switch(on):
        soft = 600 if on else before[0]
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, before[1]))

    yield switch
    switch(False)


@pytest.mark.parametrize("reopen", [False, True])
def test_a_full_disk_is_an_oserror_and_loses_nothing(bench, full_disk, reopen):
    bench.open()
    bench.run(5)
    first = bench.ask(1)[0]
    calls = [
        lambda: bench.engine.report(first.number, 1, 0.5),
        lambda: bench.engine.tell(first.number, "complete", 0.5),
        lambda: bench.engine.enqueue({"a": 9, "x": 0.25}),
        lambda: bench.engine.ask(),
    ]
    results = []
    for call in calls:
        full_disk(True)
        try:
            with pytest.raises(OSError) as caught:
                call()
        finally:
            full_disk(False)
        assert caught.value.errno in (errno.ENOSPC, errno.EFBIG)
        if reopen:
            bench.open()
        results.append(call())
    assert results[0] is True
    assert results[3].number == 6
    assert results[3].params == {"a": 9, "x": 0.25}
    assert counts(bench.open(finished=bench.log)) == {**NONE, "complete": 6}
    assert [s.number for s in bench.engine.running()] == [6]
    assert not list(bench.folder.glob("*.new"))
