"""Who took part in a study that machines shared: a sentence and a table."""

from __future__ import annotations

from fmnist.report import text
from fmnist.report.facts import Facts
from fmnist.report.tables.base import Table


def sentence(facts: Facts) -> str:
    """How many workers on how many machines; empty where one machine did all."""
    found = facts.sharing
    if found is None or not found.workers:
        return ""
    hosts = {worker.host for worker in found.workers}
    lost = sum(worker.lost for worker in found.workers)
    whole = (
        f"{text.counted(len(found.workers), 'worker')} on {text.counted(len(hosts), 'machine')} "
        f"trained the trials of the study {found.study}, which lay in a database."
    )
    if not lost:
        return whole
    verb = "was" if lost == 1 else "were"
    return (
        f"{whole} {text.counted(lost, 'trial')} {verb} lost with {'its' if lost == 1 else 'their'} "
        "worker and tried again by another one."
    )


def workers(facts: Facts) -> Table | None:
    """What each worker trained."""
    found = facts.sharing
    if found is None or not found.workers:
        return None
    rows = tuple(
        (
            w.worker,
            w.host,
            w.device,
            *(text.count(n) for n in (w.jobs, w.search, w.confirm, w.failed, w.lost)),
            text.duration(w.seconds),
        )
        for w in found.workers
    )
    head = ("Worker", "Machine", "Device", "At once", "Search", "Confirmed", "Failed", "Lost")
    return Table(
        "Trials that each worker trained", (*head, "Time"), rows, numeric=(3, 4, 5, 6, 7, 8)
    )
