"""Pictures of the kinds of churn, stacked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cxresearch.checks import check_number
from cxresearch.churn.curves.churn_incidence_result import ChurnIncidence
from cxresearch.errors import ArgumentError
from cxresearch.plots.churn.survival import spread_apart, ticks_of, time_axis, write_at_risk
from cxresearch.plots.registry import draw, draw_checked
from cxresearch.plots.style import GRID, INK, MUTED, PALETTE, head, look, new_axes
from cxresearch.results.units import Unit, format_interval, format_value
from cxresearch.stats.survival.aalen_johansen import CumulativeIncidence

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@draw.register(ChurnIncidence)
def draw_churn_incidence(
    result: ChurnIncidence,
    ax: Axes | None = None,
    *,
    group: str | None = None,
    until: float | None = None,
    axis_high: float | None = None,
) -> Axes:
    """Draw the kinds of churn stacked: what is left above them are the customers still there.

    Parameters
    ----------
    group : str, optional
        One group. By default all, in panels side by side; on axes given, the only one.
    until : float, optional
        Last time on the axis.
    axis_high : float, optional
        Where the axis of shares ends; by default a round number above all churn.
    """
    chosen = result.groups
    if group is not None:
        chosen = (group,)
    curves = [result[name] for name in chosen]
    if ax is not None and len(chosen) > 1:
        raise ArgumentError(
            f"{len(chosen)} groups do not fit on one axes", next_step="name one with group=, or leave ax out"
        )
    end = max(curve.event_free.follow_up for curve in curves)
    if until is not None:
        end = check_number("until", until, above=0)
    top = axis_high or _top(curves, end)
    with look():
        axes = _panels(len(chosen), ax)
        for panel, name, curve in zip(axes, chosen, curves, strict=True):
            _stack(panel, curve, end, top, labels_beside=len(axes) == 1)
            time_axis(panel, end, 0.0, result)
            panel.set_ylim(0, top)
            ticks = ticks_of(panel)
            title = ""
            if panel is axes[0]:
                title = "At risk"
            write_at_risk(panel, {name: curve.event_free.at_risk_at(ticks)}, ticks, [INK], title)
            panel.set_title(f"{name} (n {curve.n:,})")
        if len(chosen) == 1:
            base = f"n {curves[0].n:,}; {_when(curves[0], end, result.level)}"
            if chosen[0] != "all":
                base = f"{chosen[0]} {base}"
            head(axes[0], "Customers lost, by kind of churn", base)
        elif axes[0].figure is not None:
            axes[0].figure.suptitle(
                f"Customers lost, by kind of churn and {result.by}", x=0.01, ha="left", fontweight="bold"
            )
    return axes[0]


def _top(curves: Sequence[CumulativeIncidence], end: float) -> float:
    """End of the axis of shares: a round tenth above all churn."""
    # Sum over kinds of F_k(t) = 1 - S(t): the top of the stack is all churn.
    lost = [float(np.interp(end, curve.time, curve.incidence.sum(axis=1), left=0.0)) for curve in curves]
    return float(min(1.0, np.ceil((max(lost) * 1.12 + 0.01) * 10) / 10))


@draw.register(CumulativeIncidence)
def draw_cumulative_incidence(result: CumulativeIncidence, ax: Axes | None = None, **options: Any) -> Axes:
    """Draw one group; see `draw_churn_incidence`."""
    whole = ChurnIncidence(
        groups=("all",), curves=(result,), gray=(), by="", axis="start", unit=result.unit, level=result.level
    )
    return draw_checked(whole, ax, **options)


def _panels(number: int, ax: Axes | None) -> list[Axes]:
    import matplotlib.pyplot as plt

    if ax is not None:
        return [ax]
    if number == 1:
        return [new_axes(8.0, 4.6)]
    across = min(number, 3)
    down = -(-number // across)
    grid = plt.subplots(down, across, figsize=(1.4 + 3.6 * across, 4.3 * down), sharey=True, squeeze=False)[1]
    for spare in grid.ravel()[number:]:
        spare.set_axis_off()
    return list(grid.ravel()[:number])


def _when(curve: CumulativeIncidence, end: float, level: float) -> str:
    mark = min(end, curve.event_free.readable_until)
    return f"shares at {mark:.3g} {curve.event_free.unit}, {100 * level:g} % intervals"


def _stack(ax: Axes, curve: CumulativeIncidence, end: float, top: float, *, labels_beside: bool) -> None:
    shown = curve.time <= end
    last = min(end, curve.event_free.follow_up)
    mark = min(end, curve.event_free.readable_until)
    time = np.concatenate([[0.0], curve.time[shown], [last]])
    floor = np.zeros(time.size)
    heights: list[float] = []
    texts: list[str] = []
    colours: list[str] = []
    for k, kind in enumerate(curve.kinds):
        lost = np.concatenate([[0.0], curve.incidence[shown, k], curve.incidence[shown, k][-1:]])
        colour = PALETTE[k % len(PALETTE)]
        ax.fill_between(time, floor, floor + lost, step="post", color=colour, alpha=0.75, linewidth=0)
        at_end = curve.incidence_at([mark])
        share, low, high = at_end.loc[at_end["kind"] == kind, ["incidence", "low", "high"]].to_numpy()[0]
        interval = format_interval(float(low), float(high), Unit.SHARE)
        heights.append(float(floor[-1] + lost[-1] / 2))
        texts.append(f"{kind}\n{format_value(float(share), Unit.SHARE)}\n{interval}")
        colours.append(colour)
        # Each kind stands on those before it: F_1, F_1 + F_2 ...
        floor = floor + lost
    ax.step(time, floor, where="post", color=INK, linewidth=1.2)
    if last < end:
        ax.axvspan(last, end, color=GRID, alpha=0.6, linewidth=0)
    free = "still customers"
    if labels_beside:
        row = curve.event_free.survival_at([mark]).iloc[0]
        free += "\n" + format_value(float(row["survival"]), Unit.SHARE)
        if np.isfinite(row["low"]):
            free += " " + format_interval(float(row["low"]), float(row["high"]), Unit.SHARE)
    ax.annotate(free, (0.03, 0.95), xycoords="axes fraction", color=MUTED, fontsize=9.5, va="top")
    if not labels_beside:
        for line, (text, colour) in enumerate(zip(reversed(texts), reversed(colours), strict=True), start=1):
            ax.annotate(
                text.replace("\n", " "),
                (0.03, 0.95 - 0.065 * line),
                xycoords="axes fraction",
                color=colour,
                fontsize=8.5,
                va="top",
            )
        return
    for text, place, colour in zip(texts, spread_apart(heights, top * 0.17, 0.0, top), colours, strict=True):
        ax.annotate(
            text,
            (1.02, place / top),
            xycoords="axes fraction",
            color=colour,
            fontsize=9,
            va="center",
            annotation_clip=False,
        )
