"""The trend of a metric with its changes: each set of days a band, declared events as lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from cxresearch.plots.event_lines import event_lines
from cxresearch.plots.registry import draw
from cxresearch.plots.style import BAD, GOOD, INK, NEUTRAL, head, look, new_axes, percent, row_label
from cxresearch.results.units import Unit
from cxresearch.voice.when.since_when_result import SinceWhen

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@draw.register(SinceWhen)
def draw_since_when(result: SinceWhen, ax: Axes | None = None, *, group: str = "") -> Axes:
    """Draw the trend of one series, its levels, and the days on which they changed.

    Parameters
    ----------
    result : SinceWhen
    ax : Axes, optional
    group : str
        Which series, as in ``result.groups["group"]``; by default that of the first
        change, else the first.
    """
    chosen = group or _first_group(result)
    rows = result.trend[result.trend["group"] == chosen]
    changes = result.table[result.table["group"] == chosen].sort_values("since")
    with look():
        ax = ax or new_axes(9.0, 4.4)
        ax.plot(rows["day"], rows["value"], "o", color=NEUTRAL, markersize=4.5, zorder=2)
        for change in changes.to_dict("records"):
            _change(ax, change, rows)
        if result.unit is Unit.SHARE:
            percent(ax.yaxis)
        ax.set_ylabel(result.label)
        title = result.label
        if chosen != "all":
            title += f", {chosen}"
        count = f"n {rows['n'].sum():,.0f}"
        if result.unit is Unit.COUNT_A_DAY:
            count = f"{rows['n'].sum():,.0f} days"
        points = "points: equal shares of them"
        text = f"{count}; {points}; band: the days of the change, {100 * result.level:g} %"
        head(ax, row_label(title).replace("\n", " "), text)
        ax.margins(x=0.02)
        if len(rows):
            event_lines(ax, result.events, first=rows["day"].min(), last=rows["day"].max())
    return ax


def _first_group(result: SinceWhen) -> str:
    if len(result.table):
        return str(result.table["group"].iloc[0])
    if len(result.groups):
        return str(result.groups["group"].iloc[0])
    return "all"


def _change(ax: Axes, change: dict[Any, Any], rows: pd.DataFrame) -> None:
    """Draw the set of days as a band, and both levels as lines with their intervals."""
    colour = GOOD
    if change["verdict"] in ("worse", "higher"):
        colour = BAD
    ax.axvspan(change["since_low"], change["since_high"], color=colour, alpha=0.18, linewidth=0, zorder=0)
    end = change["until"]
    if pd.isna(end):
        end = rows["day"].max()
    if change["shape"] == "slide":
        days = [change["first"], change["since"], end]
        levels = [change["before"], change["before"], change["after"]]
        ax.plot(days, levels, color=INK, linewidth=2, zorder=3)
        return
    for start, stop, name in ((change["first"], change["since"], "before"), (change["since"], end, "after")):
        ax.plot([start, stop], [change[name]] * 2, color=INK, linewidth=2, zorder=3)
        ax.fill_between(
            [start, stop], change[f"{name}_low"], change[f"{name}_high"], color=INK, alpha=0.08, linewidth=0
        )
