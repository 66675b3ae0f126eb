"""Stacked bars of answers: who are the promoters, passives and detractors behind a score."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cxresearch.metrics.tables.score_breakdown import ScoreBreakdown
from cxresearch.plots.registry import draw
from cxresearch.plots.style import (
    BAD,
    GOOD,
    INK,
    MUTED,
    NEUTRAL,
    beside,
    interval_text,
    look,
    new_axes,
    rows_axis,
)
from cxresearch.results.hiding import hidden_mark

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@draw.register(ScoreBreakdown)
def draw_breakdown(result: ScoreBreakdown, ax: Axes | None = None) -> Axes:
    """Draw stacked bars, one for each group, with the score, its interval and n at the right.

    A group that is too small to show keeps its line, without a bar.
    """
    with look():
        ax = ax or new_axes(9.0, 1.5 + 0.46 * len(result.table))
        rows = result.table.to_dict("records")
        colours = _colours(len(result.classes))
        for place, row in enumerate(rows):
            _bar(ax, place, row, result.classes, colours)
            colour = INK
            if row["suppressed"]:
                colour = MUTED
            beside(ax, place, _score(row, result), colour=colour)
        rows_axis(ax, range(len(rows)), [row["group"] for row in rows])
        ax.set_ylim(len(rows) - 0.4, -0.6)
        ax.set_xlim(0, 100)
        ax.set_xlabel("% of answers")
        _legend(ax, result.classes, colours)
        ax.set_title(f"{result.name}: who answered what", pad=26)
    return ax


def _colours(classes: int) -> list[Any]:
    """Run from bad through grey to good; both ends differ in lightness as well as in hue."""
    from matplotlib.colors import LinearSegmentedColormap

    ramp = LinearSegmentedColormap.from_list("cx", [BAD, NEUTRAL, GOOD])
    return [ramp(place) for place in np.linspace(0, 1, classes)]


def _bar(ax: Axes, place: int, row: dict[Any, Any], classes: tuple[str, ...], colours: list[Any]) -> None:
    if row["suppressed"] or not row["n"]:
        return
    left = 0.0
    for name, colour in zip(classes, colours, strict=True):
        share = 100 * row[name] / row["n"]
        ax.barh(place, share, left=left, color=colour, height=0.72, edgecolor="white", linewidth=0.8)
        # Rec. 601 luma, rounded: white letters on dark bars.
        letters = INK
        if colour[0] * 0.3 + colour[1] * 0.6 + colour[2] * 0.1 < 0.55:
            letters = "white"
        # A number wants 6 % of the width; below that the length alone speaks.
        if share >= 6:
            ax.text(
                left + share / 2,
                place,
                f"{share:.0f}",
                ha="center",
                va="center",
                fontsize=9,
                color=letters,
            )
        left += share


def _score(row: dict[Any, Any], result: ScoreBreakdown) -> str:
    if row["suppressed"]:
        return hidden_mark(row["n"], row["n_effective"])
    text = f"{interval_text(row, 'value', result.unit)}, n {row['n']:,}"
    if row["small_base"]:
        text += " (small)"
    return text


def _legend(ax: Axes, classes: tuple[str, ...], colours: list[Any]) -> None:
    from matplotlib.patches import Patch

    handles = [Patch(color=colour, label=name) for name, colour in zip(classes, colours, strict=True)]
    ax.legend(
        handles=handles,
        loc="lower left",
        bbox_to_anchor=(-0.01, 1.0),
        ncols=len(classes),
        fontsize=9,
        handlelength=1.0,
        columnspacing=1.2,
        borderaxespad=0.2,
    )
