"""Dots and intervals: what each variant of the configuration gains or loses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator, SymmetricalLogLocator

from fmnist.report import text
from fmnist.report.figures.classification import draw_matrix
from fmnist.report.figures.many_classes import MatrixLook
from fmnist.report.figures.style import BLUE, INK, MUTED, VERMILLION, Figure, canvas, to_svg
from fmnist.report.figures.tooltips import tell
from fmnist.report.narrative.ablation import INTERVAL, confused, span
from fmnist.runs.records.ablation import BETTER, UNDECIDED, WORSE, Experiments, Measured

TITLE_LENGTH = 44
_MARKS = {BETTER: ("o", BLUE), WORSE: ("s", VERMILLION), UNDECIDED: ("D", INK)}
# From so many times the middle effect on, one large effect would hide all others.
_WIDE, _LINEAR = 6.0, 1.0
_MATRICES = MatrixLook(height=3.2, numbers=6.5, labels=6.5, rule=0.6)


def effects_figure(found: Experiments, most: int | None = None) -> Figure:
    """All variants by their effect, the best on top; or ``most`` of them, the largest effects."""
    every = found.experiments
    largest = sorted(every, key=lambda e: -abs(e.difference))[:most]
    found = replace(found, experiments=tuple(largest))
    ranked = found.ranked
    figure, ax = canvas(0.23 * len(ranked) + 0.85)
    ax.axvline(0, color=MUTED, linewidth=0.9, zorder=1)
    for row, e in enumerate(ranked):
        _effect(ax, row, e)
    ax.set_yticks(range(len(ranked)), [_short(e.title) for e in ranked], color=INK)
    ax.set_ylim(len(ranked) - 0.5, -0.5)
    ax.grid(axis="y", visible=False)
    ax.tick_params(axis="y", length=0)
    _scale(ax, _is_wide(found))
    ax.set_xlabel("Validation accuracy minus that of the configuration as it is, percentage points")
    return Figure(to_svg(figure), _alt(found), _caption(found, len(every)), _table(found))


def confusions_figure(found: Experiments, names: Sequence[str]) -> Figure | None:
    """Both confusion matrices of the experiment on augmentation; None without or of many classes.

    Args:
        names: of the classes.
    """
    e = next((e for e in found.experiments if e.confusions), None)
    if e is None or e.confusions is None or len(names) > text.FEW_CLASSES:
        return None
    pair = [np.array(counts) for counts in (e.confusions.base, e.confusions.variant)]
    most = max(int((counts - np.diag(np.diag(counts))).max()) for counts in pair)
    figure, axes = canvas(_MATRICES.height, 1, 2, sharey=True)
    titles = ("As it is", text.sentence(e.title)[:-1])
    for ax, counts, title in zip(axes, pair, titles, strict=True):
        draw_matrix(ax, counts, names, _MATRICES, most)
        ax.set_title(f"{title}: {text.percent(np.trace(counts) / counts.sum(), digits=e.digits)}")
    axes[1].set_ylabel("")
    trainings = text.counted(e.seeds, "training")
    return Figure(
        to_svg(figure),
        f"Two confusion matrices of {len(names)} classes, {titles[0].lower()} and {e.title}. "
        f"{confused(e, names)}",
        f"Confusion matrices of the configuration as it is and {e.title}: counts over "
        f"{trainings} of each on the same {text.counted(e.validation, 'validation image')}; rows "
        "are true classes, columns predicted ones.",
    )


def _effect(ax: Axes, row: int, e: Measured) -> None:
    marker, color = _MARKS[e.verdict]
    low, high = (100 * bound for bound in e.shown_interval)
    ax.hlines(row, low, high, color=color, linewidth=1.4, zorder=3)
    ax.plot(
        100 * e.difference, row, marker, color=color, markersize=5, zorder=4,
        markerfacecolor="white" if e.verdict == UNDECIDED else color,
    )  # fmt: skip
    tell(ax, [(100 * e.difference, row, _said(e))])


def _said(e: Measured) -> str:
    difference = text.signed_points(e.difference, digits=e.digits)
    shown = f"{difference} (interval {span(e, adjusted=True)})"
    return f"{text.sentence(e.title)[:-1]}: {shown}, {e.verdict}"


def _is_wide(found: Experiments) -> bool:
    """Whether one effect is so large that the others would be hard to tell apart."""
    ends = sorted(max(abs(bound) for bound in e.shown_interval) for e in found.experiments)
    middle = ends[len(ends) // 2]
    return len(ends) > 1 and 100 * ends[-1] > _WIDE * max(_LINEAR, 100 * middle)


def _scale(ax: Axes, wide: bool) -> None:
    if wide:
        ax.set_xscale("symlog", linthresh=_LINEAR, linscale=1.2)
        ax.xaxis.set_major_locator(SymmetricalLogLocator(base=10, linthresh=_LINEAR, subs=[1, 3]))
    else:
        ax.xaxis.set_major_locator(MaxNLocator(7, steps=[1, 2, 5, 10]))
        ax.margins(x=0.06)
    ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:.3g}".replace("-", "−")))


def _short(title: str) -> str:
    return title if len(title) <= TITLE_LENGTH else title[: TITLE_LENGTH - 1] + "…"


def _alt(found: Experiments) -> str:
    shown = "; ".join(_said(e) for e in found.ranked)
    number = text.counted(len(found.experiments), "variant")
    return f"Dot plot of {number} of the configuration, the best first: {shown}."


def _caption(found: Experiments, every: int) -> str:
    shown = len(found.experiments)
    which = f"the {shown} of {every} variants that differ most gain or lose"
    caption = (
        f"What {'each variant gains or loses' if shown == every else which} in validation "
        "accuracy, with its interval, "
        "corrected for the number of experiments. Filled marks: a difference is told, round where "
        "the variant is better, square where it is worse; open diamonds: not decided."
    )
    if _is_wide(found):
        caption += f" Beyond {_LINEAR:g} percentage point the axis is logarithmic."
    return caption


def _table(found: Experiments) -> list[list[str]]:
    return [
        ["Variant", "Difference", INTERVAL, "p", "p (Holm)", "Verdict"],
        *(
            [
                e.title,
                text.signed_points(e.difference, digits=e.digits),
                span(e),
                text.p_value(e.p),
                text.p_value(e.p_holm),
                e.verdict,
            ]
            for e in found.ranked
        ),
    ]
