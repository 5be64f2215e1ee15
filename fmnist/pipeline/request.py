"""What was asked of a job."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from fmnist.errors import UserError
from fmnist.models.caps import Caps
from fmnist.text import in_unicode
from search.engines import DEFAULT_PRUNER

LIMITS = ("trial_timeout", "trial_memory", "max_parameters", "max_size", "max_latency")
"""Fields of ``Request`` that limit each training or its network."""


@dataclass(frozen=True)
class Request:
    """What was asked: two equal requests are the same job. Goes into ``run.toml``.

    ``None`` in a size means: what the plan for the time says; ``auto``: what this machine allows.
    ``experiments`` is ``none``, ``all``, or left open: made where a search had the choice.
    ``study`` is the name of a study that other machines share, ``auto``: that of the run; then
    ``jobs`` may be 0: others train. ``prior`` is false where earlier runs are to tell nothing.

    Raises:
        UserError: a path that is no UTF-8, so that no file of the run could hold it.
    """

    kind: str = "search"
    seed: int = 0
    engine: str = "optuna"
    sampler: str = "tpe"
    space: str | None = None
    pruner: str = DEFAULT_PRUNER
    time_seconds: float | None = None
    until: str | None = None
    trials: int | None = None
    jobs: int | Literal["auto"] = "auto"
    trial_timeout: float | None = None
    trial_memory: int | None = None
    confirm: bool = True
    refit: bool | None = None
    ensemble: int | None = None
    experiments: str | None = None
    trial_images: int | None = None
    trial_epochs: int | None = None
    final_epochs: int | None = None
    validation: int | None = None
    data: str | None = None
    class_names: str | None = None
    warm_start: str | None = None
    settings: dict[str, Any] | None = None
    recipe: str | None = None
    study: str | None = None
    max_parameters: int | None = None
    max_size: int | None = None
    max_latency: float | None = None
    prior: Literal[False] | None = None

    def __post_init__(self) -> None:
        for text in vars(self).values():
            if isinstance(text, str) and (shown := in_unicode(text)) != text:
                raise UserError(f"{shown}: is not UTF-8, so no run can record it; rename it")

    @property
    def caps(self) -> Caps:
        """What the network may have at most."""
        return Caps(self.max_parameters, self.max_size, self.max_latency)

    def to_dict(self) -> dict[str, Any]:
        """Without the entries that were not given, as TOML holds it."""
        return {k: v for k, v in asdict(self).items() if v is not None}

    @property
    def wants_experiments(self) -> bool:
        """Whether there are experiments around the best configuration."""
        if self.experiments is None:
            return self.kind == "search" and self.recipe is None
        return self.experiments != "none"


@dataclass(frozen=True)
class ReportOptions:
    """How the report of a run is to look; of no consequence for its numbers.

    Attributes:
        document: texts of the title and limits of the hand-in, see ``Document``.
        templates: folder of templates in place of ours.
        questions: folder of question files in place of ours.
        text: folder of the author's own words.
        rubric: file of the parts that the hand-in must have.
        command: the command line that the report names.
    """

    document: Mapping[str, Any] = field(default_factory=dict)
    templates: Path | None = None
    questions: Path | None = None
    text: Path | None = None
    rubric: Path | None = None
    command: str = ""
