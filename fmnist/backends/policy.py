"""What is decided by backend and device, in one place, each with the measurement behind it.

Measured on 2 cores of an AMD EPYC (Zen 5, AVX-512), TensorFlow 2.21, Keras 3.15, JAX 0.10, the
default space's small (16, 32, 64), middle (32, 64, 128) and large (48, 96, 192) networks, images
a second; ``tests/benchmarks/throughput.py`` and ``jobs.py`` measure it anew:

- Precision: in mixed bfloat16 our loop trains 1.3 to 1.4 times the images of float32 (2.0 to 2.7
  against 1.5 to 2.0 times plain ``Model.fit``). With Keras's own layers bfloat16 gains less, as
  normalisation is some thirty operations there. On JAX on a CPU it gains nothing (0.98).
- Fused normalisation: 1.1 to 1.25 times. Of the plan's compact, short and long network on a Xeon
  with AMX (``tests/benchmarks/step.py``), Adam's step fused as well: 1.18, 1.59, 1.32 times.
- Gradients of kernels summed over images first, beside that: 1.20, 1.63, 1.54 times. Without AMX
  they are slower.
- XLA on a CPU: 0.2 to 0.4 times. Keras's default there is to leave it out.
- oneDNN, which TensorFlow's default leaves out where a processor has no AVX-512: 1.4 to 1.8 times
  on an EPYC of Zen 3. ``configure`` asks for it, unless TF_ENABLE_ONEDNN_OPTS is set.
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


@dataclass(frozen=True)
class Policy:
    """How a network is trained on one backend and device.

    Attributes:
        precision: Keras's dtype policy while training: ``float32``, or ``mixed_bfloat16``
            (activations and products in bfloat16, weights and statistics in float32).
        fused: batch normalisation and Adam's step as one operation each of the backend.
        images_first: the gradients of kernels are summed over images, then over small maps.
        xla: compile with XLA.
        scan: an epoch as one compiled scan (JAX).
    """

    precision: str
    fused: bool
    images_first: bool
    xla: bool
    scan: bool


def policy_for(backend: str, device: str) -> Policy:
    """The decisions for a backend (``tensorflow``, ``jax``) on a device (``CPU``, ``GPU:0``).

    Raises:
        UserError: an unknown precision is asked for.
    """
    on_cpu = device == "CPU"
    flags = processor_flags() if backend == "tensorflow" and on_cpu else frozenset()
    precision = _asked() or ("mixed_bfloat16" if _BFLOAT16_FLAGS & flags else "float32")
    return Policy(
        precision=precision,
        fused=backend == "tensorflow",
        images_first=precision == "mixed_bfloat16" and "amx_bf16" in flags,
        xla=backend == "jax" or not on_cpu,
        scan=backend == "jax" and not on_cpu,
    )


def processor_flags(cpuinfo: Path = Path("/proc/cpuinfo")) -> frozenset[str]:
    """What this processor says that it can do; nothing where it does not say."""
    try:
        text = cpuinfo.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return frozenset()
    lines = (line for line in text.splitlines() if line.startswith("flags"))
    return frozenset(next(lines, "").partition(":")[2].split())


def _asked() -> str | None:
    """What the user asks for instead, by an environment variable."""
    wanted = os.environ.get(PRECISION_VARIABLE)
    if wanted and wanted not in PRECISIONS:
        raise UserError(
            f"{PRECISION_VARIABLE} = {wanted!r}: must be one of {', '.join(PRECISIONS)}, or unset"
        )
    return PRECISIONS[wanted] if wanted else None
