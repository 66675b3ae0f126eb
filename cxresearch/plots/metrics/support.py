"""Picture of the open tickets by age."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.colors import LinearSegmentedColormap

from cxresearch.metrics.support.tickets import TicketAgeing
from cxresearch.plots.registry import draw
from cxresearch.plots.style import BAD, INK, MUTED, PALETTE, look, new_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SHADES = LinearSegmentedColormap.from_list("age", ["#cfe3f1", PALETTE[4], PALETTE[0], "#003a5c"])


@draw.register(TicketAgeing)
def draw_ageing(result: TicketAgeing, ax: Axes | None = None) -> Axes:
    """Draw open tickets by age: one bar a band, or one stacked bar a group.

    Parameters
    ----------
    result : TicketAgeing
        Open tickets.
    ax : Axes, optional
        Where to draw.
    """
    with look():
        title = f"{result.n:,} open tickets by age, {result.observed_until:%d %b %Y %H:%M} UTC"
        if not result.by:
            axes = ax or new_axes(8.0, 4.2)
            _bars(result, axes)
            axes.set_title(title)
            return axes
        groups = len(result.table[list(result.by)].drop_duplicates())
        axes = ax or new_axes(8.0, 1.9 + 0.5 * groups)
        _stacked(result, axes)
        # The legend stands between the title and the bars.
        axes.set_title(f"{title}\n")
    return axes


def _bars(result: TicketAgeing, ax: Axes) -> None:
    counts = result.table["n"].to_numpy()
    ax.bar(range(len(counts)), counts, color=_colours(len(counts)), width=0.7)
    for place, count in enumerate(counts):
        text = f"{count:,}"
        if result.n:
            text += f"\n{100 * count / result.n:.0f} %"
        ax.annotate(
            text,
            (place, count),
            xytext=(0, 3),
            textcoords="offset points",
            ha="center",
            fontsize=9,
        )
    ax.set_xticks(range(len(counts)), result.table["band"], color=INK)
    # Bars begin at 0: their length is the count.
    ax.set_ylim(0, max(float(counts.max(initial=0)), 1.0) * 1.22)
    ax.set_ylabel("open tickets")
    ax.grid(visible=False, axis="x")


def _stacked(result: TicketAgeing, ax: Axes) -> None:
    bands = list(dict.fromkeys(result.table["band"]))
    label = result.table[list(result.by)].astype(str).agg(", ".join, axis=1)
    table = result.table.assign(group=label).pivot_table(
        index="group", columns="band", values="n", sort=False
    )[bands]
    table = table.loc[table.sum(axis=1).sort_values().index]
    left = np.zeros(len(table))
    for band, colour in zip(bands, _colours(len(bands)), strict=True):
        counts = table[band].to_numpy(float)
        ax.barh(range(len(table)), counts, left=left, color=colour, height=0.65, label=band)
        left = left + counts
    for place, total in enumerate(left):
        ax.annotate(
            f"{total:,.0f}",
            (total, place),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            fontsize=9,
        )
    ax.set_yticks(range(len(table)), table.index, color=INK)
    ax.set_xlim(0, max(left.max(initial=0), 1) * 1.1)
    ax.set_xlabel("open tickets")
    ax.grid(visible=False, axis="y")
    ax.legend(
        ncols=len(bands),
        loc="lower left",
        bbox_to_anchor=(0, 1.0),
        fontsize=9,
        handlelength=1.0,
        labelcolor=MUTED,
    )


def _colours(count: int) -> list[Any]:
    """Darker with age, and the oldest band in the colour of bad news."""
    return [*(_SHADES(place) for place in np.linspace(0, 1, max(count - 1, 1))[: count - 1]), BAD]
