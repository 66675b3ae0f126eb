"""Pictures of tables that are frames: metrics by group and period, contrasts, and figures of tickets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import pandas as pd
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

from cxresearch.checks import check_choice
from cxresearch.errors import ArgumentError
from cxresearch.plots.registry import classes_with_a_picture, draw
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
    row_label,
    rows_axis,
    whole_numbers,
)
from cxresearch.results.hiding import hidden_mark
from cxresearch.results.units import Unit, format_value

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_KINDS = ("dots", "trend", "heatmap", "multiples")
#: Rows of a dot plot, numbers of a heat map and panels that can be read in one picture.
_MOST_ROWS, _MOST_NUMBERS, _MOST_PANELS = 40, 240, 16
_MOST_LINES = 6
_ABBREVIATIONS = {"nps": "NPS", "csat": "CSAT", "ces": "CES", "mrr": "MRR", "arr": "ARR"}
#: Columns that no group column is called, by the kind of table.
_SAID = {
    *("metric", "period", "value", "low", "high", "level", "se", "n", "n_effective", "n_missing", "unit"),
    *("method", "small_base", "suppressed", "against", "value_against", "difference", "statistic", "p_value"),
    *("p_adjusted", "adjustment", "test", "n_against", "time", "clock", "open", "median", "median_low"),
    *("median_high", "p90", "p90_low", "p90_high", "mean_of_finished", "tickets", "complete"),
    *("resolved_so_far", "group", "label"),
}


@dataclass(frozen=True, kw_only=True)
class _Figures:
    """A table with its figures as value, low and high, whatever it calls them."""

    rows: pd.DataFrame
    by: tuple[str, ...]
    name: str
    unit: Unit
    signed: bool = False

    @property
    def over_time(self) -> bool:
        return "period" in self.rows and self.rows["period"].nunique() > 1

    @property
    def axis(self) -> str:
        """What stands at the axis of values."""
        if self.unit in (Unit.SHARE, Unit.SHARE_DIFFERENCE, Unit.SCORE, Unit.COUNT):
            return self.name
        return f"{self.name}, {self.unit}"


@draw.register(pd.DataFrame)
def draw_table(result: pd.DataFrame, ax: Axes | None = None, *, kind: str | None = None) -> Axes:
    """Draw a table of a metric, of contrasts (``cx.metric_contrasts``) or of tickets (``cx.support``).

    Parameters
    ----------
    kind : {"dots", "trend", "heatmap", "multiples"}
        Each row as a dot with its interval; lines with ribbons over the periods, one a group (six at most);
        groups by periods, or the first group column by the others, in shades with numbers; the trend of each
        group in a panel of a new figure. By default the trend where there are periods, and dots without.
        Hidden cells stay empty or say so.
    """
    figures = _figures(result)
    if kind is None:
        kind = "dots"
        if figures.over_time and not figures.signed:
            kind = "trend"
    check_choice("kind", kind, _KINDS)
    if not len(figures.rows):
        raise ArgumentError("the table has no row to draw", next_step="look at it")
    with look():
        return {"dots": _dots, "trend": _trend, "heatmap": _heatmap, "multiples": _multiples}[kind](
            figures, ax
        )


def _figures(table: pd.DataFrame) -> _Figures:
    columns = set(table.columns)
    by = tuple(name for name in table.columns if name not in _SAID)
    if {"metric", "difference", "low", "high", "against", "unit"} <= columns:
        rows = table.assign(value=table["difference"])
        return _Figures(rows=rows, by=by, name=_metric(table), unit=_unit(table), signed=True)
    if {"metric", "value", "low", "high", "unit"} <= columns:
        return _Figures(rows=table, by=by, name=_metric(table), unit=_unit(table))
    if {"time", "median", "median_low", "median_high"} <= columns:
        rows = table.assign(value=table["median"], low=table["median_low"], high=table["median_high"])
        said = str(next(iter(table["time"]), "time")).replace("_", " ")
        return _Figures(rows=rows, by=by, name=f"median time to {said}", unit=Unit.HOURS)
    if {"tickets", "low", "high"} <= columns:
        rows = table.assign(value=table["tickets"].astype(float), n=table["tickets"])
        return _Figures(rows=rows, by=by, name="tickets", unit=Unit.COUNT)
    if {"value", "low", "high", "resolved_so_far"} <= columns:
        return _Figures(rows=table, by=by, name="resolved tickets", unit=Unit.SHARE)
    raise ArgumentError(
        "a DataFrame without figures and their intervals has no picture",
        wanted="a table of cx.metric_table, cx.metric_contrasts, cx.support.ticket_times, ticket_volume or "
        "resolution_rate, or one of " + ", ".join(classes_with_a_picture()),
        next_step="draw the frame with seaborn",
    )


def _metric(table: pd.DataFrame) -> str:
    names = list(table["metric"].unique())
    if len(names) > 1:
        raise ArgumentError(
            f"the table holds {len(names)} metrics, whose values share no axis",
            wanted="rows of one metric",
            next_step="cx.plot(cx.scorecard(...), kind='multiples') draws all in panels",
        )
    words = [_ABBREVIATIONS.get(word, word) for name in names for word in str(name).split("_")]
    return " ".join(words)


def _unit(table: pd.DataFrame) -> Unit:
    return next((Unit(name) for name in table["unit"]), Unit.SCORE)


def _labels(figures: _Figures, *, period: bool = True) -> pd.Series[Any]:
    """Each row in words: its groups, its period, and what it is compared with."""
    parts = [figures.rows[name].astype(str) for name in figures.by]
    if period and "period" in figures.rows:
        parts.append(figures.rows["period"].dt.strftime("%Y-%m-%d"))
    if figures.signed:
        parts.append("against " + figures.rows["against"].astype(str))
    if not parts:
        return pd.Series("all", index=figures.rows.index)
    return pd.concat(parts, axis=1).agg(", ".join, axis=1)


def _note(figures: _Figures) -> str:
    """Level and sizes, as far as the table says them."""
    parts = []
    if "level" in figures.rows:
        parts.append(f"{100 * figures.rows['level'].iloc[0]:g} % intervals")
    if figures.signed:
        parts.append("grey: within noise, corrected for looking many times")
    elif "n" in figures.rows and figures.unit is not Unit.COUNT:
        sizes = figures.rows["n"]
        parts.append(f"n {int(sizes.min()):,} to {int(sizes.max()):,}")
    return "; ".join(parts)


def _value_axis(axis: Any, figures: _Figures) -> None:
    if figures.unit in (Unit.SHARE, Unit.SHARE_DIFFERENCE):
        percent(axis)
    elif figures.unit is Unit.COUNT:
        whole_numbers(axis)


def _dots(figures: _Figures, ax: Axes | None) -> Axes:
    if len(figures.rows) > _MOST_ROWS:
        raise ArgumentError(
            f"{len(figures.rows):,} rows are too many dots", wanted=f"{_MOST_ROWS} at most, or another kind"
        )
    rows = figures.rows.assign(label=_labels(figures)).reset_index(drop=True)
    if not figures.over_time and not figures.signed:
        rows = rows.sort_values("value", ascending=False, na_position="last", ignore_index=True)
    ax = ax or new_axes(8.5, 1.7 + 0.42 * len(rows))
    for place, row in enumerate(rows.to_dict("records")):
        _dot(ax, place, row, figures)
    if figures.signed:
        ax.axvline(0, color=INK, linewidth=1)
    rows_axis(ax, range(len(rows)), rows["label"])
    ax.set_ylim(len(rows) - 0.4, -0.6)
    _value_axis(ax.xaxis, figures)
    ax.set_xlabel(figures.axis)
    title = figures.name
    if figures.signed:
        title = f"{figures.name}: differences"
    head(ax, title, _note(figures))
    return ax


def _dot(ax: Axes, place: int, row: dict[Any, Any], figures: _Figures) -> None:
    n = int(row["n"])
    if row.get("suppressed"):
        beside(ax, place, hidden_mark(n, row.get("n_effective")))
        return
    if pd.isna(row["value"]):
        beside(ax, place, f"not known, n {n:,}")
        return
    colour = PALETTE[0]
    # Corrected p above 1 - level: the interval may exclude zero by the luck of many looks.
    if figures.signed and not row["p_adjusted"] < 1 - row["level"]:
        colour = MUTED
    ax.plot([row["low"], row["high"]], [place, place], color=colour, linewidth=2.2, solid_capstyle="round")
    ax.plot(row["value"], place, "o", color=colour, markersize=7)
    text = f"{interval_text(row, 'value', figures.unit, signed=figures.signed)}, n {n:,}"
    if row.get("small_base"):
        text += " (small)"
    beside(ax, place, text)


def _panels(figures: _Figures) -> list[tuple[str, pd.DataFrame]]:
    """Rows of each group in order of time."""
    if not figures.over_time:
        raise ArgumentError(
            "the table has no periods", next_step="make it with every='quarter', or draw dots"
        )
    rows = figures.rows.assign(label=_labels(figures, period=False))
    return [(str(name), part.sort_values("period")) for name, part in rows.groupby("label", sort=False)]


def _ribbon(ax: Axes, rows: pd.DataFrame, colour: str, text: str) -> None:
    x = rows["period"].to_numpy()
    low, value, high = (rows[part].to_numpy(dtype=float) for part in ("low", "value", "high"))
    ax.fill_between(x, low, high, color=colour, alpha=0.18, linewidth=0)
    ax.plot(x, value, color=colour, marker="o", markersize=3.5, linewidth=1.7, label=text)


def _time_axis(ax: Axes, ticks: int) -> None:
    locator: Any = AutoDateLocator(minticks=2, maxticks=ticks)  # type: ignore[no-untyped-call]
    ax.xaxis.set_major_locator(locator)
    ax.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]


def _trend(figures: _Figures, ax: Axes | None) -> Axes:
    panels = _panels(figures)
    if len(panels) > _MOST_LINES:
        raise ArgumentError(
            f"{len(panels)} lines cannot be told apart",
            wanted=f"{_MOST_LINES} groups at most",
            next_step="cx.plot(table, kind='multiples') or kind='heatmap'",
        )
    ax = ax or new_axes(8.5, 4.4)
    for place, (text, rows) in enumerate(panels):
        _ribbon(ax, rows, PALETTE[place], text)
    if figures.by:
        ax.legend(title=", ".join(figures.by), loc="best", fontsize=9)
    _time_axis(ax, 7)
    _value_axis(ax.yaxis, figures)
    ax.set_ylabel(figures.axis)
    head(ax, f"{figures.name} over time", _note(figures))
    return ax


def _multiples(figures: _Figures, ax: Axes | None) -> Axes:
    import seaborn as sns

    if ax is not None:
        raise ArgumentError("small multiples draw a figure of their own", wanted="no ax")
    panels = _panels(figures)
    if len(panels) > _MOST_PANELS:
        raise ArgumentError(f"{len(panels)} panels cannot be read", wanted=f"{_MOST_PANELS} groups at most")
    rows = pd.concat([part for _, part in panels])
    # FacetGrid lays its panels out itself, which goes with no other layout.
    with mpl.rc_context({"figure.constrained_layout.use": False}):
        grid = sns.FacetGrid(rows, col="label", col_wrap=min(4, len(panels)), height=2.0, aspect=1.4)
    for axes, (text, part) in zip(grid.axes.flat, panels, strict=True):
        _ribbon(axes, part, PALETTE[0], text)
        axes.set_title(row_label(text), fontsize=9)
        _time_axis(axes, 4)
        _value_axis(axes.yaxis, figures)
    grid.set_axis_labels("", figures.axis)
    grid.tight_layout()
    first: Axes = grid.axes.flat[0]
    return first


def _heatmap(figures: _Figures, ax: Axes | None) -> Axes:
    import seaborn as sns

    rows, across = _sides(figures)
    wide = pd.DataFrame({"row": rows, "column": across, "value": figures.rows["value"].astype(float)})
    if wide.duplicated(["row", "column"]).any():
        raise ArgumentError("several rows of the table fall into one cell", wanted="one row a cell")
    laid = wide.pivot_table(index="row", columns="column", values="value", dropna=False, sort=False)
    names = list(wide["column"].unique())
    if figures.over_time:
        # A group that came later must not put its first period behind the others' last.
        names = sorted(names)
    laid = laid.reindex(columns=names)
    texts = None
    if laid.size <= _MOST_NUMBERS:
        texts = laid.map(lambda value: _cell(value, figures))
    # Differences have two directions and a middle; all else is light for little, dark for much.
    colours: dict[str, Any] = {"cmap": "crest"}
    if figures.signed:
        colours = {"cmap": "vlag_r", "center": 0}
    ax = ax or new_axes(min(max(3.0 + 0.75 * laid.shape[1], 7.0), 16), min(1.9 + 0.45 * len(laid), 14))
    sns.heatmap(
        laid,
        annot=texts,
        fmt="",
        annot_kws={"fontsize": 8.5},
        cbar=False,
        linewidths=1.2,
        linecolor="white",
        yticklabels=[row_label(name) for name in laid.index],
        ax=ax,
        **colours,
    )
    ax.set_xlabel("")
    ax.set_ylabel("")
    ax.grid(visible=False)
    ax.tick_params(length=0, labelcolor=INK)
    ax.tick_params(axis="y", rotation=0)
    head(
        ax,
        figures.axis,
        "numbers without their intervals: see the table; empty cells are hidden or not known",
    )
    return ax


def _sides(figures: _Figures) -> tuple[pd.Series[Any], pd.Series[Any]]:
    """What stands in the rows and in the columns of a heat map."""
    if figures.over_time:
        return _labels(figures, period=False), figures.rows["period"].dt.strftime("%Y-%m-%d")
    sides = [figures.rows[name].astype(str) for name in figures.by]
    if figures.signed:
        sides.append(figures.rows["against"].astype(str))
    if len(sides) < 2:
        raise ArgumentError("a heat map has two sides", wanted="periods, or two group columns")
    return sides[0], pd.concat(sides[1:], axis=1).agg(", ".join, axis=1)


def _cell(value: float, figures: _Figures) -> str:
    if pd.isna(value):
        return ""
    return format_value(value, figures.unit, signed=figures.signed)
