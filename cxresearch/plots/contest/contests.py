"""Pictures around a contest: segments, sensitivity, power."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.ticker import MaxNLocator

from cxresearch.headtohead.robustness.contest_by_segment import SegmentContest
from cxresearch.headtohead.robustness.power_compare import Power
from cxresearch.headtohead.robustness.sensitivity import Sensitivity
from cxresearch.plots.registry import draw
from cxresearch.plots.style import INK, MUTED, PALETTE, head, look, new_axes, percent, row_label
from cxresearch.results.units import Unit, format_interval, format_value

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


@draw.register(SegmentContest)
def draw_segments(result: SegmentContest, ax: Axes | None = None) -> Axes:
    """Forest of differences by segment, with average (diamond) and prediction interval (thin line)."""
    lines: list[dict[str, Any]] = [
        {**row, "label": f"{row['segment']}  ({row['cases']:,} of {row['n']:,})"}
        for row in _records(result.table)
    ]
    weights = {}
    if result.pooled is not None:
        weights = dict(zip(result.pooled.table["label"], result.pooled.table["weight"], strict=True))
    with look():
        extra = 1 if result.pooled is not None else 0
        ax = ax or new_axes(8.4, 1.7 + 0.42 * (len(lines) + extra))
        places = list(range(len(lines) + extra))[::-1]
        _zone(ax, result.margin)
        for place, row in zip(places, lines, strict=False):
            size = 5 + 22 * weights.get(row["segment"], 0.1) ** 0.5 / 2
            _whisker(ax, place, row, colour=PALETTE[0], size=min(size, 14), marker="s")
        labels = [row["label"] for row in lines]
        if result.pooled is not None:
            _diamond(ax, places[-1], result)
            labels.append("average")
        _finish(ax, places, labels)
        ax.set_xlabel(f"AUC of {result.first} minus AUC of {result.second}")
        head(
            ax,
            f"{result.first} against {result.second} by {result.by}",
            f"{100 * result.level:g} % intervals; in brackets: leavers of rows",
        )
    return ax


def _diamond(ax: Axes, place: float, result: SegmentContest) -> None:
    pooled = result.pooled
    if pooled is None:
        return
    ends = [pooled.low, pooled.value, pooled.high, pooled.value]
    ax.fill(ends, [place, place + 0.22, place, place - 0.22], color=INK, zorder=3)
    if np.isfinite(pooled.prediction_low):
        reach = 1.1 * max(abs(end) for end in ax.get_xlim())  # few segments: it may be wider than all AUCs
        spread = [max(pooled.prediction_low, -reach), min(pooled.prediction_high, reach)]
        ax.plot(spread, [place] * 2, color=INK, linewidth=1)
        for end, known, marker in zip(
            spread, (pooled.prediction_low, pooled.prediction_high), "<>", strict=True
        ):
            if end != known:  # an arrow: it goes on beyond the picture
                ax.plot([end], [place], marker=marker, color=INK, markersize=6)
    text = format_value(pooled.value, Unit.AUC, signed=True)
    text += " " + format_interval(pooled.low, pooled.high, Unit.AUC, signed=True)
    further = format_interval(pooled.prediction_low, pooled.prediction_high, Unit.AUC, signed=True)
    _beside(ax, place, f"{text}\nfurther {result.by} {further}")


@draw.register(Sensitivity)
def draw_sensitivity(result: Sensitivity, ax: Axes | None = None) -> Axes:
    """Forest of the same difference under other choices, the primary analysis on top."""
    lines = [row for row in _records(result.table) if np.isfinite(row["difference"])]
    with look():
        ax = ax or new_axes(8.6, 1.6 + 0.4 * len(lines))
        places = list(range(len(lines)))[::-1]
        _zone(ax, result.margin)
        for place, row in zip(places, lines, strict=True):
            primary = row["kind"] == "primary"
            _whisker(
                ax, place, row, colour=INK if primary else PALETTE[0], size=8 if primary else 6, marker="o"
            )
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
        found = f"difference {format_value(result.difference, Unit.AUC, signed=True)} found"
        _power_line(ax, table["rows"], table["power_difference"], colour=PALETTE[0], text=found)
        ruled_out = f"equivalence within {result.margin:g} found"
        _power_line(ax, table["rows"], table["power_equivalence"], colour=PALETTE[1], text=ruled_out)
        if (table["runs"] > 0).any():
            _simulated(ax, table[table["runs"] > 0])
        ax.axhline(result.target, color=MUTED, linewidth=0.8, linestyle=(0, (4, 3)))
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
    text = format_value(row["difference"], Unit.AUC, signed=True)
    _beside(ax, place, text + " " + format_interval(row["low"], row["high"], Unit.AUC, signed=True))


def _beside(ax: Axes, place: float, text: str) -> None:
    ax.annotate(
        text,
        (1, place),
        xycoords=("axes fraction", "data"),
        xytext=(8, 0),
        fontsize=9,
        color=INK,
        textcoords="offset points",
        va="center",
        annotation_clip=False,
    )


def _finish(ax: Axes, places: list[int], labels: list[str]) -> None:
    ax.set_yticks(places, [row_label(label) for label in labels])
    ax.tick_params(axis="y", length=0, labelcolor=INK)
    ax.set_ylim(-0.6, len(places) - 0.4)
    ax.xaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 5, 10]))
    ax.grid(visible=False, axis="y")
    ax.spines["left"].set_visible(False)
