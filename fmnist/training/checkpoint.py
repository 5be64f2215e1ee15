"""A training that can be taken up again: everything it depends on, in one file an epoch.

The file holds the weights as they would be saved; the variables of network and optimiser (seeds of
dropout included), the state of the generator that shuffles and augments, the progress of the
learning rate and the epochs so far. So a training that goes on from it is the training that was
never interrupted.
"""

from __future__ import annotations

import dataclasses
import json
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from search.atomic import atomic_write
from search.checksums import keep_checksums, verify_checksum
from search.records import Epoch

if TYPE_CHECKING:
    from fmnist.backends.base import Loop
    from fmnist.training.lr_schedule import LearningRateSchedule

# A file of another layout counts as damaged: its training starts anew.
_LAYOUT = 2
_PATTERN = "epoch_*.npz"


def file(folder: Path, epoch: int) -> Path:
    """The checkpoint after ``epoch``."""
    return folder / f"epoch_{epoch:04d}.npz"


def save(
    folder: Path,
    loop: Loop,
    rng: np.random.Generator,
    pace: LearningRateSchedule,
    epochs: Sequence[Epoch],
    *,
    keep: bool,
) -> None:
    """Write the checkpoint after the last of ``epochs``; without ``keep`` the earlier ones go.

    With it the weights of all epochs stay. To go on from there are the latest two.

    Raises:
        OSError: no room; the earlier checkpoints are as before.
    """
    state = {
        "layout": _LAYOUT,
        "epochs": [dataclasses.asdict(e) for e in epochs],
        "rng": rng.bit_generator.state,
        "progress": pace.progress,
    }
    arrays = {"state": np.array(json.dumps(state))}
    arrays |= {f"weight_{i}": w for i, w in enumerate(loop.weights())}
    arrays |= {f"variable_{i}": np.asarray(v) for i, v in enumerate(loop.variables)}
    keep_checksums(folder)
    target = file(folder, epochs[-1].epoch)
    atomic_write(target, lambda path: np.savez(path, allow_pickle=False, **arrays))
    if not keep:
        for path in set(folder.glob(_PATTERN)) - {target}:
            path.unlink(missing_ok=True)
    elif (before := file(folder, epochs[-1].epoch - 2)).is_file():
        _keep_weights(before)


def _keep_weights(path: Path) -> None:
    """Leave only the weights of a checkpoint: a quarter of it, or a fifth."""
    kept = {f"weight_{i}": w for i, w in enumerate(weights(path))}
    atomic_write(path, lambda target: np.savez(target, allow_pickle=False, **kept))


def epochs_in(folder: Path) -> tuple[Epoch, ...]:
    """The epochs behind the newest checkpoint; none where there is none that can be read."""
    state, _ = _newest(folder)
    return tuple(Epoch(**e) for e in state["epochs"]) if state else ()


def resume(
    folder: Path, loop: Loop, rng: np.random.Generator, pace: LearningRateSchedule
) -> list[Epoch]:
    """Put network, optimiser, generator and schedule where the newest checkpoint left them.

    Returns the epochs behind it; an empty list, and nothing changed, where there is none.
    """
    state, path = _newest(folder)
    if not state or path is None:
        return []
    with np.load(path) as arrays:
        for i, variable in enumerate(loop.variables):
            variable.assign(arrays[f"variable_{i}"])
    rng.bit_generator.state = state["rng"]
    pace.progress = state["progress"]
    return [Epoch(**e) for e in state["epochs"]]


def weights(path: Path) -> list[NDArray[Any]]:
    """The weights in a checkpoint, as ``keras.Model.set_weights`` takes them.

    Raises:
        ChecksumError: it is damaged.
    """
    verify_checksum(path)
    with np.load(path) as arrays:
        count = sum(name.startswith("weight_") for name in arrays.files)
        return [arrays[f"weight_{i}"] for i in range(count)]


def _newest(folder: Path) -> tuple[dict[str, Any] | None, Path | None]:
    for path in sorted(folder.glob(_PATTERN), reverse=True):
        try:
            verify_checksum(path)
            # Opened here: NumPy leaves a damaged file open.
            with path.open("rb") as opened, np.load(opened) as arrays:
                state: dict[str, Any] = json.loads(str(arrays["state"]))
                if state.get("layout") == _LAYOUT:
                    return state, path
        except (OSError, ValueError, KeyError, zipfile.BadZipFile):
            continue  # damaged: the one before will do
    return None, None
