"""The sealed test set: it opens after every choice, and every opening is written down."""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from fmnist.data.ledger import Ledger
from fmnist.errors import SealError

OPENING_STAGES = ("evaluate", "gallery")
"""The stages that may read the test images: by then every choice has been made."""

Contents = tuple[NDArray[np.uint8], NDArray[np.int64]]


class SealedTest:
    """Test images and labels that nobody reads in passing.

    The arrays live in a closure, so no attribute leads to them and ``repr``, ``vars`` and
    ``pickle`` show none of them.

    Args:
        images: uint8 [N, 28, 28, 1].
        labels: int64 [N].
        ledger: where openings are recorded, unless ``open`` is given another.
    """

    __slots__ = ("__contents", "__ledger", "__n")

    def __init__(
        self,
        images: NDArray[np.uint8],
        labels: NDArray[np.int64],
        ledger: Ledger | None = None,
    ) -> None:
        images, labels = images.view(), labels.view()
        images.setflags(write=False)
        labels.setflags(write=False)
        self.__contents: Callable[[], Contents] = lambda: (images, labels)
        self.__ledger = ledger
        self.__n = len(labels)

    @property
    def n(self) -> int:
        """Number of test images; reading it opens nothing."""
        return self.__n

    def open(self, stage: str, purpose: str, ledger: Ledger | None = None) -> Contents:
        """Record the opening, then hand out images uint8 [N, 28, 28, 1] and labels int64 [N].

        Raises:
            SealError: ``stage`` is none of ``OPENING_STAGES``, ``purpose`` is empty or there is
                no ledger.
        """
        if stage not in OPENING_STAGES:
            raise SealError(
                f"stage {stage!r} tried to read the test set ({purpose}); only the stages "
                f"{' and '.join(OPENING_STAGES)} may, after every choice has been made on "
                "validation data"
            )
        ledger = ledger or self.__ledger
        if ledger is None or not purpose.strip():
            raise SealError("the test set opens only with a ledger and a purpose to write in it")
        ledger.record(stage, "test", self.__n, purpose)
        return self.__contents()

    def __repr__(self) -> str:
        return f"SealedTest(n={self.__n})"

    def __reduce__(self) -> NoReturn:
        raise SealError(
            "the sealed test set cannot be pickled or copied: hand other processes the "
            "training arrays, or let them load the data themselves"
        )
