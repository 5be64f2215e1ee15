"""What must hold at every step of a simulated night, and whether a late one had to be late."""

from search.json_lines import to_row

# Seconds that a night may lose by looking at its clock twice a second, and by tidying up.
LOOKS = 3.0
# So many times the measured seconds of evaluation and report are to be left when they begin.
MARGIN = 1.13
IN_TIME, HAD_TO, SLOW_REPORT, WITHOUT_NEED = "in time", "had to", "slow report", "without need"


class Witness:
    """Looks at journals, study and plan after every step; what was there once must stay."""

    def __init__(self):
        self.steps = 0
        self.journals, self.trials, self.epochs = {}, {}, {}
        self.first_epochs = {}
        """Moments at which the first epoch of a trial was in the journal, by study."""

    def open(self, name, log, now):
        """A session opened the journals: what was in them is in them, byte for byte."""
        for path, before in self.journals.items():
            content = path.read_bytes() if before else b""
            assert content.startswith(before), f"{path.name} lost what was in it"
        self._read(name, log, now)
        assert {t.number for t in log.trials} == set(self.trials[name]), "trials were lost"

    def look(self, name, study, job, time_left=0.0):
        """Nothing was lost, no rule is broken."""
        self.steps += 1
        self._read(name, study.log, job.machine.now)
        assert len(study.log.trials) == len(self.trials[name]), "log and journal differ"
        runner, planner, budget = study.runner, job.planner, job.budget
        assert len(runner.trainings) <= runner.slots, "more at once than asked"
        assert not runner.trainings or time_left > 0, "one goes on when the time is over"
        assert job.scenario.until or budget.elapsed() >= 0
        assert planner.post_search_seconds() >= planner.min_post_search_seconds() >= 0
        assert planner.refit_reserve() >= 0

    def close(self, name, study, job):
        """A study came to its end."""
        self.look(name, study, job)
        assert not study.runner.trainings, "a training goes on after the end"
        assert not study.engine.running(), "a trial is left running"

    def conclude(self, job):
        """The night is over: its winner is one that ran to its end, if any did.

        Of a search that was given back it is the first, if that had an epoch.
        """
        first = next((t for t in job.log.trials if t.number == 0 and t.epochs), None)
        if first is not None and not job.planner.plan.searched:
            assert job.best is first
        else:
            complete = any(t["state"] == "complete" for t in self.trials["trials"].values())
            assert job.best.state == ("complete" if complete else "pruned")
        assert self.trials["trials"][job.best.number]["params"] == job.best.params
        assert job.final.epochs, "no network"
        assert all(p.seconds >= 0 for p in job.planner.planned), job.planner.planned

    def _read(self, name, log, now):
        epochs, trials = self.epochs.setdefault(name, {}), self.trials.setdefault(name, {})
        first = self.first_epochs.setdefault(name, {})
        for row in self._new_rows(log.path.with_name(f"{name}_epochs.jsonl")):
            number = row["trial"]
            assert row["epoch"] == epochs.get(number, 0) + 1, f"trial {number} skips an epoch"
            epochs[number] = row["epoch"]
            first.setdefault(number, now)
        for row in self._new_rows(log.path):
            number = row["number"]
            assert number not in trials, f"two trials of number {number}"
            steps = [epoch["epoch"] for epoch in row["epochs"]]
            assert steps == list(range(1, epochs.get(number, 0) + 1)), f"epochs of {number}"
            trials[number] = row

    def _new_rows(self, path):
        before = self.journals.setdefault(path, bytearray())
        size = path.stat().st_size if path.exists() else 0
        assert size >= len(before), f"{path.name} shrank"
        if size == len(before):
            return []
        with path.open("rb") as file:
            file.seek(len(before))
            new = file.read()
        new = new[: new.rfind(b"\n") + 1]  # a kill may have torn the last line
        before += new
        return [to_row(line) for line in new.splitlines()]


def why_late(job):
    """One of ``IN_TIME``, ``HAD_TO``, ``SLOW_REPORT`` and ``WITHOUT_NEED``.

    A night had to be late if from some moment on what nothing can leave out took longer than what
    was left. Such moments are the start, jumps of the clock, and each time the command was
    repeated. A slow report had a good eighth more time than was measured, and took still longer.
    """
    if job.outcome != "finished" or job.late <= 0:
        return IN_TIME
    moments = job.starts + [(moment, left) for moment, _, left in job.machine.jumped]
    if any(needed_after(job, moment) + LOOKS > left for moment, left in moments):
        return HAD_TO
    left, measured = job.left_for_report
    return SLOW_REPORT if left + LOOKS > MARGIN * measured else WITHOUT_NEED


def needed_after(job, moment):
    """Seconds after ``moment`` that went into what nothing can leave out.

    Those are starting, the first epoch of a trial and of the retraining, evaluation and report;
    neither further trials or epochs, nor points of the test curve.
    """
    return sum(max(0.0, end - max(begin, moment)) for begin, end in needed_spans(job, moment))


def needed_spans(job, moment):
    first = job.witness.first_epochs
    good = {n for n, t in job.witness.trials.get("trials", {}).items() if t["state"] != "failed"}
    searched = [at for number, at in first.get("trials", {}).items() if number in good]
    ends = {"search": searched, "retrain": first.get("retrain", {}).values()}
    for name, begin, end in job.spans:
        if name == "members" and moment < begin:
            continue  # there was time not to train them
        yield begin, min([end, *ends.get(name, ())])
