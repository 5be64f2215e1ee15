"""Plot of the calibration: what the probabilities promise against how often they are right."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator, PercentFormatter

from fmnist.report import text
from fmnist.report.figures.style import BLUE, INK, MUTED, SKY, VERMILLION, Figure, canvas, to_svg
from fmnist.report.figures.tooltips import tell
from fmnist.runs.records.calibration import Calibrated, Calibration

FEW = 20
"""A bin of fewer images is drawn pale: the standard error of its share may pass ten points."""
SIDES = ("Before", "After")


def reliability_figure(found: Calibration) -> Figure:
    """Reliability diagrams before and after temperature scaling, counts of images below."""
    figure, axes = canvas(
        3.7, 2, 2, sharex=True, sharey="row", gridspec_kw={"height_ratios": [3, 1]}
    )
    titles = ("As the network gives them", f"After the temperature {_shown(found)}")
    for column, side in enumerate((found.before, found.after)):
        _diagram(axes[0][column], side)
        _counts(axes[1][column], side)
        axes[0][column].set_title(titles[column])
    axes[0][0].set_ylabel("Share that is right")
    axes[1][0].set_ylabel("Images")
    for ax in axes[1]:
        ax.set_xlabel("Probability of the predicted class")
    return Figure(to_svg(figure), _alt(found), _caption(found), _table(found))


def _shown(found: Calibration) -> str:
    return f"{found.temperature:.2f}"


def _diagram(ax: Axes, side: Calibrated) -> None:
    ax.plot([0, 1], [0, 1], color=MUTED, linewidth=0.9, linestyle=(0, (4, 2)), zorder=2)
    points = _points(side)
    for confidence, accuracy, n in points:
        color = SKY if n < FEW else BLUE
        ax.vlines(
            confidence, confidence, accuracy, color=VERMILLION, linewidth=2.2,
            alpha=0.35 if n < FEW else 0.8, zorder=3,
        )  # fmt: skip
        ax.plot(
            confidence, accuracy, "o", color=color, markersize=5, zorder=4, markeredgecolor="white",
            markeredgewidth=0.5,
        )  # fmt: skip
    ax.annotate(
        f"ECE {text.percent(side.ece)}", (0.05, 0.9), xycoords="axes fraction", color=INK,
        fontsize=8.5,
    )  # fmt: skip
    tell(ax, [(c, a, _said(c, a, n)) for c, a, n in points])
    ax.set_xlim(0, 1.02)
    ax.set_ylim(0, 1.04)
    share = PercentFormatter(1, decimals=0, symbol=text.THIN + "%")
    ax.yaxis.set_major_formatter(share)
    ax.xaxis.set_major_formatter(share)
    ax.yaxis.set_major_locator(MaxNLocator(5))


def _said(confidence: float, accuracy: float, n: int) -> str:
    return (
        f"Mean probability {text.percent(confidence, digits=1)}, right "
        f"{text.percent(accuracy, digits=1)} of {text.counted(n, 'image')}"
    )


def _counts(ax: Axes, side: Calibrated) -> None:
    width = 1 / len(side.counts)
    places = [(k + 0.5) * width for k in range(len(side.counts))]
    ax.bar(places, side.counts, width=0.86 * width, color=SKY, zorder=2)
    ax.yaxis.set_major_locator(MaxNLocator(3, integer=True))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda n, _: text.count(round(n))))


def _points(side: Calibrated) -> list[tuple[float, float, int]]:
    rows = zip(side.confidence, side.accuracy, side.counts, strict=True)
    return [(c, a, n) for c, a, n in rows if c is not None and a is not None]


def _alt(found: Calibration) -> str:
    before, after = found.before, found.after
    return (
        "Two reliability diagrams with a bar chart of image counts below each: the share of "
        "correct predictions against the probability of the predicted class. Before temperature "
        f"scaling the expected calibration error is {text.percent(before.ece)}, after it "
        f"{text.percent(after.ece)}."
    )


def _caption(found: Calibration) -> str:
    total = sum(found.before.counts)
    return (
        f"How often the network is right, against the probability it states, for the "
        f"{text.count(total)} test images in {found.bins} bins of equal width. On the dashed "
        "line the two agree; the upright strokes are the gaps. Below: images in each bin; bins "
        f"with fewer than {FEW} images are shown in a lighter colour."
    )


def _table(found: Calibration) -> list[list[str]]:
    head = [
        "Probability",
        *(f"{side}: {what}" for side in SIDES for what in ("images", "mean probability", "right")),
    ]
    rows = []
    for k in range(found.bins):
        sides = (found.before, found.after)
        if any(side.counts[k] for side in sides):
            rows.append([_span(k, found.bins), *(cell for side in sides for cell in _row(side, k))])
    return [head, *rows]


def _span(k: int, bins: int) -> str:
    return text.interval((k / bins, (k + 1) / bins), digits=1)


def _row(side: Calibrated, k: int) -> list[str]:
    return [text.count(side.counts[k]), _cell(side.confidence[k]), _cell(side.accuracy[k])]


def _cell(value: float | None) -> str:
    return "–" if value is None else text.percent(value, digits=1)
