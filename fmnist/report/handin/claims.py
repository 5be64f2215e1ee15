"""Which sentences of interpretation stand in a report, and the numbers in them.

A claim is a condition on the facts of a run here and a macro of its name in
``claims.html.j2``, which holds the words. Claims never say more than was measured: each is made
only where its numbers bear it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fmnist.report.facts import Facts
from fmnist.report.handin import errors, limits, performance, search

Numbers = dict[str, Any]


@dataclass(frozen=True)
class Claim:
    """One sentence or two.

    Attributes:
        key: name of its macro.
        find: facts to the numbers in it; None where it must not stand.
    """

    key: str
    find: Callable[[Facts], Numbers | None]


_BELOW_CONSTANT = Claim("below_constant", performance.below_constant)
_FURTHER_TRAINING = (
    Claim("more_epochs", limits.more_epochs),
    Claim("more_seeds", limits.more_seeds),
)

CLAIMS: dict[str, tuple[Claim, ...]] = {
    "related": (Claim("related_work", performance.related_work),),
    "abstract": (
        Claim("task", performance.task),
        Claim("network", performance.network),
        Claim("accuracy", performance.accuracy),
        _BELOW_CONSTANT,
        Claim("beside_dense", performance.beside_dense),
        Claim("weakest", errors.hardest),
        Claim("cut_short", limits.cut_short),
        Claim("one_training_in_short", limits.one_training_in_short),
    ),
    "performance": (
        Claim("above_dense", performance.above_dense),
        Claim("level_with_dense", performance.level_with_dense),
        Claim("below_dense", performance.below_dense),
        Claim("lead_over_dense", performance.lead_over_dense),
        Claim("dense_decided", performance.dense_decided),
        Claim("dense_undecided", performance.dense_undecided),
        Claim("below_strongest", performance.below_strongest),
        Claim("forecast", performance.forecast),
        Claim("no_anchor", performance.no_anchor),
        Claim("new_data", performance.own_pictures),
    ),
    "surprise": (
        Claim("families", errors.families),
        Claim("fall_to_test", performance.fall_to_test),
        Claim("underconfident", performance.underconfident),
        Claim("overconfident", performance.overconfident),
        Claim("view_gain", performance.view_gain),
        Claim("settling", performance.settling),
        Claim("start_kept", search.start_kept),
        Claim("search_helped", search.search_helped),
        Claim("search_unclear", search.search_unclear),
        Claim("edges", search.edges),
    ),
    "hardest": (
        Claim("hardest", errors.hardest),
        Claim("even", errors.even),
        Claim("one_sided", errors.one_sided),
        Claim("attracting", errors.attracting),
        Claim("concentrated", errors.concentrated),
        Claim("second_choice", errors.second_choice),
    ),
    "next": (
        *_FURTHER_TRAINING,
        Claim("as_many_epochs", limits.as_many_epochs),
        Claim("separate_pair", errors.separate_pair),
    ),
    "limits": (
        Claim("short_training", limits.short_training),
        Claim("few_trials", limits.few_trials),
        Claim("no_search", limits.no_search),
        Claim("unknown_spread", limits.unknown_spread),
        Claim("known_spread", limits.known_spread),
        Claim("validation_chose", limits.validation_chose),
        Claim("small_experiments", limits.small_experiments),
        Claim("other_effort", limits.other_effort),
        Claim("one_data_set", limits.one_data_set),
        Claim("ethics", limits.ethics),
    ),
    "conclusion": (
        Claim("judged", performance.judged),
        _BELOW_CONSTANT,
        Claim("where_to_gain", errors.where_to_gain),
        Claim("more_seeds_in_short", limits.more_seeds_in_short),
    ),
}
"""The claims of each paragraph, in their order."""


def standing(paragraph: str, facts: Facts) -> list[tuple[str, Numbers]]:
    """Keys and numbers of the claims of a paragraph that stand in this run."""
    found = ((claim.key, claim.find(facts)) for claim in CLAIMS[paragraph])
    return [(key, numbers) for key, numbers in found if numbers is not None]
