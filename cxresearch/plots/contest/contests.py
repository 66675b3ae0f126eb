"""Pictures around a contest: segments, sensitivity, power."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.ticker import MaxNLocator

from cxresearch.headtohead.robustness.contest_by_segment import SegmentContest
from cxresearch.headtohead.robustness.power_compare import Power
from cxresearch.headtohead.robustness.sensitivity import Sensitivity
from cxresearch.plots.registry import draw
from cxresearch.plots.style import (
    INK,
    MUTED,
    PALETTE,
    beside,
    head,
    interval_text,
    look,
    new_axes,
    percent,
    rows_axis,
)
from cxresearch.results.units import Unit, format_estimate, format_interval, format_value

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from cxresearch.stats.models.meta import Pooled


@draw.register(SegmentContest)
def draw_segments(result: SegmentContest, ax: Axes | None = None) -> Axes:
    """Forest of differences by segment, with average (diamond) and prediction interval (thin line)."""
    lines: list[dict[str, Any]] = [
        {**row, "label": f"{row['segment']}  ({row['cases']:,} of {row['n']:,})"}
        for row in _records(result.table)
    ]
    weights = {}
    labels = [row["label"] for row in lines]
    if result.pooled is not None:
        weights = dict(zip(result.pooled.table["label"], result.pooled.table["weight"], strict=True))
        labels.append("average")
    with look():
        ax = ax or new_axes(8.4, 1.7 + 0.42 * len(labels))
        places = list(range(len(labels)))[::-1]
        _zone(ax, result.margin)
        for place, row in zip(places, lines, strict=False):
            # The side of a square grows with the root of its weight, so that its area shows the weight.
            size = 5 + 22 * weights.get(row["segment"], 0.1) ** 0.5 / 2
            _whisker(ax, place, row, colour=PALETTE[0], size=min(size, 14), marker="s")
        if result.pooled is not None:
            _diamond(ax, places[-1], result.pooled, result.by)
        _finish(ax, places, labels)
        ax.set_xlabel(f"AUC of {result.first} minus AUC of {result.second}")
        head(
            ax,
            f"{result.first} against {result.second} by {result.by}",
            f"{100 * result.level:g} % intervals; in brackets: leavers of rows",
        )
    return ax


def _diamond(ax: Axes, place: float, pooled: Pooled, by: str) -> None:
    ends = [pooled.low, pooled.value, pooled.high, pooled.value]
    ax.fill(ends, [place, place + 0.22, place, place - 0.22], color=INK, zorder=3)
    if np.isfinite(pooled.prediction_low):
        reach = 1.1 * max(abs(end) for end in ax.get_xlim())  # few segments: it may be wider than all AUCs
        spread = [max(pooled.prediction_low, -reach), min(pooled.prediction_high, reach)]
        ax.plot(spread, [place] * 2, color=INK, linewidth=1)
        # An arrow where it goes on beyond the picture.
        if spread[0] != pooled.prediction_low:
            ax.plot([spread[0]], [place], marker="<", color=INK, markersize=6)
        if spread[1] != pooled.prediction_high:
            ax.plot([spread[1]], [place], marker=">", color=INK, markersize=6)
    text = format_estimate(pooled.value, pooled.low, pooled.high, Unit.AUC, signed=True)
    if np.isfinite(pooled.prediction_low):  # not with two segments
        further = format_interval(pooled.prediction_low, pooled.prediction_high, Unit.AUC, signed=True)
        text += f"\nfurther {by} {further}"
    beside(ax, place, text)


@draw.register(Sensitivity)
def draw_sensitivity(result: Sensitivity, ax: Axes | None = None) -> Axes:
    """Forest of the same difference under other choices, the primary analysis on top."""
    lines = [row for row in _records(result.table) if np.isfinite(row["difference"])]
    with look():
        ax = ax or new_axes(8.6, 1.6 + 0.4 * len(lines))
        places = list(range(len(lines)))[::-1]
        _zone(ax, result.margin)
        for place, row in zip(places, lines, strict=True):
            if row["kind"] == "primary":
                _whisker(ax, place, row, colour=INK, size=8, marker="o")
            else:
                _whisker(ax, place, row, colour=PALETTE[0], size=6, marker="o")
        _finish(ax, places, [row["choice"] for row in lines])
        ax.set_xlabel(f"AUC of {result.first} minus AUC of {result.second}")
        rows = f"{result.table['n'].min():,} to {result.table['n'].max():,} rows"
        head(ax, "Does the conclusion hang on a choice?", f"{100 * result.level:g} % intervals; {rows}")
    return ax


@draw.register(Power)
def draw_power(result: Power, ax: Axes | None = None) -> Axes:
    """Power by number of rows: lines by formula, points by simulation with their intervals."""
    with look():
        ax = ax or new_axes(7.6, 4.4)
        table = result.table
        difference = f"difference {format_value(result.difference, Unit.AUC, signed=True)} found"
        _power_line(ax, table["rows"], table["power_difference"], colour=PALETTE[0], text=difference)
        equivalence = f"equivalence within {result.margin:g} found"
        _power_line(ax, table["rows"], table["power_equivalence"], colour=PALETTE[1], text=equivalence)
        if (table["runs"] > 0).any():
            _simulated(ax, table[table["runs"] > 0])
        ax.axhline(result.target, color=MUTED, linewidth=0.8, linestyle=(0, (4, 3)))
        # Standard errors fall with 1 / sqrt(rows): equal factors of rows are equal steps.
        ax.set_xscale("log")
        ax.set_xticks(list(table["rows"]), [f"{rows:,}" for rows in table["rows"]])
        ax.minorticks_off()
        ax.set_ylim(0, 1.02)
        percent(ax.yaxis)
        ax.set_xlabel("rows")
        ax.set_title("What a study of this size would find")
    return ax


def _power_line(ax: Axes, rows: pd.Series, power: pd.Series, *, colour: str, text: str) -> None:
    ax.plot(rows, power, color=colour, linewidth=2, marker="o", markersize=4)
    ax.annotate(
        text,
        (rows.iloc[-1], power.iloc[-1]),
        xytext=(8, 0),
        color=colour,
        textcoords="offset points",
        va="center",
        fontsize=9.5,
        annotation_clip=False,
    )


def _simulated(ax: Axes, table: pd.DataFrame) -> None:
    low = table["simulated_difference"] - table["simulated_difference_low"]
    high = table["simulated_difference_high"] - table["simulated_difference"]
    label = f"simulated, {int(table['runs'].iloc[0]):,} studies each"
    points: dict[str, Any] = {"fmt": "D", "color": INK, "markersize": 5, "capsize": 3}
    ax.errorbar(table["rows"], table["simulated_difference"], yerr=[low, high], label=label, **points)
    ax.legend(loc="upper left", fontsize=9)


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(key): value for key, value in row.items()} for row in table.to_dict("records")]


def _zone(ax: Axes, margin: float) -> None:
    ax.axvspan(-margin, margin, color="#e8eef4", zorder=0, linewidth=0)
    ax.axvline(0, color=MUTED, linewidth=1)


def _whisker(ax: Axes, place: float, row: dict[str, Any], *, colour: str, size: float, marker: str) -> None:
    ax.plot([row["low"], row["high"]], [place, place], color=colour, linewidth=2, solid_capstyle="butt")
    ax.plot(row["difference"], place, marker, color=colour, markersize=size)
    beside(ax, place, interval_text(row, "difference", Unit.AUC, signed=True))


def _finish(ax: Axes, places: list[int], labels: list[str]) -> None:
    rows_axis(ax, places, labels)
    ax.set_ylim(-0.6, len(places) - 0.4)
    ax.xaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 5, 10]))
