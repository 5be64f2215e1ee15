"""What a search starts from: its space, the configuration around it, its first trial."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from fmnist.config.config import Config
from fmnist.config.spaces import SPACES, named_space, without
from fmnist.errors import UserError
from fmnist.models.caps import Excess
from fmnist.pipeline.planner.profiles import profile_for
from fmnist.pipeline.request import Request
from fmnist.pipeline.space_bounds import narrow
from fmnist.runs.artifacts import PLAN
from fmnist.runs.config_source import load_config
from fmnist.runs.folder import Run
from fmnist.runs.records.plan import RunProfile
from search.space import SearchSpace


@dataclass(frozen=True)
class SearchSetup:
    """What a search starts from.

    Attributes:
        space: what is searched.
        name: of the space, or the path of its file.
        base: configuration whose fields hold where the space does not search them.
        first_trials: the base itself where it lies in the space; of an imported run that is
            searched on as it is, further ones of its best.
    """

    space: SearchSpace
    name: str
    base: Config
    first_trials: tuple[dict[str, Any], ...]


def build_search_setup(
    plan: RunProfile,
    *,
    space: str | None,
    warm_start: Path | None,
    settings: Mapping[str, Any],
    excess: Excess = lambda _: "",
) -> SearchSetup:
    """The plan's space and configuration, or what was asked for instead.

    Args:
        space: a name or a file.
        warm_start: file of a configuration, or a run; one that was read in brings its space.
        settings: values of single fields, which are not searched then.
        excess: what of a network is above a cap, see ``Caps.excess``.

    Raises:
        UserError: no such space or file, nothing is left to search, or the configuration to start
            from is above a cap.
        ConfigError: a value against its rule.
    """
    from fmnist.pipeline.warm_start import is_imported, load_warm_start

    imported = load_warm_start(warm_start) if warm_start and is_imported(warm_start) else None
    name = space or (str(warm_start) if imported else plan.space)
    found = without(imported.space if imported and not space else named_space(name), settings)
    base = load_config(warm_start) if warm_start else Config(**plan.base)
    base = base.replace(**settings)
    if above := excess(base):
        raise UserError(
            f"{warm_start or 'the configuration to start from'}: {above}; give a smaller network "
            "(--set width=0.5, say) or a higher limit"
        )
    if name in SPACES and plan.most_cost is not None:
        found = narrow(found, base, plan.most_cost)
    values = base.to_dict()
    first = {p.name: values[p.name] for p in found}
    tried = [first]
    if imported and not (space or settings):
        tried += [p for p in imported.first_trials if p != first]
    return SearchSetup(found, name, base, tuple(p for p in tried if found.contains(p)))


def search_setup_of(request: Request) -> Callable[[RunProfile], SearchSetup]:
    """``build_search_setup`` for what was asked, under any plan."""
    return partial(
        build_search_setup,
        space=request.space,
        warm_start=Path(request.warm_start) if request.warm_start else None,
        settings=request.settings or {},
        excess=request.caps.excess,
    )


def load_or_make_profile(run: Run, seconds: float | None, request: Request) -> RunProfile:
    """The plan that ``run`` began with; of a new one that for the time.

    A run taken up again has less time to its deadline, but is the same search.
    """
    plan = run.get(PLAN)
    if plan:
        return plan.sizes
    if request.warm_start or not request.caps:
        return profile_for(seconds)
    return profile_for(seconds, settings=request.settings, excess=request.caps.excess)
