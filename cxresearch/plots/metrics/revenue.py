"""Picture of an MRR bridge: a waterfall of one period, or the moves of each period."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.ticker import FuncFormatter

from cxresearch.metrics.revenue.mrr_bridge_result import MrrBridge
from cxresearch.metrics.revenue.revenue_levels import LEDGER
from cxresearch.plots.event_lines import event_lines
from cxresearch.plots.registry import draw
from cxresearch.plots.style import BAD, GOOD, GRID, INK, MUTED, NEUTRAL, PALETTE, look, new_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LABELS = {
    "opening": "Opening",
    "new": "New",
    "expansion": "Expansion",
    "reactivation": "Reactivation",
    "contraction": "Contraction",
    "churn": "Churn",
    "fx": "Currency",
    "closing": "Closing",
}
_COLOURS = {
    "new": PALETTE[0],
    "expansion": PALETTE[4],
    "reactivation": PALETTE[2],
    "contraction": PALETTE[5],
    "churn": PALETTE[1],
    "fx": NEUTRAL,
}
_PERIODS = {"day": "%d %b %Y", "week": "week of %d %b %Y", "month": "%B %Y", "year": "%Y"}


@draw.register(MrrBridge)
def draw_bridge(
    result: MrrBridge, ax: Axes | None = None, *, period: Any = None, where: Any = None, history: bool = False
) -> Axes:
    """Draw the bridge of one period, or with ``history`` the moves of all complete periods.

    Parameters
    ----------
    result : MrrBridge
        The bridge.
    ax : Axes, optional
        Where to draw.
    period : str or timestamp, optional
        Any moment of the period; the last complete one by default.
    where : mapping, optional
        The group, where the bridge has groups.
    history : bool
        Gains above the axis and losses below, one bar a period.
    """
    with look():
        axes = ax or new_axes(9.0, 4.8)
        if history:
            _history(result, axes, dict(where or {}))
        else:
            _waterfall(result, axes, period, dict(where or {}))
    return axes


def _waterfall(result: MrrBridge, ax: Axes, period: Any, group: dict[str, Any]) -> None:
    row: Any = result.table.loc[result.position(period, **group)]
    steps = [name for name in LEDGER if name != "fx" or row["fx"]]
    names = ["opening", *steps, "closing"]
    running = float(row["opening"])
    ax.bar(0, running, color=NEUTRAL, width=0.62)
    tops = [running]
    for place, name in enumerate(steps, start=1):
        change = LEDGER[name] * float(row[name])
        colour = GOOD
        if change < 0:
            colour = BAD
        # Waterfall: bar k stands on opening + the signed moves before it.
        ax.bar(place, change, bottom=running, color=colour, width=0.62)
        ax.plot([place - 0.69, place + 0.31], [running, running], color=MUTED, linewidth=0.8)
        tops.append(max(running, running + change))
        running += change
    ax.plot([len(steps) + 0.31, len(steps) + 0.69], [running, running], color=MUTED, linewidth=0.8)
    ax.bar(len(names) - 1, float(row["closing"]), color=NEUTRAL, width=0.62)
    tops.append(float(row["closing"]))
    _label_steps(ax, row, names, tops)
    _zoom(ax, row, steps, tops)
    ax.set_xticks(range(len(names)), [_LABELS[name] for name in names], color=INK)
    ax.grid(visible=False, axis="x")
    _money(ax, result.currency)
    ax.set_title(_title(result, row["period"], group))
    ax.text(0, -0.13, _footer(result), transform=ax.transAxes, color=MUTED, fontsize=8.5, va="top")


def _label_steps(ax: Axes, row: Any, names: list[str], tops: list[float]) -> None:
    for place, (name, top) in enumerate(zip(names, tops, strict=True)):
        ax.annotate(
            f"{_sign(row, name)}{abs(float(row[name])):,.0f}\n{_people(row, name)}",
            (place, top),
            xytext=(0, 4),
            textcoords="offset points",
            ha="center",
            va="bottom",
            fontsize=9,
            linespacing=1.25,
        )


def _sign(row: Any, name: str) -> str:
    """Sign of a move; levels and moves of nothing have none."""
    change = LEDGER.get(name, 0.0) * float(row[name])
    if change > 0:
        return "+"
    if change < 0:
        return "\N{MINUS SIGN}"
    return ""


def _people(row: Any, name: str) -> str:
    count = int(row.get(f"{name}_customers", 0))
    if not count:
        return ""
    if count == 1:
        return "1 customer"
    return f"{count:,} customers"


def _zoom(ax: Axes, row: Any, steps: list[str], tops: list[float]) -> None:
    """Cut the axis where the moves would be slivers, and say so: bars from a cut axis mislead otherwise."""
    # The lowest balance on the way, not only at the ends: the axis must not cut into a bar.
    running = float(row["opening"]) + np.cumsum([LEDGER[name] * float(row[name]) for name in steps])
    low = min([*running, row["opening"], row["closing"]])
    high = max(tops)
    if high <= 0:
        return
    # Above a third of the axis the moves can be read from zero.
    moved = max(high - low, 1e-9)
    if moved / high > 0.35:
        ax.set_ylim(0, high + 0.22 * high)
        return
    floor = max(low - 0.6 * moved, 0)
    ax.set_ylim(floor, high + 0.55 * moved)
    ax.text(
        0.0,
        1.0,
        f"the axis begins at {floor:,.0f}, not at 0",
        transform=ax.transAxes,
        color=BAD,
        fontsize=8.5,
        va="bottom",
    )


def _history(result: MrrBridge, ax: Axes, group: dict[str, Any]) -> None:
    rows = result.table[result.table["complete"]]
    for name, value in group.items():
        rows = rows[rows[name] == value]
    x = np.arange(len(rows))
    above = np.zeros(len(rows))
    below = np.zeros(len(rows))
    for name in LEDGER:
        change = LEDGER[name] * rows[name].to_numpy(float)
        if not change.any():
            continue
        ax.bar(x, np.maximum(change, 0), bottom=above, color=_COLOURS[name], width=0.8, label=_LABELS[name])
        ax.bar(x, np.minimum(change, 0), bottom=below, color=_COLOURS[name], width=0.8)
        # Gains stack upwards and losses downwards from 0, so that the net change lies between them.
        above = above + np.maximum(change, 0)
        below = below + np.minimum(change, 0)
    net = rows["closing"].to_numpy(float) - rows["opening"].to_numpy(float)
    ax.plot(x, net, color=INK, marker="o", markersize=3.5, linewidth=1.2, label="Net change")
    ax.axhline(0, color=MUTED, linewidth=0.8)
    ax.margins(y=0.08)
    # ceil(periods / 9): at most nine dates fit side by side.
    every = max(1, -(-len(rows) // 9))
    ax.set_xticks(x[::every], [f"{start:%b %y}" for start in rows["period"].iloc[::every]])
    ax.grid(visible=False, axis="x")
    ax.legend(
        ncols=7, loc="lower left", bbox_to_anchor=(0, -0.21), fontsize=9, handlelength=1.0, columnspacing=1.2
    )
    _money(ax, result.currency)
    ax.set_title(f"Recurring revenue gained and lost by {result.every}" + _group(group))
    _history_events(result, ax, rows["period"])


def _history_events(result: MrrBridge, ax: Axes, starts: pd.Series[Any]) -> None:
    """Draw the declared events where they lie within the bars: the k-th bar stands at k, over its period."""
    if len(starts) < 2:
        return
    first = starts.iloc[0]
    days = (starts - first).dt.days.to_numpy(float)
    # The last period is taken as long as the one before.
    days = np.append(days, 2 * days[-1] - days[-2])
    edges = np.arange(len(days)) - 0.5

    def place(day: Any) -> float:
        return float(np.interp((pd.Timestamp(day) - first).days, days, edges))

    event_lines(ax, result.events, first=first, last=first + pd.Timedelta(days=days[-1] - 1), place=place)


def _money(ax: Axes, currency: str) -> None:
    ax.yaxis.set_major_formatter(
        FuncFormatter(lambda value, _: f"{value:,.0f}".replace("-", "\N{MINUS SIGN}"))
    )
    ax.set_ylabel(", ".join(filter(None, ("MRR", currency))))
    ax.grid(visible=True, axis="y", color=GRID)


def _title(result: MrrBridge, start: pd.Timestamp, group: dict[str, Any]) -> str:
    if result.every == "quarter":
        when = f"quarter {start.quarter} of {start.year}"
    else:
        when = f"{start:{_PERIODS[result.every]}}"
    return f"MRR bridge, {when}{_group(group)}\n"


def _group(group: dict[str, Any]) -> str:
    return "".join(f", {name} {value}" for name, value in group.items())


def _footer(result: MrrBridge) -> str:
    definition = f"definition {result.profile}; every line to the cent"
    return ": ".join(filter(None, (result.name, definition)))
