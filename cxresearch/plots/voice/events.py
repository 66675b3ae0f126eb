"""A metric by weeks since an event, and what went before customers turned unhappy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cxresearch.plots.registry import draw
from cxresearch.plots.style import BAD, GOOD, INK, MUTED, NEUTRAL, head, look, new_axes, percent, row_label
from cxresearch.results.units import Unit, format_estimate
from cxresearch.voice.turning.turning_points_result import TurningPoints
from cxresearch.voice.when.around_event_result import AroundEvent

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@draw.register(AroundEvent)
def draw_around_event(result: AroundEvent, ax: Axes | None = None) -> Axes:
    """Draw the levels by week before and after; of single customers' events both sides before and after."""
    with look():
        ax = ax or new_axes(8.0, 4.2)
        if len(result.by_week):
            _weeks(ax, result)
        else:
            _sides(ax, result)
        if result.unit is Unit.SHARE:
            percent(ax.yaxis)
        ax.set_ylabel(result.label)
        text = "cannot be judged"
        if result.effect is not None:
            effect = result.effect
            figure = format_estimate(effect.difference, effect.low, effect.high, effect.unit, signed=True)
            text = f"change {figure}, {100 * result.level:g} %"
        head(ax, f"{result.label} around {result.event}", text)
    return ax


def _weeks(ax: Axes, result: AroundEvent) -> None:
    weeks = result.by_week
    # Week k holds the days 7 k to 7 k + 6: its point stands in its middle, the event between two weeks.
    middle = weeks["week"].to_numpy(float) + 0.5
    value = weeks["value"].to_numpy(float)
    reach = np.vstack([value - weeks["low"].to_numpy(float), weeks["high"].to_numpy(float) - value])
    ax.errorbar(middle, value, yerr=reach, fmt="o", color=NEUTRAL, ecolor=NEUTRAL, zorder=2)
    ax.axvline(0, color=MUTED, linestyle=":", linewidth=1)
    side = result.window_days / 7
    if len(result.table):
        levels = result.table.iloc[0]
        ax.plot([-side, 0], [levels["before"]] * 2, color=INK, linewidth=2, zorder=3)
        ax.plot([0, side], [levels["after"]] * 2, color=INK, linewidth=2, zorder=3)
    ax.set_xlabel("Weeks since the event")


def _sides(ax: Axes, result: AroundEvent) -> None:
    for row, colour in zip(result.table.to_dict("records"), (BAD, GOOD), strict=False):
        ax.plot([0, 1], [row["before"], row["after"]], "o-", color=colour, linewidth=2, label=row["who"])
    ax.set_xticks([0, 1], [f"{result.window_days} days before", f"{result.window_days} days after"])
    ax.set_xlim(-0.3, 1.3)
    if len(result.table):
        ax.legend()


@draw.register(TurningPoints)
def draw_turning_points(result: TurningPoints, ax: Axes | None = None) -> Axes:
    """Draw the rate ratio of each kind of happening with its interval, on a logarithmic axis."""
    rows = result.table[result.table["ratio"].notna()].to_dict("records")
    with look():
        ax = ax or new_axes(8.0, 1.6 + 0.42 * max(len(rows), 1))
        for place, row in enumerate(rows):
            colour = {"more often": BAD, "less often": GOOD}.get(row["verdict"], NEUTRAL)
            ax.plot([row["low"], row["high"]], [place, place], color=colour, linewidth=2)
            ax.plot(row["ratio"], place, "o", color=colour)
        ax.axvline(1, color=MUTED, linewidth=1)
        # Twice and half as often are equally far from 1 on a logarithmic axis.
        ax.set_xscale("log")
        ax.set_yticks(range(len(rows)), [row_label(row["kind"]) for row in rows], color=INK)
        ax.set_ylim(max(len(rows), 1) - 0.5, -0.5)
        _ratio_ticks(ax, rows)
        ax.set_xlabel("Times as often as to customers who stayed happy")
        base = f"{result.n_turned:,} turns, {result.n_stayed:,} stretches that ended happy"
        text = f"{base}; {100 * result.level:g} %"
        head(ax, f"Before a turn of {result.label}", text)
    return ax


def _ratio_ticks(ax: Axes, rows: list[dict[object, object]]) -> None:
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    ends = [float(str(row[name])) for row in rows for name in ("low", "high")] or [1.0]
    ticks = [
        tick
        for tick in (0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 3, 5, 10, 20)
        if min(ends) / 2 <= tick <= 2 * max(ends)
    ]
    ax.xaxis.set_major_locator(FixedLocator(ticks))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(FuncFormatter(lambda tick, _: f"{tick:g}"))
