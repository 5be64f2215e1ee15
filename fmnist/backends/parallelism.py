"""How many trainings at once a machine has room for, and what that costs each."""

from __future__ import annotations

import os
from pathlib import Path

# Most trainings at once, bytes that each may need, and the time below which one is left alone.
_MOST_JOBS, _JOB_MEMORY, _SHORT_JOB = 4, 2e9, 120.0
# What Linux calls NVIDIA's and AMD's cards, TPUs, and a card seen from inside Windows' Linux.
_ACCELERATORS = ("nvidia[0-9]*", "kfd", "accel[0-9]*", "dxg")
# Trainings at once are slower, each, by their number to this power: measured on two cores, one of
# two takes 1.4 to 1.6 times as long as one alone (small, middle and large network).
_SHARING = 0.7
_CGROUP = Path("/sys/fs/cgroup")
# Limit and use of memory as control groups of version 2 and 1 tell them inside a container.
_CONTAINER_MEMORY = (
    (_CGROUP / "memory.max", _CGROUP / "memory.current"),
    (_CGROUP / "memory/memory.limit_in_bytes", _CGROUP / "memory/memory.usage_in_bytes"),
)


def jobs_for(
    *,
    accelerated: bool,
    cores: int,
    memory: float,
    seconds: float | None = None,
    trials: int | None = None,
) -> int:
    """Trainings at once that make most of a machine; at least 1.

    One on an accelerator. On processors one a core: measured on two, 2 jobs of one thread train
    1.3 to 1.4 times the images of 1 job of two (small, middle, large), as threads wait for each
    other within every layer. At most four: more were not measured, and a sampler learns nothing
    from trials still under way. With up to four that cost TPE nothing that could be measured: the
    best of 12, 30 and 80 trials on a made-up function, 60 seeds, standard error 0.03 points.

    Simulated with a factor of 1.23 (``test_deadlines.py``; here 100 jobs each), two at once
    instead of one finish so many times the images in the search and so many trials in the median,
    none late: 2 minutes 1.5 and 4 for 2, 5 minutes 1.4 and 43 for 32, 10 minutes 1.2 and 39 for
    30, 30 minutes 1.3 and 200 for 156, 60 minutes 1.2 and 216 for 186. Within one minute a single
    trial ends, and the other is cut off: there it is one.

    Args:
        accelerated: whether they have an accelerator.
        cores: logical processors.
        memory: bytes available; two billion are reckoned for each.
        seconds: of the whole job; None: no limit.
        trials: most trials there will be.
    """
    if accelerated or (seconds is not None and seconds < _SHORT_JOB):
        return 1
    return max(1, min(cores, _MOST_JOBS, int(memory // _JOB_MEMORY), trials or _MOST_JOBS))


def accelerator_in_sight(devices: Path = Path("/dev")) -> bool:
    """Whether this machine seems to have an accelerator; no backend is imported."""
    if os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1"):
        return False
    return any(next(devices.glob(pattern), None) for pattern in _ACCELERATORS)


def parallel_slowdown(at_once: int) -> float:
    """How many times longer a training takes with so many at once than alone with all cores."""
    return float(at_once**_SHARING)


def available_memory() -> int:
    """Bytes that are free for use now, in the system and in this process's container."""
    import psutil

    room = [int(psutil.virtual_memory().available)]
    for limit, used in _CONTAINER_MEMORY:
        try:
            room.append(int(limit.read_text()) - int(used.read_text()))
        except (OSError, ValueError):  # another kind of container, none, or "max"
            continue
    return max(0, min(room))
