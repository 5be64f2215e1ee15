"""Where a run ran: ``environment.json``."""

from __future__ import annotations

import platform
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

import psutil

from fmnist import backends
from fmnist.backends.policy import policy_for
from search.processes.supervisor import available_cores

_PACKAGES = (
    "fmnist-report", "tensorflow", "tensorflow-cpu", "jax", "torch", "keras", "keras-tuner",
    "optuna", "scikit-learn", "scipy", "numpy", "matplotlib", "jinja2", "weasyprint",
)  # fmt: skip


@dataclass(frozen=True)
class Environment:
    """``environment.json``: the machine and the packages."""

    python: str
    platform: str
    cpu: str
    cores: int
    memory_bytes: int
    backend: str
    device: str
    precision: str = field(default="float32", kw_only=True)
    packages: dict[str, str]


def describe(device: str = "unknown") -> Environment:
    """Where this runs.

    The backend is not imported; ``device`` is what it computes on, where that is known.

    Raises:
        UserError: an unknown precision is asked for.
    """
    policy = policy_for(backends.chosen(), "CPU" if device == "unknown" else device)
    return Environment(
        python=platform.python_version(),
        platform=platform.platform(),
        cpu=_cpu(),
        cores=available_cores(),
        memory_bytes=int(psutil.virtual_memory().total),
        backend=backends.chosen(),
        device=device,
        precision=policy.precision,
        packages=_versions(),
    )


def version() -> str:
    """The version of this program, ``0+unknown`` when it is not installed."""
    try:
        return metadata.version("fmnist-report")
    except metadata.PackageNotFoundError:
        return "0+unknown"


def _versions() -> dict[str, str]:
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
