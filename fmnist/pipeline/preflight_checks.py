"""Trying the night before it begins: what would fail at 03:00 is to fail at 22:00."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from fmnist.backends import parallelism
from fmnist.config.config import Config
from fmnist.errors import UserError
from fmnist.models.caps import Excess
from fmnist.models.size import size_of
from fmnist.pipeline import doctor
from fmnist.pipeline.space_bounds import Params, largest_config, smallest_config
from fmnist.runs.folder import Run
from fmnist.runs.records import plan as records
from fmnist.runs.records.plan import Check
from fmnist.text import size
from search.records import TrialError
from search.space import SearchSpace

METRICS = ("accuracy", "loss", "val_accuracy", "val_loss")
"""What every epoch must bring: a wrong name would silently switch pruning off."""
# A trial holds more than a batch of it does: all its images, and what the libraries keep.
_MEMORY_MARGIN = 1.5
_BYTES_A_TRIAL, _TRIALS = 20e3, 5000
_SIZED_BY = {
    *("width", "filters_1", "filters_2", "filters_3", "filters_4", "stages", "convolutions"),
    *("stem", "stem_stride", "kernel_size", "dense_units", "image_size", "batch_size"),
}
# Copies of the weights in a whole checkpoint: as saved and as trained, the optimiser's, averages.
_WHOLE = 5


@dataclass(frozen=True)
class ProbeResult:
    """One batch of training and one of validation.

    Attributes:
        seconds: from the start of its task, building the network included.
        peak_memory: most bytes its process held; None where not measured.
        metrics: as in ``search.records.Epoch``.
    """

    seconds: float
    peak_memory: int | None
    metrics: Mapping[str, float]


@dataclass(frozen=True)
class _Asked:
    """What the night is to do, and with how much memory free before it."""

    run: Run
    space: SearchSpace | None
    base: Config
    jobs: int
    fewer: bool
    trial_memory: int | None
    final_epochs: int
    available: int
    classes: int = 10

    def fitting(self, peak: int | None) -> int:
        """Trainings at once for whose ``peak`` bytes there is room; at least 1."""
        if peak is None or not self.fewer:
            return self.jobs
        return max(1, min(self.jobs, int(self.available / (_MEMORY_MARGIN * peak))))


@dataclass
class _Extreme:
    """One end of the space, and what its probe found."""

    name: str
    params: Params
    only: bool = False
    probe: ProbeResult | None = field(default=None)

    @property
    def record(self) -> records.Probe | None:
        """What ``preflight.json`` holds of it; None where the probe failed."""
        if self.probe is None:
            return None
        return records.Probe(self.params, round(self.probe.seconds, 3), self.probe.peak_memory)


def preflight(
    run: Run,
    space: SearchSpace | None,
    base: Config,
    *,
    jobs: int,
    probe: Callable[[Params], ProbeResult],
    trial_memory: int | None,
    final_epochs: int,
    fewer: bool = False,
    classes: int = 10,
    speed: float | None = None,
    slowness: float = 1.0,
    rendering: float = 1.0,
    excess: Excess = lambda _: "",
    on_check: Callable[[Check], object] = lambda _: None,
) -> records.Preflight:
    """Check this machine and probe the ends of the space.

    Args:
        space: what is searched; None: nothing, ``base`` is all there is to try.
        base: configuration whose fields hold where the space does not search them.
        jobs: trainings at once.
        probe: runs one batch; raises ``TrialError`` where that fails.
        trial_memory: the limit in bytes of one trial's process, where there is one.
        final_epochs: of the retraining, at most: each leaves a checkpoint.
        speed, slowness, rendering: as measured, for the record.
        classes: of the data set; sizes of networks are told for them.
        excess: what of a network is above a cap; the ends of the space are those below it.
        fewer: whether there may be fewer trainings at once, where memory does not suffice.
        on_check: hears of every check when it is over.

    Raises:
        UserError: something would make the night fail; the message lists all of it.
    """
    available = parallelism.available_memory()
    asked = _Asked(run, space, base, jobs, fewer, trial_memory, final_epochs, available, classes)
    ends = _ends(space, base, excess)
    checks = []
    for check in _checks(asked, ends, probe):
        checks.append(check)
        on_check(check)
    problems = [check for check in checks if check.ok is False]
    if problems:
        raise UserError(
            "this run would not get through the night:"
            + "".join(f"\n  {c.name}: {c.found}\n    -> {c.remedy}" for c in problems)
        )
    probed = {end.name: end.record for end in ends}
    peak = ends[-1].probe.peak_memory if ends[-1].probe else None
    return records.Preflight(
        checks=tuple(checks),
        smallest=probed.get("smallest"),
        largest=probed.get("largest"),
        slowness=None if speed is None else slowness,
        rendering=None if speed is None else rendering,
        speed=speed,
        jobs=asked.fitting(peak),
    )


def _ends(space: SearchSpace | None, base: Config, excess: Excess) -> list[_Extreme]:
    if space is None:
        return [_Extreme("largest", {}, only=True)]
    return [
        _Extreme("smallest", smallest_config(space, base, excess)),
        _Extreme("largest", largest_config(space, base, excess)),
    ]


def _checks(
    asked: _Asked, ends: list[_Extreme], probe: Callable[[Params], ProbeResult]
) -> Iterator[Check]:
    # What the trials hold is measured below.
    yield _only_warn(doctor.guarded("memory", doctor.check_memory))
    # Without these there is still a report in HTML.
    yield _only_warn(doctor.guarded("fonts", doctor.check_fonts))
    yield _only_warn(doctor.guarded("PDF", doctor.check_pdf))
    yield doctor.guarded("disk", lambda: _check_disk(asked, ends[-1]))
    for end in ends:
        yield _check_probe(asked, end, probe)
    if ends[-1].probe is not None:
        yield _check_peak(asked, ends[-1].probe.peak_memory)


def _only_warn(check: Check) -> Check:
    return Check(check.name, check.ok or None, check.found, check.remedy)


def _check_disk(asked: _Asked, end: _Extreme) -> Check:
    """Weights of every epoch of the retraining, all else of the latest two, and the trials."""
    weights = 4 * size_of(asked.base.replace(**end.params), asked.classes).parameters
    checkpoints = weights * (asked.final_epochs + _WHOLE * (2 + asked.jobs))
    needed = checkpoints + _TRIALS * _BYTES_A_TRIAL
    return doctor.check_disk(asked.run.path, max(doctor.LEAST_DISK, needed))


def _check_probe(asked: _Asked, end: _Extreme, probe: Callable[[Params], ProbeResult]) -> Check:
    name = "network" if end.only else f"{end.name} network"
    # One end that diverges or is too slow is a trial lost; the gentle end, the night.
    diverged = None if end.name == "largest" and not end.only else False
    try:
        found = end.probe = probe(end.params)
    except TrialError as error:
        ok = diverged if error.kind in ("nan", "infeasible") else False
        return Check(name, ok, f"{error.kind}: {error}", _remedy(error.kind, asked))
    missing = [metric for metric in METRICS if metric not in found.metrics]
    if missing:
        return Check(name, False, f"no metric {', '.join(missing)}", _remedy("bug", asked))
    wrong = [f"{m} is {found.metrics[m]}" for m in METRICS if not math.isfinite(found.metrics[m])]
    if wrong:
        return Check(name, diverged, ", ".join(wrong), _remedy("nan", asked))
    weights = size_of(asked.base.replace(**end.params), asked.classes).parameters
    held = "" if found.peak_memory is None else f", {size(found.peak_memory)}"
    return Check(name, True, f"{weights:,} weights, {found.seconds:.1f} s{held}")


def _check_peak(asked: _Asked, peak: int | None) -> Check:
    name = "memory of the trials"
    if peak is None:
        return Check(name, None, "could not be measured here", "keep an eye on it, or --jobs 1")
    held = _MEMORY_MARGIN * peak
    if asked.trial_memory is not None and held > asked.trial_memory:
        found = f"the largest needs {size(held)}, --trial-memory is {size(asked.trial_memory)}"
        return Check(name, False, found, f"raise --trial-memory, or {_narrower(asked)}")
    jobs = asked.fitting(peak)
    found = f"{jobs} × {size(held)} of {size(asked.available)} available"
    if jobs * held > asked.available:
        fewer = "take fewer --jobs, " if jobs > 1 else ""
        return Check(name, False, found, f"{fewer}close programs, or {_narrower(asked)}")
    return Check(name, True, found)


def _narrower(asked: _Asked) -> str:
    """What to change about the space when its largest network is too large."""
    names = [p.name for p in asked.space or () if p.name in _SIZED_BY]
    return f"narrow {', '.join(names)}" if names else "take a smaller network"


def _remedy(kind: str, asked: _Asked) -> str:
    searched = any(p.name == "learning_rate" for p in asked.space or ())
    remedies = {
        "memory": f"{_narrower(asked)}, or raise --trial-memory",
        "nan": "lower the high end of learning_rate" if searched else "lower learning_rate",
        "hang": f"see that nothing else fills this machine, or {_narrower(asked)}",
        "infeasible": "such networks are left out; where the smallest is one, raise --max-latency",
        "timeout": f"see that nothing else fills this machine, or {_narrower(asked)}",
    }
    return remedies.get(kind, "see run.log and children.log in the run's folder; fmnist doctor")
