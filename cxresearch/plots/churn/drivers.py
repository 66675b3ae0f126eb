"""Pictures of key drivers: importance, importance against performance, penalty and reward."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cxresearch.checks import check_choice
from cxresearch.churn.drivers.key_drivers_result import KeyDrivers
from cxresearch.errors import DataError
from cxresearch.plots.registry import draw
from cxresearch.plots.style import (
    BAD,
    GOOD,
    INK,
    MUTED,
    NEUTRAL,
    beside,
    head,
    interval_text,
    look,
    new_axes,
    percent,
)
from cxresearch.results.units import Unit, format_value

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_KINDS = ("importance", "performance", "asymmetry")


@draw.register(KeyDrivers)
def draw_drivers(result: KeyDrivers, ax: Axes | None = None, *, kind: str = "importance") -> Axes:
    """Draw one of three pictures of key drivers.

    Parameters
    ----------
    kind : {"importance", "performance", "asymmetry"}
        Shares of the outcome's variance; importance against performance in four fields; what being low and
        being high on a driver goes with.
    """
    check_choice("kind", kind, _KINDS)
    if kind == "performance" and not result.table["performance"].notna().any():
        raise DataError(
            "no driver has a performance to draw",
            next_step="give scales=, so that it is known which end is good",
        )
    with look():
        if kind == "performance":
            return _performance(result, ax or new_axes(7.4, 5.6))
        ax = ax or new_axes(8.0, 1.6 + 0.45 * len(result.table))
        if kind == "importance":
            return _importance(result, ax)
        return _asymmetry(result, ax)


def _base(result: KeyDrivers) -> str:
    rows = result.n + result.n_missing
    return f"n {result.n:,} of {rows:,} rows; {100 * result.level:g} % intervals"


def _importance(result: KeyDrivers, ax: Axes) -> Axes:
    from matplotlib.ticker import MaxNLocator

    heights = np.arange(len(result.table))[::-1]
    for height, row in zip(heights, result.table.to_dict("records"), strict=True):
        colour, sign = BAD, "−"
        if row["direction"] > 0:
            colour, sign = GOOD, "+"
        ax.barh(height, row["importance"], color=colour, alpha=0.35, height=0.62)
        ax.plot([row["low"], row["high"]], [height, height], color=colour, linewidth=1.8)
        beside(ax, height, f"{interval_text(row, 'importance', Unit.SHARE)}  {sign}", size=9.5)
    ax.set_yticks(heights, [result.label(driver) for driver in result.table["driver"]])
    ax.set_xlim(left=0)
    ax.grid(visible=False, axis="y")
    ax.xaxis.set_major_locator(MaxNLocator(6))
    percent(ax.xaxis)
    ax.set_xlabel(f"Share of the variance of {result.label(result.outcome)}; + or − is the direction")
    total = format_value(result.r_squared, Unit.SHARE)
    head(
        ax, f"What goes with {result.label(result.outcome)}", f"{_base(result)}; all drivers together {total}"
    )
    return ax


def _performance(result: KeyDrivers, ax: Axes) -> Axes:
    table = result.table.dropna(subset=["performance"])
    middle_x = float(table["performance"].mean())
    middle_y = float(table["importance"].mean())
    # Martilla and James (1977): four fields, cut at the means of importance and performance.
    ax.axvline(middle_x, color=MUTED, linewidth=1)
    ax.axhline(middle_y, color=MUTED, linewidth=1)
    for row in table.to_dict("records"):
        text = result.label(row["driver"])
        colour, point = INK, GOOD
        # Share of bootstrap draws that leave the driver in its field: below 90 % the field is a guess.
        if row["quadrant_sure"] < 0.9:
            colour, point = NEUTRAL, NEUTRAL
            text += f" (field {100 * row['quadrant_sure']:.0f} % sure)"
        x = row["performance"]
        y = row["importance"]
        ax.plot([row["performance_low"], row["performance_high"]], [y, y], color=colour, linewidth=1.2)
        ax.plot([x, x], [row["low"], row["high"]], color=colour, linewidth=1.2)
        ax.plot([x], [y], "o", color=point)
        # Towards the middle of the picture, where there is room.
        offset, side = (6, 6), "left"
        if x > middle_x:
            offset, side = (-6, 6), "right"
        ax.annotate(text, (x, y), xytext=offset, textcoords="offset points", ha=side, color=INK)
    for text, where, side, upright in (
        ("improve first", (0.01, 0.985), "left", "top"),
        ("keep up", (0.99, 0.985), "right", "top"),
        ("low priority", (0.01, 0.02), "left", "bottom"),
        ("possible overkill", (0.99, 0.02), "right", "bottom"),
    ):
        ax.annotate(
            text,
            where,
            xycoords="axes fraction",
            ha=side,
            va=upright,
            color=MUTED,
            fontsize=10,
            fontstyle="italic",
        )
    ax.margins(0.18)
    percent(ax.yaxis)
    ax.set(xlabel="Performance (0 to 100)", ylabel=f"Importance for {result.label(result.outcome)}")
    head(ax, "Importance and performance", f"{_base(result)}; lines at the means; grey: field not sure")
    return ax


def _asymmetry(result: KeyDrivers, ax: Axes) -> Axes:
    table = result.penalty_reward
    heights = np.arange(len(table))[::-1]
    ax.axvline(0, color=MUTED, linewidth=1)
    for height, row in zip(heights, table.to_dict("records"), strict=True):
        # Penalty and reward against the middle group; unlike lengths tell basic from excitement (Kano 1984).
        for side, colour, shift in (("penalty", BAD, 0.13), ("reward", GOOD, -0.13)):
            ends = [row[f"{side}_low"], row[f"{side}_high"]]
            ax.plot(ends, [height + shift] * 2, color=colour, linewidth=1.8)
            ax.plot([row[side]], [height + shift], "o", color=colour)
        beside(ax, height, row["kind"], size=9.5)
    ax.set_yticks(heights, [result.label(driver) for driver in table["driver"]])
    ax.set_ylim(-0.7, len(table) - 0.3)
    ax.grid(visible=False, axis="y")
    name = result.label(result.outcome)
    if result.outcome in result.labels:
        name += " answer"
    ax.set_xlabel(f"Mean {name} against the middle group: low (orange), high (blue)")
    head(ax, "What being low and being high goes with", _base(result))
    return ax
