"""Real child processes, really killed."""

import os
import signal
import subprocess
import sys
import time
from multiprocessing import util
from pathlib import Path

import psutil
import pytest
from fake_runner import Clock
from objectives import Deeds, constant, greet, import_slowly, refuse

from search.processes.supervisor import Supervisor, available_cores, shared_threads
from search.records import Failure
from search.tasks import Ended, EpochDone, Limits, Task


@pytest.fixture(scope="module")
def output(tmp_path_factory):
    return tmp_path_factory.mktemp("children") / "children.log"


@pytest.fixture(scope="module")
def supervisor(output):
    with Supervisor(Deeds(), output=output, initializer=greet) as made:
        yield made


def run(supervisor, *deeds, limits=Limits(), epochs=2):  # noqa: B008 - frozen
    """Run the deeds at once; returns each one's epochs and its end."""
    for number, do in enumerate(deeds):
        supervisor.start(Task(number, {"do": do}, 0, epochs), limits)
    seen = {n: [] for n in range(len(deeds))}
    ends = {}
    while len(ends) < len(deeds):
        for event in supervisor.wait(5):
            if isinstance(event, EpochDone):
                seen[event.number].append(event.epoch)
                supervisor.answer(event.number, epochs - event.epoch.epoch)
            else:
                ends[event.number] = event
    return [(seen[n], ends[n]) for n in range(len(deeds))]


def gone(pid):
    """Whether the process is gone, within a while."""
    for _ in range(200):
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.05)
    return False


def test_a_task_reports_its_epochs_and_ends(supervisor):
    ((epochs, end),) = run(supervisor, "train", epochs=3)
    assert [e.epoch for e in epochs] == [1, 2, 3]
    assert end.failure is None
    assert supervisor.device == "hello"


def test_a_child_serves_many_tasks(supervisor):
    pids = {run(supervisor, "whoami")[0][0][0].val_accuracy for _ in range(4)}
    assert len(pids) == 1


def test_a_child_hears_of_another_objective(output):
    with Supervisor(Deeds(), output=output) as made:
        (before, _), *_ = run(made, "whoami")
        made.objective = constant
        ((after, _),) = run(made, "whoami")
        assert [e.val_accuracy for e in after] == [0.25]
        made.objective = Deeds()
        (again, _), *_ = run(made, "whoami")
    assert before[0].val_accuracy == again[0].val_accuracy  # the same process


@pytest.mark.parametrize(
    ("deed", "kind", "message"),
    [
        ("nan", "nan", "loss inf"),
        ("bug", "bug", "ZeroDivisionError: oops"),
        ("out_of_memory", "memory", "out of memory"),
        ("disk", "disk", "[Errno 28] No space left on device"),
        ("kill", "killed", "killed by SIGKILL"),
        ("crash", "killed", "killed by SIGSEGV"),
        ("allocate", "memory", "its process could not allocate memory"),
        ("leave", "killed", "its process ended with status 3"),
    ],
)
def test_failures_are_told_apart(supervisor, deed, kind, message):
    ((_, end),) = run(supervisor, deed)
    assert (end.failure.kind, end.failure.message) == (kind, message)
    assert run(supervisor, "train")[0][1].failure is None  # and it goes on


def test_a_bug_comes_with_its_traceback_and_a_crash_with_its_last_words(supervisor):
    assert 'raise ZeroDivisionError("oops")' in run(supervisor, "bug")[0][1].failure.detail
    detail = run(supervisor, "crash")[0][1].failure.detail
    assert "last words" in detail
    assert "in crash" in detail  # faulthandler's trace


def test_a_hang_is_ended(supervisor):
    ((epochs, end),) = run(supervisor, "hang", limits=Limits(progress_timeout=0.5), epochs=5)
    assert len(epochs) == 1
    assert end.failure == Failure("hang", "no sign of life for 0 s")


def test_a_stopped_process_is_ended(supervisor):
    supervisor.start(Task(0, {"do": "slow"}, 0, 999), Limits(progress_timeout=0.5))
    while not any(isinstance(e, EpochDone) for e in supervisor.wait(5)):
        pass
    (pid,) = supervisor.processes()
    os.kill(pid, signal.SIGSTOP)
    end = next(e for _ in range(100) for e in supervisor.wait(5) if isinstance(e, Ended))
    assert end.failure.kind == "hang"
    assert gone(pid)


def test_a_task_over_its_time_is_ended(supervisor):
    ((_, end),) = run(supervisor, "hang", limits=Limits(seconds=0.6))
    assert end.failure.kind == "timeout"


@pytest.mark.slow
def test_a_child_that_imports_for_long_does_not_hang(output):
    with Supervisor(Deeds(), output=output, initializer=import_slowly) as supervisor:
        ((_, end),) = run(supervisor, "train", limits=Limits(progress_timeout=1.0))
    assert end.failure is None


def test_time_in_which_the_machine_slept_counts_for_nobody(output):
    clock = Clock()
    with Supervisor(Deeds(), output=output, clock=clock) as supervisor:
        supervisor.start(Task(0, {"do": "hang"}, 0, 2), Limits(seconds=90, progress_timeout=60))
        assert [type(event) for event in supervisor.wait(1)] == [EpochDone]
        for hours in (1, 8):
            clock.now += 3600 * hours
            assert supervisor.wait(0) == []
        ends = []
        while not ends and clock.now < 40_000:
            clock.now += 9
            ends = supervisor.wait(0)
    assert ends[0].failure.kind == "hang"


def test_a_task_over_its_memory_is_ended(supervisor):
    ((_, end),) = run(supervisor, "grow", limits=Limits(memory=300_000_000))
    assert end.failure.kind == "memory"
    assert "over its limit of 300 MB" in end.failure.message
    assert end.peak_memory > 300_000_000


@pytest.mark.slow
def test_a_child_whose_memory_has_grown_is_replaced(output):
    with Supervisor(Deeds(), output=output) as supervisor:
        first = run(supervisor, "whoami")[0][0][0].val_accuracy
        run(supervisor, "keep")
        assert run(supervisor, "whoami")[0][0][0].val_accuracy != first


def test_a_cancelled_task_ends_with_the_given_failure(supervisor):
    supervisor.start(Task(0, {"do": "slow"}, 0, 999), Limits())
    failure = Failure("deadline", "the time is over")
    supervisor.cancel(0, failure)
    assert [e.failure for e in supervisor.wait(0) if isinstance(e, Ended)] == [failure]
    supervisor.cancel(0, failure)  # twice does no harm


def test_an_idle_child_that_was_killed_is_replaced(supervisor):
    run(supervisor, "train")
    (pid,) = supervisor.processes()
    os.kill(pid, signal.SIGKILL)
    while supervisor.processes():  # its last threads may take a moment
        time.sleep(0.01)
    assert run(supervisor, "train")[0][1].failure is None


def test_an_answer_to_a_child_that_has_died_is_lost(supervisor):
    supervisor.start(Task(0, {"do": "train"}, 0, 2), Limits())
    while not any(isinstance(event, EpochDone) for event in supervisor.wait(5)):
        pass
    (child,) = filter(None, supervisor._children)
    child.process.kill()
    child.process.join(10)  # its pipe is closed once its last thread has ended
    supervisor.answer(0, 1)
    ends = []
    while not ends:
        ends = supervisor.wait(5)
    assert ends[0].failure.message == "killed by SIGKILL"


def test_a_kill_for_want_of_memory_is_told_from_others(output, monkeypatch):
    with Supervisor(Deeds(), output=output) as supervisor:
        run(supervisor, "train")
        monkeypatch.setattr("search.processes.handle._oom_kills", lambda: 10**9)
        ((_, end),) = run(supervisor, "kill")
    assert end.failure.kind == "memory"
    assert end.failure.message.startswith("the system ran out of memory and killed its process")


def test_what_a_killed_child_leaves_lies_where_its_parent_clears_up(supervisor):
    run(supervisor, "litter")
    (rest,) = Path(util.get_temp_dir()).glob("*/rest")
    rest.unlink()


@pytest.mark.skipif(not Path("/proc/self/oom_score_adj").exists(), reason="Linux has it")
def test_where_memory_runs_out_a_trial_goes_before_the_study(supervisor):
    ((epochs, _),) = run(supervisor, "killable")
    assert epochs[0].val_accuracy > float(Path("/proc/self/oom_score_adj").read_text())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_a_child_does_not_hear_the_terminal(supervisor, number):
    supervisor.start(Task(0, {"do": "train"}, 0, 2), Limits())
    while not any(isinstance(event, EpochDone) for event in supervisor.wait(5)):
        pass
    (pid,) = supervisor.processes()
    os.kill(pid, number)
    supervisor.answer(0, 0)
    ends = []
    while not ends:
        ends = supervisor.wait(5)
    assert ends[0].failure is None


def test_several_tasks_share_the_cores(output):
    with Supervisor(Deeds(), jobs=2, output=output) as supervisor:
        done = run(supervisor, "threads", "threads")
        given = [epochs[0].val_accuracy for epochs, _ in done]
        assert given == [float(t) for t in shared_threads(2)]


@pytest.mark.parametrize("jobs", [1, 2, 3, 5, 64])
def test_threads_are_shared_out(jobs):
    threads = shared_threads(jobs)
    if jobs == 1:
        assert threads == [None if available_cores() == os.cpu_count() else available_cores()]
    else:
        assert sum(threads) == max(jobs, available_cores())
        assert max(threads) - min(threads) <= 1


def test_a_part_of_the_machine_is_not_taken_for_all_of_it(monkeypatch):
    """As in a container with a quota; joblib reads that quota, and this variable as well."""
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "1")
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    assert available_cores() == 1
    assert (shared_threads(1), shared_threads(2)) == ([1], [1, 1])


def test_a_child_that_cannot_be_warmed_up_says_why(output):
    with Supervisor(Deeds(), output=output, initializer=refuse) as supervisor:
        ((_, end),) = run(supervisor, "train")
    assert end.failure.message == "ImportError: no such library"


PARENT = """
import sys, time
from objectives import Deeds
from search.processes import child
from search.processes.supervisor import Supervisor
from search.tasks import Limits, Task
if "no kernel" in sys.argv:
    child.signal_at_parent_death = lambda number: None
deeds = sys.argv[1].split(",")
if __name__ == "__main__":
    supervisor = Supervisor(Deeds(), jobs=len(deeds))
    for number, do in enumerate(deeds):
        supervisor.start(Task(number, {"do": do}, 0, 999), Limits())
    heard = 0
    while heard < len(deeds):
        for event in supervisor.wait(1):
            heard += 1
            supervisor.answer(event.number, 9)  # else it waits for that, and ends with the pipe
    print(*supervisor.processes(), flush=True)
    time.sleep(60)
"""


def check_none_outlives_its_parent(folder, number, *arguments):
    (folder / "parent.py").write_text(PARENT)
    tests = Path(__file__).parents[3]
    path = f"{tests / 'support'}{os.pathsep}{tests.parent}"
    with subprocess.Popen(
        [sys.executable, "parent.py", *arguments],
        cwd=folder,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": path},
    ) as parent:
        children = [int(word) for word in parent.stdout.readline().split()]
        assert children
        parent.send_signal(number)
    assert all(gone(pid) for pid in children)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_no_child_outlives_its_parent(tmp_path, number):
    check_none_outlives_its_parent(tmp_path, number, "hang,slow")


@pytest.mark.skipif(sys.platform != "linux", reason="other kernels do not end children")
def test_a_child_in_native_code_does_not_outlive_its_parent(tmp_path):
    check_none_outlives_its_parent(tmp_path, signal.SIGKILL, "native")


def test_where_the_kernel_does_nothing_a_thread_ends_the_child(tmp_path):
    check_none_outlives_its_parent(tmp_path, signal.SIGKILL, "hang", "no kernel")


SCRIPT = """
import os
from search.processes.supervisor import Supervisor
with Supervisor(jobs=1, initializer=os.getpid) as supervisor:
    supervisor.warm()
    supervisor.wait_until_warm(30)
    print(supervisor.device)
"""


@pytest.mark.parametrize("name", ["types", "socket", "select", "enum"])
def test_children_of_a_script_on_standard_input_import_nothing_of_the_working_folder(
    tmp_path, name
):
    (tmp_path / f"{name}.py").write_text("raise SystemExit('not this one')")
    command = [sys.executable, "-P", "-"]
    done = subprocess.run(
        command, input=SCRIPT, cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert done.stdout.strip().isdigit(), done.stderr
