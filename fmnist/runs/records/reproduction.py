"""How a run agrees with the one that it repeats."""

from __future__ import annotations

from dataclasses import dataclass

from fmnist.runs.records.score import Score


@dataclass(frozen=True)
class Reproduction:
    """``reproduction.json``: the same configuration, seed and data, trained anew.

    Attributes:
        source: name of the run that is repeated.
        kind: where its records were read: ``run folder`` or ``PDF``.
        recorded, repeated: on the same test images, then and now.
        difference: accuracy now minus accuracy then, a fraction.
        interval: 95 % interval of the difference.
        method: ``mcnemar`` where the earlier predictions are known, else ``newcombe``.
        p: of McNemar's exact test.
        same_predictions: test images that both give the same class.
        holds: whether the difference is within what chance allows.
        sentence: the verdict for people.
        differences: what was otherwise than in the recorded run.
    """

    source: str
    kind: str
    recorded: Score
    repeated: Score
    difference: float
    interval: tuple[float, float]
    method: str
    holds: bool
    sentence: str
    p: float | None = None
    same_predictions: int | None = None
    differences: tuple[str, ...] = ()
