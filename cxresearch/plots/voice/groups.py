"""Pictures of who is unhappy: what each named group takes from the score, and the parts of a change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cxresearch.checks import check_number
from cxresearch.errors import DataError
from cxresearch.metrics.base.cell_estimates import unit_of_difference
from cxresearch.plots.registry import draw
from cxresearch.plots.style import BAD, GOOD, INK, MUTED, NEUTRAL, head, look, new_axes, row_label
from cxresearch.results.units import Unit, format_estimate, format_value
from cxresearch.voice.who.explain_change import ExplainedChange
from cxresearch.voice.who.group_search import GroupSearch

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Row = dict[Any, Any]


@draw.register(GroupSearch)
def draw_groups(result: GroupSearch, ax: Axes | None = None, *, most: int = 12) -> Axes:
    """Draw the pull of the named groups on the score as bars with intervals.

    Groups that another explains are pale. Without a named group the largest levels are drawn as seen, in
    grey, under a title that says that none differs.

    Parameters
    ----------
    most : int
        Groups drawn at most.
    """
    check_number("most", most, at_least=1)
    rows = result.table.head(int(most)).to_dict("records")
    named = bool(rows)
    if not named:
        rows = _seen(result, int(most))
    if not rows:
        raise DataError(
            "the search judged no group, so there is nothing to draw", next_step="print the result"
        )
    with look():
        ax = ax or new_axes(9.0, 1.9 + 0.5 * len(rows))
        colour = MUTED
        if named:
            colour = INK
        for place, row in enumerate(rows):
            _bar(ax, place, row, colour=_colour(row, named=named, low_is_good=result.low_is_good))
            ax.annotate(
                _difference(row, result),
                (1.015, place),
                xycoords=("axes fraction", "data"),
                va="center",
                fontsize=9,
                color=colour,
            )
        _frame(ax, [row["group"] for row in rows])
        ax.set_xlabel(f"Pull on {result.name}: share of answers times difference")
        title = f"{result.name}: no group differs"
        if named:
            title = f"Who pulls {result.name} up and down"
        head(ax, title, _subtitle(result))
    return ax


def _seen(result: GroupSearch, most: int) -> list[Row]:
    levels = result.by_column[~result.by_column["level"].str.startswith("(")].copy()
    levels["group"] = levels["column"] + " " + levels["level"]
    # Pull = share of answers x difference from the others, in the unit of the score.
    order = levels["pull"].abs().sort_values(ascending=False).index[:most]
    rows: list[Row] = levels.loc[order].to_dict("records")
    return rows


def _colour(row: Row, *, named: bool, low_is_good: bool) -> str:
    if not named:
        return NEUTRAL
    # what pulls the score to its bad side is bad, whichever side that is
    if (row["pull"] > 0) == low_is_good:
        return BAD
    return GOOD


def _bar(ax: Axes, place: int, row: Row, *, colour: str) -> None:
    # explained groups are pale: they are the same finding twice
    strength = 0.85
    if row.get("explained_by"):
        strength = 0.35
    ax.barh(place, row["pull"], color=colour, alpha=strength, height=0.62)
    if "pull_low" in row:
        ax.plot([row["pull_low"], row["pull_high"]], [place, place], color=INK, linewidth=1.4)


def _difference(row: Row, result: GroupSearch) -> str:
    if "difference" not in row:
        return f"n {row['n']:,}, as seen"
    unit = unit_of_difference(result.unit)
    text = format_estimate(row["difference"], row["low"], row["high"], unit, signed=True)
    text += f", n {row['n']:,}"
    if row["explained_by"]:
        text += " (explained)"
    return text


def _frame(ax: Axes, labels: list[str]) -> None:
    ax.set_yticks(range(len(labels)), [row_label(label) for label in labels], color=INK)
    ax.set_ylim(len(labels) - 0.4, -0.6)
    ax.axvline(0, color=MUTED, linewidth=0.9)
    ax.grid(axis="y", visible=False)
    ax.spines["left"].set_visible(False)
    ax.tick_params(axis="y", length=0)


def _subtitle(result: GroupSearch) -> str:
    whole = format_value(result.score, result.unit)
    return (
        f"{result.name} {whole}, n {result.n:,}; {len(result.cells):,} groups judged with one error of "
        f"{100 * (1 - result.level):.3g} %; at the right the difference from all others"
    )


@draw.register(ExplainedChange)
def draw_change(result: ExplainedChange, ax: Axes | None = None, *, most: int = 10) -> Axes:
    """Draw the parts of a change: for each group mix and rate, below them their sums.

    Parameters
    ----------
    most : int
        Groups drawn at most, those with the largest parts.
    """
    check_number("most", most, at_least=1)
    rows = result.table.head(int(most)).to_dict("records")
    total = {"group": "all groups"} | {
        f"{part}{end}": getattr(result, f"{part}{end}")
        for part in ("mix", "rate")
        for end in ("", "_low", "_high")
    }
    ends = f"{format_value(result.before, result.unit)} to {format_value(result.after, result.unit)}"
    with look():
        ax = ax or new_axes(8.5, 2.1 + 0.6 * (len(rows) + 1))
        for place, row in enumerate([*rows, total]):
            # one entry of the legend for each part
            labels = {"mix": "mix", "rate": "rate"}
            if place:
                labels = dict.fromkeys(labels, "_nolegend_")
            # Change = sum over groups of mix + rate; each part has its interval.
            for part, offset, colour in (("mix", -0.18, NEUTRAL), ("rate", 0.18, GOOD)):
                ax.barh(place + offset, row[part], color=colour, height=0.34, label=labels[part])
                bounds = [row[f"{part}_low"], row[f"{part}_high"]]
                if np.isfinite(bounds).all():
                    ax.plot(bounds, [place + offset] * 2, color=INK, linewidth=1.2)
        _frame(ax, [str(row["group"]) for row in [*rows, total]])
        ax.axhline(len(rows) - 0.5, color=MUTED, linewidth=0.9)
        if result.unit is Unit.SHARE:
            from cxresearch.plots.style import percent

            percent(ax.xaxis)
        ax.set_xlabel(f"Part of the change of {result.name}")
        ax.legend(loc="best", fontsize=9)
        unit = unit_of_difference(result.unit)
        change = format_estimate(result.change, result.change_low, result.change_high, unit, signed=True)
        head(
            ax,
            f"{result.name}: mix or rate",
            f"{ends}, {change}; "
            f"n {result.n_before:,} and {result.n_after:,}; {100 * result.level:g} % intervals",
        )
    return ax
