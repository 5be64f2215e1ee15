"""What is decided by backend and device, in one place, each with the measurement behind it.

Measured on 2 cores of an AMD EPYC (Zen 5, AVX-512), TensorFlow 2.21, Keras 3.15, JAX 0.10, the
default space's small (16, 32, 64), middle (32, 64, 128) and large (48, 96, 192) networks, images
a second; ``tests/benchmarks/throughput.py`` and ``jobs.py`` measure it anew:

- Precision: in mixed bfloat16 our loop trains 1.3 to 1.4 times the images of float32 (2.0 to 2.7
  against 1.5 to 2.0 times plain ``Model.fit``). With Keras's own layers bfloat16 gains less, as
  normalisation is some thirty operations there. On JAX on a CPU it gains nothing (0.98).
- Fused normalisation: 1.1 to 1.25 times.
- XLA on a CPU: 0.2 to 0.4 times. Keras's default there is to leave it out.
- Threads: as many as cores, TensorFlow's default; one thread between operations 0.9 times, four
  no different.
- Validation is float32, as the network is saved, whatever it is trained in.
- A GPU: nothing was measured, as none was at hand. float32, and XLA where Keras takes it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from fmnist.errors import UserError

PRECISION_VARIABLE = "FMNIST_PRECISION"
PRECISIONS = {"float32": "float32", "bfloat16": "mixed_bfloat16"}
# Processors that multiply bfloat16 in hardware say so with one of these flags.
_BFLOAT16_FLAGS = {"avx512_bf16", "amx_bf16"}
# Most trainings at once, bytes that each may need, and the time below which one is left alone.
_MOST_JOBS, _JOB_MEMORY, _SHORT_JOB = 4, 2e9, 120.0
# What Linux calls NVIDIA's and AMD's cards, TPUs, and a card seen from inside Windows' Linux.
_ACCELERATORS = ("nvidia[0-9]*", "kfd", "accel[0-9]*", "dxg")


@dataclass(frozen=True)
class Policy:
    """How a network is trained on one backend and device.

    Attributes:
        precision: Keras's dtype policy while training: ``float32``, or ``mixed_bfloat16``
            (activations and products in bfloat16, weights and statistics in float32).
        fused_normalisation: batch normalisation as one operation of the backend.
        xla: compile with XLA.
        scan: an epoch as one compiled scan (JAX).
    """

    precision: str
    fused_normalisation: bool
    xla: bool
    scan: bool


def policy_for(backend: str, device: str) -> Policy:
    """The decisions for a backend (``tensorflow``, ``jax``) on a device (``CPU``, ``GPU:0``).

    Raises:
        UserError: an unknown precision is asked for.
    """
    on_cpu = device == "CPU"
    fast = backend == "tensorflow" and on_cpu and has_bfloat16()
    return Policy(
        precision=_asked() or ("mixed_bfloat16" if fast else "float32"),
        fused_normalisation=backend == "tensorflow",
        xla=backend == "jax" or not on_cpu,
        scan=backend == "jax" and not on_cpu,
    )


def has_bfloat16(cpuinfo: Path = Path("/proc/cpuinfo")) -> bool:
    """Whether this processor multiplies bfloat16 in hardware; False where it does not say."""
    try:
        text = cpuinfo.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    lines = (line for line in text.splitlines() if line.startswith("flags"))
    return bool(_BFLOAT16_FLAGS & set(next(lines, "").split()))


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


def _asked() -> str | None:
    """What the user asks for instead, by an environment variable."""
    wanted = os.environ.get(PRECISION_VARIABLE)
    if wanted and wanted not in PRECISIONS:
        raise UserError(
            f"{PRECISION_VARIABLE} = {wanted!r}: must be one of {', '.join(PRECISIONS)}, or unset"
        )
    return PRECISIONS[wanted] if wanted else None
