"""The preflight: what would spoil the night is found before it begins."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from fmnist.backends import environment
from fmnist.backends.parallelism import accelerator_in_sight
from fmnist.config.config import Config
from fmnist.errors import UserError
from fmnist.pipeline import doctor
from fmnist.pipeline.dry_run import measure_latency, measure_speed, probe
from fmnist.pipeline.flip_policy import disable_flips
from fmnist.pipeline.planner.costs import relative_cost, slowness_of
from fmnist.pipeline.planner.forecast import forecast, training_work
from fmnist.pipeline.planner.revision import DEPARTURE
from fmnist.pipeline.planner.sizing import (
    choose_jobs,
    choose_profile,
    choose_workload,
    describe_profile,
    experiments_fit,
    plan_baseline,
)
from fmnist.pipeline.preflight_checks import preflight as examine
from fmnist.pipeline.prior import choose_prior
from fmnist.runs.artifacts import ENVIRONMENT, PREFLIGHT, SPACE

if TYPE_CHECKING:
    from fmnist.pipeline.context import Context

_MEASURED_FROM = 300.0
"""Seconds of a run from which on the network that it trains is measured, too."""


def preflight(job: Context) -> None:
    """Measure the machine and size the run by it; try the ends of the space; look at the rest."""
    speed = fit_to_machine(job)
    record = examine(
        job.run,
        job.space if job.planner.plan.searched else None,  # else there is no search
        job.base,
        jobs=job.planner.jobs,
        fewer=job.request.jobs == "auto",
        classes=len(job.data.class_names),
        probe=lambda params: probe(job, params),
        speed=speed,
        slowness=job.planner.slowness,
        rendering=job.planner.rendering,
        excess=job.excess,
        trial_memory=job.request.trial_memory,
        final_epochs=_checkpoints(job),
        on_check=job.display.check,
    )
    told = job.workers.supervisor(job.planner.jobs).device
    job.set_parallelism(record.jobs)
    job.run.write(ENVIRONMENT, environment.describe(device=str(told)))
    job.planner.note("preflight", "all checks passed")
    if job.request.kind == "search":
        alone = job.request.jobs != 0
        job.note(
            "preflight",
            job.planner.describe_parallelism() if alone else "other machines train the trials",
        )
    choose_prior(job)
    # Whoever is killed after the next line goes on by the plan.
    job.save_plan()
    job.run.write(PREFLIGHT, record)


def fit_to_machine(job: Context) -> float | None:
    """Measure how fast this machine trains, and choose parallelism, network and sizes by it.

    Nothing is measured where nothing depends on it: no time to plan, every size as asked.
    """
    _fit_to(job, _device(job))
    speed = None if _all_asked(job) else measure_speed(job)
    job.planner.slowness = slowness_of(speed)
    if speed is not None:
        job.planner.rendering = doctor.rendering_slowness()
        job.planner.slowness = max(job.planner.slowness, job.planner.rendering)
        _fit_to_speed(job, speed)
        _fit_to_network(job, speed)
    if job.request.caps and (above := _excess(job, job.base)):
        raise UserError(
            f"the configuration to start from: {above}; give a smaller network (--set width=0.5, "
            "say) or a higher limit"
        )
    return speed


def _fit_to_network(job: Context, speed: float) -> None:
    """Choose anew where the chosen network trains much slower than is reckoned for it.

    Narrow ones were seen to: with half the width one trained 0.46 times as fast. One that seems
    faster is left to the first trial to show: three of three such measurements were a fast moment
    of a busy machine. In runs of a few minutes its compiling is not worth it.
    """
    total, cost = job.budget.total, relative_cost(job.base)
    own = measure_speed(job, job.base) if total is not None and total >= _MEASURED_FROM else None
    if own is None or own * cost / speed > 1 / DEPARTURE:
        return
    faster = own * cost / speed
    job.note("preflight", f"this network trains {faster:.2f} times as fast as reckoned")
    _fit_to_speed(job, speed, faster)


def _excess(job: Context, config: Config) -> str:
    """What of a network is above a cap; its time is measured where there is a cap for it."""
    caps = job.request.caps
    above = job.excess(config) if caps else ""
    if above or caps.latency is None:
        return above
    return caps.excess_latency(measure_latency(job, config))


def _all_asked(job: Context) -> bool:
    request = job.request
    sizes = (request.trials, request.trial_images, request.trial_epochs, request.final_epochs)
    asked = None not in sizes and not (request.wants_experiments or request.caps)
    return job.budget.total is None and asked


def _fit_to_speed(job: Context, speed: float, faster: float = 1.0) -> None:
    """Choose network and sizes anew; see ``profile_for``.

    Args:
        faster: than reckoned for the network, so many times.
    """
    planner, request, own_speed = job.planner, job.request, speed * faster
    planner.plan = choose_profile(
        request,
        job.budget.total,
        lambda: job.data,
        speed=own_speed,
        jobs=planner.jobs,
        base=job.base,
        excess=lambda config: _excess(job, config),
    )
    if job.setup_for is not None:
        setup = job.setup_for(planner.plan)
        job.base, job.space, job.first_trials = setup.base, setup.space, setup.first_trials
        disable_flips(job)
        job.run.write(SPACE, job.space)
    workload = choose_workload(request, planner.plan, job.base, job.space)
    if request.experiments is None and job.budget.total is not None:
        kept = workload.ablation_seconds(job.budget.total)
        fit = kept > 0 and experiments_fit(job.base, own_speed, planner.jobs, kept)
        workload = replace(workload, experiments=fit)
    if request.kind == "search" and not request.recipe:
        classes, images = len(job.data.class_names), len(job.splits.train)
        total, slowness = job.budget.total, planner.slowness
        epochs, kept = plan_baseline(job.base, classes, images, speed, total, slowness)
        workload = replace(workload, baseline=kept, baseline_epochs=epochs)
    planner.workload = workload
    planner.expected_epoch = len(job.splits.train) * relative_cost(job.base) / own_speed
    if request.data is None and job.budget.total is not None:
        images = len(job.splits.train)
        work = training_work(job.base, planner.plan.final_epochs, images)
        planner.forecast = forecast(work)
    if not planner.plan.searched:
        job.set_parallelism(1)  # the one trial and the final training have the same process
    job.workers.forget_training()
    job.note("preflight", describe_profile(planner.plan, speed, planner.forecast))


def _checkpoints(job: Context) -> int:
    """Checkpoints of final trainings that lie on the disk at one time, at most."""
    workload = job.planner.workload
    trainings = 1 + max(workload.refit, workload.members)  # the members come when the refit is gone
    return trainings * math.ceil(job.planner.plan.stretch * job.planner.plan.final_epochs)


def _device(job: Context) -> str | None:
    """What the children compute on; None where they cannot even say that."""
    supervisor = job.workers.supervisor(job.planner.jobs)
    # Importing is not what the probes measure.
    supervisor.warm()
    supervisor.wait_until_warm()
    return None if supervisor.device is None else str(supervisor.device)


def _fit_to(job: Context, device: str | None) -> None:
    """Decide anew how many train at once, where the device was guessed wrong."""
    if device is not None and (device != "CPU") != accelerator_in_sight():
        job.set_parallelism(choose_jobs(job.request, job.budget.total, device))
