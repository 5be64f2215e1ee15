"""Four workers, one database, and whatever can happen to them."""

import json
import time
from dataclasses import replace

import pytest
from postgres import Line
from shared_life import Machine, Witness, until
from shared_worker import Options

TRIALS = 100


@pytest.fixture
def line(postgres_server):
    line = Line(postgres_server)
    yield line
    line.close()


class Study:
    """Workers on one new, empty database that they reach by a line which can be blocked."""

    def __init__(self, folder, server, line, options):
        self.url = server.database()
        self.folder = folder
        self.options = replace(options, artifacts=str(folder / "artifacts"))
        self._way = server.url(self.url.rsplit("/", 1)[1], port=line.port)
        self.machines = []
        self.witness = Witness(self.url)

    def start(self, n=1):
        """Start so many workers at once; the last one of them."""
        for _ in range(n):
            folder = self.folder / f"machine-{len(self.machines)}"
            self.machines.append(Machine(folder, self._way, self.options))
        return self.machines[-1]

    def more(self, n):
        """Wait until so many trials more are complete, or all is over."""
        before = self.witness.complete()
        until(lambda: self.over() or self.witness.complete() >= before + n)

    def over(self):
        return all(m.over() for m in self.machines)

    def finish(self):
        """Let all workers end of themselves, and look at everything."""
        for machine in self.machines:
            assert machine.wait() in (0, -9), machine.said()[-3000:]
        return self.witness.verify(self.machines, self.options.max_trials)

    def close(self):
        for machine in self.machines:
            machine.end()
        self.witness.close()


@pytest.fixture
def study(tmp_path, postgres_server, line, request):
    found = Study(tmp_path, postgres_server, line, request.param)
    yield found
    found.close()


def outage(study, server, line, seconds):
    """Nothing gets through for so long; nobody may be thought dead for it."""
    line.block()
    # Not for a state: what has to pass is the grace period, by the database's clock.
    storage = study.witness.storage
    until_then = storage.now() + seconds
    until(lambda: storage.now() > until_then)
    line.unblock()
    study.witness.counts["seconds of a blocked port"] += seconds


def catch(study, machine):
    """Stop a worker in the middle of a trial that has left a checkpoint."""
    under_way = lambda: study.witness.under_way(machine)  # noqa: E731
    while True:
        until(lambda: study.over() or under_way())
        assert not study.over(), "too few trials for all that should happen"
        machine.suspend()
        time.sleep(0.1)  # for a statement on its way
        if under_way():
            return
        machine.wake()


def oversleep(study, machine):
    """Stop a worker until the others have given its trial to somebody else; then let it go on."""
    catch(study, machine)
    until(lambda: not study.witness.running_of(machine))
    machine.wake()
    study.witness.counts["workers suspended past the grace period"] += 1


def mistreat(study, server, line, blocked):
    """All that the issue names, one after the other, while trials run."""
    counts, machines = study.witness.counts, study.machines
    study.start(4)
    study.witness.study()
    study.more(6)
    for machine in machines[:2]:
        machine.kill_loop()
        counts["loops killed"] += 1
        study.more(2)
    for machine in machines[1:3]:
        machine.kill_trial()
        counts["trial processes killed"] += 1
        study.more(2)
    oversleep(study, machines[2])
    study.more(4)
    for _ in range(2):
        server.restart()
        counts["crashes of the server"] += 1
        study.more(4)
    outage(study, server, line, blocked)
    study.more(4)
    catch(study, machines[3])
    machines[3].die()
    study.start()
    counts["machines lost for good"] += 1
    study.more(4)
    line.cut()
    counts["all connections cut"] += 1
    machines[0].kill_loop()
    counts["loops killed"] += 1


def check(study, capsys):
    trials = study.finish()
    for machine in study.machines:  # who waits out an outage does not crash in it
        crashes = machine.said().count("the worker ended with status")
        assert crashes == machine.said().count("the worker ended with status 137"), machine.said()
    counts = study.witness.counts
    with capsys.disabled():
        print("\n" + json.dumps(counts, indent=1))
    assert len(trials) >= TRIALS
    assert counts["taken over with a checkpoint"] >= 1
    assert counts["retries that name their ancestor"] >= 2  # of the suspended, of the lost
    assert counts["trials complete"] + counts["trials failed"] == len(trials)


SHORT = Options(max_trials=TRIALS, heartbeat=1, grace=4, pause=0.1)
LONG = Options(max_trials=TRIALS, heartbeat=5, grace=20, pause=1.0)


@pytest.mark.slow
@pytest.mark.parametrize("study", [SHORT], indirect=True)
def test_nothing_is_lost_whatever_happens(study, postgres_server, line, capsys):
    mistreat(study, postgres_server, line, blocked=6)
    check(study, capsys)


@pytest.mark.slow
@pytest.mark.parametrize("study", [LONG], indirect=True)
def test_nothing_is_lost_in_a_minute_of_a_blocked_port(study, postgres_server, line, capsys):
    mistreat(study, postgres_server, line, blocked=60)
    check(study, capsys)
