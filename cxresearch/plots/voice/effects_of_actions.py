"""Picture of what actions did: one point with its interval for each action and outcome, in margins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cxresearch.errors import DataError
from cxresearch.plots.registry import draw
from cxresearch.plots.style import BAD, GOOD, INK, MUTED, NEUTRAL, beside, head, look, new_axes, rows_axis
from cxresearch.results.units import Unit, format_estimate
from cxresearch.voice.recovery.recovery import Recovery

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COLOURS = {"helps": GOOD, "hurts": BAD}


@draw.register(Recovery)
def draw_recovery(result: Recovery, ax: Axes | None = None) -> Axes:
    """Draw effects in units of the margin that matters, so that shares, scores and money share an axis.

    Between -1 and 1 lies what does not matter. Beside each point stand effect and interval in their own unit
    and the verdict; a hollow mark is the plain difference of the arms, which is not the effect.
    """
    rows = []
    if "effect" in result.table:
        rows = result.table.dropna(subset=["effect"]).to_dict("records")
    if not rows:
        raise DataError("no effect could be estimated", next_step="print the result")
    with look():
        ax = ax or new_axes(9.5, 1.9 + 0.55 * len(rows))
        # Effect / margin: within -1 to 1 no effect matters, whatever its unit.
        ax.axvspan(-1, 1, color=NEUTRAL, alpha=0.25, linewidth=0)
        ax.axvline(0, color=INK, linewidth=1)
        for place, row in enumerate(rows):
            _point(ax, place, row)
        labels = [str(row["outcome"]) for row in rows]
        if len({row["action"] for row in rows}) > 1:
            labels = [f"{row['action']}: {row['outcome']}" for row in rows]
        rows_axis(ax, np.arange(len(rows)), labels)
        ax.set_ylim(len(rows) - 0.4, -0.6)
        ax.set_xlabel("Effect in units of the smallest effect that matters (grey: does not matter)")
        head(
            ax,
            f"What was done within {result.grace_days:g} days of an unhappy answer to {result.question}",
            f"{result.n:,} moments of {result.n_customers:,} customers; {100 * result.level:g} % intervals; "
            "hollow: plain difference",
        )
    return ax


def _point(ax: Axes, place: int, row: dict[Any, Any]) -> None:
    margin = row["margin"]
    colour = _COLOURS.get(row["verdict"], MUTED)
    ax.plot([row["low"] / margin, row["high"] / margin], [place, place], color=colour, linewidth=2)
    ax.plot([row["effect"] / margin], [place], "o", color=colour, markersize=7)
    ax.plot(
        [row["naive"] / margin], [place], "o", markerfacecolor="none", markeredgecolor=MUTED, markersize=6
    )
    written = format_estimate(
        row["effect"], row["low"], row["high"], Unit(row["difference_unit"]), signed=True
    )
    beside(ax, place, f"{written}  {row['verdict']}", colour=colour)
