"""Picture of what customers write before a day and since: one row a theme, from one share to the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from cxresearch.errors import DataError
from cxresearch.plots.registry import draw
from cxresearch.plots.style import BAD, GOOD, INK, MUTED, head, look, new_axes, percent, row_label
from cxresearch.voice.answers.four_answers_result import FourAnswers

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@draw.register(FourAnswers)
def draw_before_and_since(result: FourAnswers, ax: Axes | None = None, *, most: int = 12) -> Axes:
    """Draw the share of comments of each theme before the fall (hollow) and since (filled).

    Themes whose share rose beyond chance are red, those that became rarer blue-green, others grey; a tick
    marks the share among all other customers since.

    Parameters
    ----------
    most : int
        Themes drawn at most, the largest rise first.
    """
    rows = result.around.head(most)
    if not len(rows) or result.fall is None or result.fall.row is None:
        raise DataError("no theme has texts enough before a fall and since", next_step="print the result")
    day = pd.Timestamp(result.fall.row["since"])
    with look():
        ax = ax or new_axes(8.5, 1.9 + 0.5 * len(rows))
        for place, row in enumerate(rows.to_dict("records")):
            colour = MUTED
            if row["p_adjusted"] < 1 - result.level:
                colour = BAD if row["change"] > 0 else GOOD
            ax.plot([row["before"], row["after"]], [place, place], color=colour, linewidth=2.2, zorder=2)
            ax.plot([row["before"]], [place], "o", markerfacecolor="white", markeredgecolor=colour, zorder=3)
            ax.plot([row["after"]], [place], "o", color=colour, zorder=3)
            if np.isfinite(row["others_after"]):
                ax.plot([row["others_after"]], [place], "|", color=INK, markersize=13, zorder=4)
            shares = f"{100 * row['before']:.0f} → {100 * row['after']:.0f} %"
            ax.annotate(shares, (1.015, place), xycoords=("axes fraction", "data"), va="center", fontsize=9)
        ax.set_yticks(np.arange(len(rows)), [row_label(label) for label in rows["label"]])
        ax.set_ylim(len(rows) - 0.4, -0.6)
        ax.set_xlim(left=0)
        ax.grid(visible=False, axis="y")
        percent(ax.xaxis)
        ax.set_xlabel("Share of comments")
        whose = result.fall.row["group"] if result.fall.column else "all customers"
        counts = f"{rows['n_before'].iloc[0]:,} comments before, {rows['n_after'].iloc[0]:,} since"
        head(
            ax,
            f"What they write about, {whose}: before and since {day:%-d %B %Y}",
            f"{counts}; hollow: before, filled: since, tick: all others since",
        )
    return ax
