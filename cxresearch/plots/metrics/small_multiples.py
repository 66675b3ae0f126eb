"""All metrics of a scorecard over time, in one small panel each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import seaborn as sns
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

from cxresearch.errors import ArgumentError
from cxresearch.plots.event_lines import event_lines
from cxresearch.plots.style import PALETTE
from cxresearch.results.units import Unit

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from cxresearch.metrics.scorecard.scorecard_result import Scorecard

_COLUMNS = 4


def draw_multiples(result: Scorecard, ax: Axes | None) -> Axes:
    """Draw a panel a metric: no words but its name, the same time axis everywhere.

    Raises
    ------
    ArgumentError
        If axes are given, or the scorecard has no periods.
    """
    if ax is not None:
        raise ArgumentError("small multiples draw a figure of their own", wanted="no ax")
    rows = result.overall[result.overall["value"].notna() & (result.overall["n"] > 0)]
    if not result.every or not len(rows):
        raise ArgumentError("this scorecard has no periods", next_step="make one with every='month'")
    rows = rows.assign(label=rows["metric"].map(result.labels))
    columns = min(_COLUMNS, rows["label"].nunique())
    # FacetGrid lays its panels out itself, which goes with no other layout.
    with mpl.rc_context({"figure.constrained_layout.use": False}):
        grid = sns.FacetGrid(rows, col="label", col_wrap=columns, sharey=False, height=1.7, aspect=1.5)
    for axes, (label, panel) in zip(grid.axes.flat, rows.groupby("label", sort=False), strict=True):
        _panel(axes, panel.sort_values("period"), str(label))
        ends = (panel["period"].min(), panel["period"].max())
        event_lines(axes, result.events, first=ends[0], last=ends[1], labels=False)
    grid.set_axis_labels("", "")
    grid.tight_layout()
    first: Axes = grid.axes.flat[0]
    return first


def _panel(axes: Axes, rows: pd.DataFrame, label: str) -> None:
    # Each panel has its own scale of values: points, per cents and hours share no axis.
    factor = 1.0
    title = label
    if Unit(rows["unit"].iloc[0]) is Unit.SHARE:
        factor = 100.0
        title = f"{label}, %"
    periods = rows["period"].to_numpy()
    low, value, high = (factor * rows[part].to_numpy() for part in ("low", "value", "high"))
    axes.fill_between(periods, low, high, color=PALETTE[0], alpha=0.18, linewidth=0)
    axes.plot(periods, value, color=PALETTE[0], linewidth=1.6)
    axes.set_title(title, fontsize=9)
    axes.tick_params(labelsize=7.5)
    locator: Any = AutoDateLocator(minticks=2, maxticks=4)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
