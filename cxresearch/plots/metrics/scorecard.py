"""Pictures of a scorecard: trends with interval ribbons, groups with intervals, what moved."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from cxresearch.checks import check_choice
from cxresearch.errors import ArgumentError
from cxresearch.metrics.scorecard.scorecard_result import Scorecard
from cxresearch.metrics.scorecard.scorecard_words import amount_text
from cxresearch.plots.event_lines import event_lines
from cxresearch.plots.metrics.small_multiples import draw_multiples
from cxresearch.plots.registry import draw
from cxresearch.plots.style import (
    BAD,
    GOOD,
    INK,
    MUTED,
    PALETTE,
    beside,
    head,
    interval_text,
    look,
    new_axes,
    reference_line,
    rows_axis,
    whole_numbers,
)
from cxresearch.results.hiding import hidden_mark
from cxresearch.results.period_names import label_before, period_label
from cxresearch.results.units import Unit, format_value

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_KINDS = ("trend", "groups", "changes", "multiples")
_MOST_LINES = 6


@draw.register(Scorecard)
def draw_scorecard(
    result: Scorecard, ax: Axes | None = None, *, kind: str = "trend", metric: str = "", split: bool = False
) -> Axes:
    """Draw one metric of a scorecard, or all in small.

    Parameters
    ----------
    kind : {"trend", "groups", "changes", "multiples"}
        Over time with its interval as a ribbon; the groups in the last period with intervals; the changes
        against the period before, with intervals, what is noise in grey; small multiples, the trend of every
        metric in a panel of a new figure.
    metric : str, optional
        Name of the metric; by default the scorecard's first.
    split : bool
        Trend of each group (at most six) instead of all together.
    """
    check_choice("kind", kind, _KINDS)
    name = metric or next(iter(result.labels))
    check_choice("metric", name, list(result.labels))
    with look():
        if kind == "trend":
            return _trend(result, ax, name, split=split)
        if kind == "multiples":
            return draw_multiples(result, ax)
        if kind == "groups":
            return _groups(result, ax, name)
        return _changes(result, ax, name)


def _shown(values: pd.Series[Any], unit: Unit) -> pd.Series[Any]:
    if unit in (Unit.SHARE, Unit.SHARE_DIFFERENCE):
        return 100 * values
    return values


def _unit_label(label: str, unit: Unit, currency: str = "") -> str:
    if unit is Unit.SHARE:
        return f"{label}, %"
    if unit is Unit.MONEY and currency:
        return f"{label}, {currency}"
    return label


def _target(ax: Axes, result: Scorecard, name: str, unit: Unit) -> None:
    """Draw the declared target as a dashed line, named at its left end."""
    target = result.targets.get(name)
    if target is None:
        return
    at = target
    if unit is Unit.SHARE:
        at = 100 * target
    ax.axhline(at, color=GOOD, linewidth=1, linestyle="--", zorder=1)
    ax.annotate(
        f"target {format_value(target, unit)}",
        (0.01, at),
        xycoords=("axes fraction", "data"),
        xytext=(0, 3),
        textcoords="offset points",
        fontsize=8,
        color=GOOD,
    )


def _trend(result: Scorecard, ax: Axes | None, name: str, *, split: bool) -> Axes:
    from matplotlib.dates import AutoDateLocator

    if not result.every:
        raise ArgumentError("this scorecard has no periods", next_step="make one with every='month'")
    table = result.overall
    by: list[str] = []
    if split:
        table = result.table
        by = list(result.by)
    table = table[(table["metric"] == name) & (table["n"] > 0)]
    if not len(table):
        raise ArgumentError(f"{name!r} has no values", next_step="look at the scorecard's table")
    unit = Unit(table["unit"].iloc[0])
    ax = ax or new_axes(8.5, 4.4)
    if by:
        groups = [(", ".join(map(str, group)), rows) for group, rows in table.groupby(by)]
        if len(groups) > _MOST_LINES:
            # Six lines can be told apart; the groups with most answers have the narrowest ribbons.
            groups = sorted(groups, key=lambda part: -int(part[1]["n"].sum()))[:_MOST_LINES]
        for place, (text, rows) in enumerate(groups):
            _ribbon(ax, rows, unit, PALETTE[place % len(PALETTE)], text)
    else:
        _ribbon(ax, table, unit, PALETTE[0], "")
        _sizes(ax, table, unit, result.currency)
    _target(ax, result, name, unit)
    ax.set_ylabel(_unit_label(result.labels[name], unit, result.currency))
    ax.margins(x=0.02)
    ax.xaxis.set_major_locator(AutoDateLocator(minticks=3, maxticks=7))  # type: ignore[no-untyped-call]
    base = f"{100 * result.level:g} % intervals; "
    if not table["low"].notna().any():
        base = ""
    drawn = table.loc[table["value"].notna(), "n"]
    if len(drawn):
        base += f"n {int(drawn.min()):,} to {int(drawn.max()):,} a point"
    if unit in (Unit.MONEY, Unit.COUNT):
        whole_numbers(ax.yaxis)
    head(ax, f"{result.labels[name]} by {result.every}", base)
    event_lines(ax, result.events, first=table["period"].min(), last=table["period"].max())
    return ax


def _ribbon(ax: Axes, rows: pd.DataFrame, unit: Unit, colour: str, text: str) -> None:
    rows = rows.sort_values("period")
    x = rows["period"].to_numpy()
    ends = [_shown(rows[end], unit).to_numpy() for end in ("low", "high")]
    ax.fill_between(x, ends[0], ends[1], color=colour, alpha=0.18, linewidth=0)
    ax.plot(x, _shown(rows["value"], unit).to_numpy(), color=colour, marker="o", markersize=4, linewidth=1.8)
    # A hidden period has no value: the line breaks there, and the name stands at the last value shown.
    with_value = rows[rows["value"].notna()]
    if text and len(with_value):
        last = with_value.iloc[-1]
        ax.annotate(
            text,
            (last["period"], float(_shown(with_value["value"], unit).iloc[-1])),
            xytext=(7, 0),
            textcoords="offset points",
            va="center",
            color=colour,
            fontweight="bold",
            fontsize=9.5,
        )


def _sizes(ax: Axes, table: pd.DataFrame, unit: Unit, currency: str) -> None:
    """Write the last value beside its point."""
    last = table.sort_values("period").iloc[-1]
    if pd.isna(last["value"]):
        return
    text = interval_text(last.to_dict(), "value", unit).replace(" [", "\n[")
    if unit is Unit.MONEY:
        text = amount_text(last["value"], currency)
    ax.annotate(
        text,
        (last["period"], float(_shown(table.sort_values("period")["value"], unit).iloc[-1])),
        xytext=(8, 0),
        textcoords="offset points",
        va="center",
        fontsize=9,
        color=INK,
    )


def _groups(result: Scorecard, ax: Axes | None, name: str) -> Axes:
    if not result.by:
        raise ArgumentError("this scorecard has no groups", next_step="make one with by='segment'")
    table = result.table[result.table["metric"] == name]
    if result.every:
        table = table[table["period"] == result.judged(name)]
    if not len(table):
        raise ArgumentError(f"no group has {name!r} in the judged period", next_step="look at its table")
    unit = Unit(table["unit"].iloc[0])
    table = table.assign(label=table[list(result.by)].astype(str).agg(", ".join, axis=1))
    table = table.sort_values("value", ascending=False, na_position="last")
    ax = ax or new_axes(8.5, 1.7 + 0.42 * len(table))
    title = f"{result.labels[name]} by {', '.join(result.by)}"
    total = result.overall[result.overall["metric"] == name]
    if result.every:
        title += f", {period_label(table['period'].iloc[0], result.every)}"
        total = total[total["period"] == result.judged(name)]
    if len(total) and pd.notna(total["value"].iloc[0]):
        whole = float(_shown(total["value"], unit).iloc[0])
        reference_line(ax, whole, f"all groups {format_value(total['value'].iloc[0], unit)}")
    _forest(ax, table, unit, [PALETTE[0]] * len(table))
    ax.set_xlabel(_unit_label(result.labels[name], unit))
    head(ax, title, f"{100 * result.level:g} % intervals", above=18)
    return ax


def _changes(result: Scorecard, ax: Axes | None, name: str) -> Axes:
    next_step = "choose another metric, or make one with every='month'"
    if not len(result.changes):
        raise ArgumentError("this scorecard has no changes to show", next_step=next_step)
    table = result.changes[result.changes["metric"] == name]
    if not len(table):
        raise ArgumentError(f"{name!r} has no change in the judged period", next_step=next_step)
    unit = Unit(table["unit"].iloc[0])
    table = table.assign(label=_change_labels(result, table), value=table["difference"])
    colours = [{"up": GOOD, "down": BAD}.get(verdict, MUTED) for verdict in table["verdict"]]
    ax = ax or new_axes(8.5, 1.7 + 0.42 * len(table))
    ax.axvline(0, color=INK, linewidth=1)
    _forest(ax, table, unit, colours, signed=True)
    start = table["period"].iloc[0]
    when = period_label(start, result.every)
    ax.set_xlabel(f"change of {result.labels[name]} since {label_before(start, result.every)}")
    head(
        ax,
        f"What moved: {result.labels[name]}, {when}",
        f"{100 * result.level:g} % intervals; grey: within noise, corrected for looking many times",
    )
    return ax


def _change_labels(result: Scorecard, table: pd.DataFrame) -> list[str]:
    """Groups, the whole told apart from a group called all, with the period compared with if not adjacent."""
    before = label_before(table["period"].iloc[0], result.every)
    whole = "all"
    if result.by or result.searched:
        whole = "all groups"
    labels = []
    for row in table.to_dict("records"):
        label = str(row["group"])
        if result.searched:
            label = f"{row['column']} {label}"
        if row["whole"]:
            label = whole
        if row["against"] != before:
            label += f"\nsince {row['against']}"
        labels.append(label)
    return labels


def _forest(ax: Axes, table: pd.DataFrame, unit: Unit, colours: list[str], *, signed: bool = False) -> None:
    rows = table.reset_index(drop=True)
    ends = {name: _shown(rows[name], unit) for name in ("low", "value", "high")}
    for place, row in enumerate(rows.to_dict("records")):
        n = int(row["n"])
        if row["suppressed"]:
            beside(ax, place, hidden_mark(n, row.get("n_effective")))
            continue
        if pd.isna(row["value"]):
            beside(ax, place, f"not known, n {n:,}")
            continue
        low, value, high = (float(ends[name].iloc[place]) for name in ("low", "value", "high"))
        ax.plot([low, high], [place, place], color=colours[place], linewidth=2.2, solid_capstyle="round")
        ax.plot(value, place, "o", color=colours[place], markersize=7)
        text = f"{interval_text(row, 'value', unit, signed=signed)}, n {n:,}"
        if row["small_base"]:
            text += " (small)"
        beside(ax, place, text)
    rows_axis(ax, range(len(rows)), rows["label"])
    ax.set_ylim(len(rows) - 0.4, -0.6)
