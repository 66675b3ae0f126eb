"""Themes drawn: how often by how much, and how often with intervals."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cxresearch.checks import check_choice
from cxresearch.errors import DataError
from cxresearch.plots.registry import draw
from cxresearch.plots.style import BAD, GOOD, INK, MUTED, NEUTRAL, head, look, new_axes, percent, row_label
from cxresearch.results.units import Unit
from cxresearch.voice.why.theme_impact_result import ThemeImpact
from cxresearch.voice.why.themes import Themes
from cxresearch.voice.why.why_unhappy import WhyUnhappy

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: What a picture of `why_unhappy` can show.
_KINDS = ("impact", "trend")


@draw.register(Themes)
def draw_themes(result: Themes, ax: Axes | None = None, *, most: int = 15) -> Axes:
    """Draw the share of texts that mention each theme, most frequent first.

    Parameters
    ----------
    most : int
        Themes to draw.
    """
    rows = result.table.head(most)
    if not len(rows):
        raise DataError("there is no theme to draw", next_step="give a codebook, or more texts")
    with look():
        ax = ax or new_axes(8.0, 1.6 + 0.42 * len(rows))
        heights = np.arange(len(rows))[::-1]
        ax.barh(heights, rows["value"], color=GOOD, alpha=0.35, height=0.62)
        # Wilson's limits are not symmetric about the share: drawn from end to end.
        ax.hlines(heights, rows["low"], rows["high"], color=GOOD, linewidth=1.8)
        ax.set_yticks(heights, [row_label(label) for label in rows["label"]])
        ax.set_xlim(left=0)
        ax.grid(visible=False, axis="y")
        percent(ax.xaxis)
        ax.set_xlabel("Share of texts")
        head(ax, "What texts speak of", f"n {result.n:,} texts; {100 * result.level:g} % intervals")
    return ax


@draw.register(ThemeImpact)
def draw_impact(result: ThemeImpact, ax: Axes | None = None) -> Axes:
    """Draw how often each theme is mentioned against what goes with it; the urgent corner is shaded.

    The corner holds what lowers the score and is mentioned more often than the median theme. Filled points
    are beyond chance after the correction over all themes.
    """
    rows = result.table.dropna(subset=["effect"])
    if not len(rows):
        raise DataError("no theme was mentioned often enough to be drawn", next_step="see the table")
    with look():
        ax = ax or new_axes(8.0, 5.4)
        # The urgent corner: mentioned more often than the median theme, and going with worse scores.
        middle = float(rows["share"].median())
        # The side of the axis on which a theme goes with bad news.
        worse, edge = 1.0, float(rows["high"].max())
        if result.good_is_high:
            worse, edge = -1.0, float(rows["low"].min())
        right = 1.15 * float(rows["share"].max())
        ax.fill_between([middle, right], 0, edge, color=BAD, alpha=0.07, linewidth=0)
        ax.axhline(0, color=MUTED, linewidth=1)
        ax.axvline(middle, color=NEUTRAL, linewidth=1, linestyle=":")
        for row in rows.to_dict("records"):
            colour = GOOD
            if worse * row["effect"] > 0:
                colour = BAD
            ax.plot([row["share"]] * 2, [row["low"], row["high"]], color=colour, linewidth=1.4, alpha=0.6)
            face = "white"
            if row["p_adjusted"] < 1 - result.level:
                face = colour
            ax.plot(row["share"], row["effect"], "o", color=colour, markerfacecolor=face, markersize=7)
            ax.annotate(
                row_label(row["label"]),
                (row["share"], row["effect"]),
                xytext=(8, 4),
                textcoords="offset points",
                color=INK,
                fontsize=9.5,
            )
        ax.set_xlim(0, right)
        percent(ax.xaxis)
        if result.unit is Unit.SHARE_DIFFERENCE:
            percent(ax.yaxis)
        ax.set_xlabel("Share of texts that mention it")
        ax.set_ylabel(f"What goes with it: change of {result.measure}")
        text = f"n {result.n:,} texts; {100 * result.level:g} % intervals; filled: beyond chance"
        head(ax, "How often, and how much", text)
    return ax


@draw.register(WhyUnhappy)
def draw_why(result: WhyUnhappy, ax: Axes | None = None, *, kind: str = "impact") -> Axes:
    """Draw why customers are unhappy.

    Parameters
    ----------
    kind : {"impact", "trend"}
        How often each theme is mentioned by what goes with it; or the share of the newest rising theme over
        time, with the days since which it may have risen.
    """
    check_choice("kind", kind, _KINDS)
    if kind == "impact":
        return draw_impact(result.impact, ax)
    if not result.trends:
        raise DataError("no theme rises beyond chance", next_step='draw kind="impact"')
    axes: Axes = draw(next(iter(result.trends.values())), ax)
    return axes
