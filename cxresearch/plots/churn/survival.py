"""Pictures of churn curves, with the number at risk under the axis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cxresearch.checks import check_number
from cxresearch.churn.after.after_event_result import AfterEvent
from cxresearch.churn.curves.churn_curve_result import ChurnCurve
from cxresearch.churn.curves.churn_incidence_result import ChurnIncidence
from cxresearch.errors import ArgumentError
from cxresearch.plots.registry import draw, draw_checked
from cxresearch.plots.style import INK, MUTED, PALETTE, look, new_axes, percent
from cxresearch.results.units import Unit, format_interval, format_value
from cxresearch.stats.survival.survival_curve import KaplanMeier

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from cxresearch.aliases import Floats

#: Below this many people at risk a curve is drawn dotted: single customers move it.
FEW = 10
_ROW = 14.0  # points between lines of the table under the axis
_MOST_GROUPS = len(PALETTE)


@draw.register(ChurnCurve)
def draw_churn_curve(
    result: ChurnCurve,
    ax: Axes | None = None,
    *,
    until: float | None = None,
    axis_low: float = 0.0,
    title: str | None = None,
) -> Axes:
    """Draw survival curves with bands, direct labels, medians and the number at risk under the axis.

    Lines are dotted where fewer than ten are at risk and end where the follow-up ends.

    Parameters
    ----------
    until : float, optional
        Last time on the axis, in the unit of the curve; by default the longest follow-up.
    axis_low : float
        Where the axis of shares begins. Zero by default: a cut axis makes small differences look large.
    title : str, optional
        Instead of the one made from the result.
    """
    if len(result.groups) > _MOST_GROUPS:
        raise ArgumentError(
            f"{len(result.groups)} curves in one picture cannot be told apart",
            wanted=f"{_MOST_GROUPS} at most",
            next_step="choose groups, or draw several pictures",
        )
    axis_low = check_number("axis_low", axis_low, at_least=0, below=1)
    end = max(curve.follow_up for curve in result.curves)
    if until is not None:
        end = check_number("until", until, above=0)
    with look():
        ax = ax or new_axes(8.4, 4.6 + 0.2 * len(result.groups))
        for curve, colour in zip(result.curves, PALETTE, strict=False):
            _curve(ax, curve, colour, end, axis_low)
        if axis_low < 0.5:
            _median_line(ax, result, end)
        _dotted_note(ax, result, end)
        time_axis(ax, end, axis_low, result)
        ax.set_title(title or _title(result))
        _end_labels(ax, result, end, axis_low)
        counts = {
            group: curve.at_risk_at(ticks_of(ax))
            for group, curve in zip(result.groups, result.curves, strict=True)
        }
        write_at_risk(ax, counts, ticks_of(ax), PALETTE)
    return ax


@draw.register(KaplanMeier)
def draw_kaplan_meier(result: KaplanMeier, ax: Axes | None = None, **options: Any) -> Axes:
    """Draw a single curve; see `draw_churn_curve`."""
    whole = ChurnCurve(
        groups=("all",),
        curves=(result,),
        by="",
        kind="any",
        axis="start",
        given=0.0,
        unit=result.unit,
        level=result.level,
    )
    return draw_checked(whole, ax, **options)


@draw.register(AfterEvent)
def draw_after_event(result: AfterEvent, ax: Axes | None = None, **options: Any) -> Axes:
    """Draw both curves, with the hazard ratio in the title; see `draw_churn_curve`."""
    ratio = result.hazard_ratio
    title = (
        f"Still customers after {result.event}: hazard ratio {ratio['hazard_ratio']:.2f} "
        f"[{ratio['low']:.2f}, {ratio['high']:.2f}]"
    )
    options.setdefault("title", title)
    options.setdefault("until", result.comparison.horizon)
    return draw_checked(result.curve, ax, **options)


def _title(result: ChurnCurve) -> str:
    what = "Share of customers still there"
    if result.kind != "any":
        what += f" ({result.kind} churn)"
    if result.by:
        what += f", by {result.by}"
    return what


def _curve(ax: Axes, curve: KaplanMeier, colour: str, end: float, axis_low: float) -> None:
    """Draw one curve from 0, its band, and its median."""
    # Right-continuous steps from S(0) = 1, held until the end of follow-up.
    shown = curve.time <= end
    time = np.concatenate([[0.0], curve.time[shown]])
    survival = np.concatenate([[1.0], curve.survival[shown]])
    last = min(end, curve.follow_up)
    time = np.append(time, last)
    survival = np.append(survival, survival[-1])
    low = _held(np.concatenate([[1.0], curve.low[shown]]))
    high = _held(np.concatenate([[1.0], curve.high[shown]]))
    ax.fill_between(time, low, high, step="post", color=colour, alpha=0.16, linewidth=0)
    # Who is at risk at a time is so since the one before.
    few = np.flatnonzero(curve.at_risk[shown] < FEW)
    cut = int(few.min(initial=time.size))
    ax.step(time[: cut + 1], survival[: cut + 1], where="post", color=colour, linewidth=2, label="_curve")
    if cut < time.size - 1:
        ax.step(time[cut:], survival[cut:], where="post", color=colour, linewidth=1.6, linestyle=":")
    median = curve.median.value
    if not np.isnan(median) and median <= end and axis_low < 0.5:
        dashes: Any = (0, (4, 3))
        ax.plot([median, median], [axis_low, 0.5], color=colour, linewidth=1.1, linestyle=dashes)
        ax.plot([median], [0.5], marker="o", color=colour, markersize=5, zorder=4)


def _held(side: Floats) -> Floats:
    """Repeat the last limit to the end of the line; where the curve drops to 0 the last one there is."""
    if np.isnan(side[-1]):
        side[-1] = side[-2]
    return np.append(side, side[-1])


def _median_line(ax: Axes, result: ChurnCurve, end: float) -> None:
    medians = [curve.median.value for curve in result.curves]
    reached = [median for median in medians if median <= end]
    if reached:
        dashes: Any = (0, (4, 3))
        ax.plot([0, max(reached)], [0.5, 0.5], color=MUTED, linewidth=0.9, linestyle=dashes, zorder=1)


def _dotted_note(ax: Axes, result: ChurnCurve, end: float) -> None:
    starts = [curve.time[(curve.time <= end) & (curve.at_risk < FEW)] for curve in result.curves]
    if any(times.size and times[0] < 0.98 * end for times in starts):  # a shorter stretch cannot be seen
        ax.annotate(
            f"dotted: fewer than {FEW} at risk",
            (0.008, 0.012),
            xycoords="axes fraction",
            color=MUTED,
            fontsize=8.5,
        )


def time_axis(ax: Axes, end: float, axis_low: float, result: ChurnCurve | ChurnIncidence) -> None:
    """Set limits, ticks and labels of an axis of time and one of shares."""
    unit = result.unit
    given = getattr(result, "given", 0.0)
    ax.set_xlim(0, end * 1.006)
    ax.set_ylim(axis_low, 1 + 0.005 * (1 - axis_low))
    percent(ax.yaxis)
    if unit is Unit.MONTHS:
        end = float(np.ceil(end))
        ax.set_xlim(0, end * 1.006)
        ax.set_xticks(_month_ticks(end))
    label = f"{str(unit).capitalize()} since the {result.axis}"
    if given:
        label += f", having stayed {format_value(given, unit)}"
    ax.set_xlabel(label)
    ax.grid(visible=False, axis="x")


def _month_ticks(end: float) -> Floats:
    # Whole months, whole quarters, whole years, with at most nine intervals.
    step = next((s for s in (1, 2, 3, 6, 12, 24, 36, 60, 120) if end / s <= 9), 240)
    return np.arange(0, end + 1e-9, step)


def ticks_of(ax: Axes) -> Floats:
    """Return the ticks of time that are shown."""
    ticks = np.asarray(ax.get_xticks(), dtype=np.float64)
    return ticks[(ticks >= 0) & (ticks <= ax.get_xlim()[1])]


def _end_labels(ax: Axes, result: ChurnCurve, end: float, axis_low: float) -> None:
    """Name each curve where it ends, pushed apart where they would overlap."""
    texts = [_end_label(curve, end) for curve in result.curves]
    if result.groups != ("all",):
        texts = [f"{group}\n{text}" for group, text in zip(result.groups, texts, strict=True)]
    heights = [
        float(curve.survival_at([min(end, curve.follow_up)])["survival"].iloc[0]) for curve in result.curves
    ]
    lines = 1 + max(text.count("\n") for text in texts)
    least = (1 - axis_low) * 0.052 * lines
    placed = spread_apart(heights, least, axis_low, 1.0)
    for text, height, place, curve, colour in zip(
        texts, heights, placed, result.curves, PALETTE, strict=False
    ):
        ax.annotate(
            text,
            (min(end, curve.follow_up), height),
            xycoords="data",
            xytext=(1.02, (place - axis_low) / (1 - axis_low)),
            textcoords="axes fraction",
            color=colour,
            fontsize=9,
            va="center",
            ha="left",
            annotation_clip=False,
            arrowprops={
                "arrowstyle": "-",
                "color": colour,
                "linewidth": 0.7,
                "alpha": 0.6,
                "relpos": (0, 0.5),
                "shrinkA": 1,
                "shrinkB": 1,
            },
        )


def _end_label(curve: KaplanMeier, end: float) -> str:
    """Share with its interval, time, n and median of one curve."""
    row = curve.survival_at([min(end, curve.readable_until)]).iloc[0]
    text = format_value(float(row["survival"]), Unit.SHARE)
    if np.isfinite(row["low"]):
        text += f" {format_interval(float(row['low']), float(row['high']), Unit.SHARE)}"
    text += f"\nat {row['time']:.3g} {curve.unit}, n {curve.n:,}"
    if curve.median.value <= end:
        text += f"\nmedian {format_value(curve.median.value, curve.unit)}"
    return text


def spread_apart(heights: Sequence[float], least: float, low: float, high: float) -> list[float]:
    """Move labels as little as they must to lie ``least`` apart, within the axis where there is room."""
    order = np.argsort(heights)
    placed = np.array([heights[i] for i in order], dtype=np.float64)
    for _ in range(200):
        gaps = np.diff(placed)
        tight = np.flatnonzero(gaps < least - 1e-9)
        if not tight.size:
            break
        for i in tight:
            # Half the missing distance each way; passes until none is tight, then back within the axis.
            push = (least - (placed[i + 1] - placed[i])) / 2
            placed[i] -= push
            placed[i + 1] += push
        placed += max(low + least / 2 - placed[0], 0.0)
        placed -= max(placed[-1] - high + least / 2, 0.0)
    result = np.empty_like(placed)
    result[order] = placed
    return [float(value) for value in result]


def write_at_risk(
    ax: Axes,
    counts: dict[str, Any],
    ticks: Floats,
    colours: Sequence[str],
    title: str = "At risk",
) -> None:
    """Write the number at risk under each tick, one line a group, aligned to the axis."""
    # Number at risk under the axis (Pocock, Clayton and Altman 2002, doi:10.1016/S0140-6736(02)08594-X).
    top = -40.0
    left = -10.0 - 2.8 * max(len(f"{numbers[0]:,.0f}") for numbers in counts.values())
    ax.annotate(
        title,
        (0, 0),
        xycoords="axes fraction",
        xytext=(left, top),
        textcoords="offset points",
        ha="right",
        va="center",
        fontsize=9,
        color=INK,
        fontweight="bold",
        annotation_clip=False,
    )
    if len(counts) == 1:
        colours = [INK]
    height = top
    for (group, numbers), colour in zip(counts.items(), colours, strict=False):
        # Several groups stand below the title, each beside its name.
        if len(counts) > 1:
            height -= _ROW
            ax.annotate(
                group,
                (0, 0),
                xycoords="axes fraction",
                xytext=(left, height),
                textcoords="offset points",
                ha="right",
                va="center",
                fontsize=9,
                color=colour,
                annotation_clip=False,
            )
        for tick, number in zip(ticks, numbers, strict=True):
            ax.annotate(
                f"{number:,.0f}",
                (tick, 0),
                xycoords=("data", "axes fraction"),
                xytext=(0, height),
                textcoords="offset points",
                ha="center",
                va="center",
                fontsize=8.5,
                color=colour,
                annotation_clip=False,
            )
