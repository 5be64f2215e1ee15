"""What nights may be like: their length, their machine, what their clocks do."""

import math
from dataclasses import dataclass

from simulation import SHARING

# As measured: epochs of one network took 15, 21 or 42 seconds.
STEPS = ((1.0, 0.3), (1.4, 0.5), (2.8, 0.2))
CALM = ((1.0, 1.0),)


@dataclass
class Scenario:
    """One kind of night; see ``Machine``.

    Attributes:
        slowness: of the machine in training, of which the preflight measures about as much.
        slow_tail: how much longer evaluation and report take than on the machine measured.
        until: the deadline is one by the wall clock.
        jumps: (seconds after the start, seconds) of the wall clock; a sleep jumps ahead.
        refit, members, views: see ``fmnist.pipeline.planner.workload.PostSearchWorkload``.
    """

    total: float
    jobs: int = 1
    slowness: float = 1.0
    spread: float = 0.3
    levels: tuple = STEPS
    creep: float = 0.0
    sharing: float = SHARING
    faults: float = 0.0
    slow_tail: float = 1.0
    until: bool = False
    jumps: tuple = ()
    refit: bool = False
    members: int = 0
    views: int = 1


def scenario(chance):
    """Any night."""
    total = 60 * chance.choices((5, 10, 20, 30, 60, 120, 480), (3, 10, 6, 6, 5, 4, 1))[0]
    slowness = math.exp(chance.gauss(0, 0.35))
    if total >= 1800 and chance.random() < 0.2:
        slowness = chance.uniform(3, 5)
    until = chance.random() < 0.5
    return Scenario(
        total,
        jobs=chance.choice((1, 1, 2, 2, 2, 3, 4)),
        slowness=slowness,
        spread=chance.uniform(0.1, 0.6),
        levels=chance.choice((CALM, STEPS, STEPS)),
        creep=chance.choice((0, 0, 1, 2)),
        sharing=chance.uniform(0.2, 1),
        faults=chance.choice((0, 0, 0.01, 0.04)),
        slow_tail=chance.uniform(0.7, 1.5),
        until=until,
        jumps=jumps(chance, total) if until and chance.random() < 0.4 else (),
        refit=chance.random() < 0.4,
        members=chance.choice((0, 0, 0, 1, 2, 4)),
        views=chance.choice((1, 6)),
    )


def jumps(chance, total):
    """Sleeps, clocks put right, and an hour forward or back."""
    sizes = (chance.uniform(10, 0.4 * total), -chance.uniform(10, 3600), 3600, -3600, 5 * 3600)
    count = chance.choice((1, 1, 2))
    return tuple(sorted((chance.uniform(0, total), chance.choice(sizes)) for _ in range(count)))
