"""Picture of cohort retention: a heatmap whose incomplete cells stay blank."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.colors import LinearSegmentedColormap

from cxresearch.metrics.revenue.cohort_retention import CohortRetention
from cxresearch.plots.registry import draw
from cxresearch.plots.style import INK, look, new_axes

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

_SHADES = LinearSegmentedColormap.from_list("retention", ["#f7fbff", "#9ecae1", "#0072B2", "#003a5c"])
#: Numbers in cells, and names of cohorts, that can be read in one picture.
_MOST_NUMBERS = 700
_MOST_LABELS = 45
_DATES = {"day": "%d %b %y", "week": "%d %b %y", "month": "%b %Y", "quarter": "%b %Y", "year": "%Y"}


@draw.register(CohortRetention)
def draw_cohorts(
    result: CohortRetention,
    ax: Axes | None = None,
    *,
    ages: int | None = None,
    intervals: bool | None = None,
) -> Axes:
    """Draw shares by cohort (rows, with n) and age (columns).

    Parameters
    ----------
    result : CohortRetention
        The cohorts.
    ax : Axes, optional
        Where to draw.
    ages : int, optional
        Show only the first so many ages.
    intervals : bool, optional
        Write the interval below each share; by default where all are readable, in up to 8 columns and 16 rows
        (`CohortRetention.table` has them all).
    """
    import seaborn as sns

    table = result.matrix()
    table = table.loc[:, table.notna().any()]
    table = table.iloc[:, :ages].loc[lambda part: part.notna().any(axis=1)]
    if intervals is None:
        # Two lines of numbers in a cell can be read in some 130 cells, not beyond.
        intervals = table.shape[1] <= 8 and len(table) <= 16
    # Cells with intervals are larger and their numbers smaller.
    cell, letters = (0.5, 0.3), 8.0
    if intervals:
        cell, letters = (0.8, 0.42), 7.5
    texts = None
    if table.notna().to_numpy().sum() <= _MOST_NUMBERS:
        texts = _cell_texts(result, table, intervals=intervals)
    with look():
        axes = ax or new_axes(min(2.6 + cell[0] * table.shape[1], 16), min(1.6 + cell[1] * len(table), 14))
        sns.heatmap(
            table,
            annot=texts,
            fmt="",
            annot_kws={"fontsize": letters, "linespacing": 1.3},
            cmap=_SHADES,
            # Shades span the shares there are, less a tenth so that the lowest is not white as a blank cell.
            vmin=max(np.nanmin(table.to_numpy(float), initial=1.0) - 0.1, 0.0),
            vmax=np.nanmax(table.to_numpy(float), initial=1.0),
            cbar=False,
            yticklabels=_cohort_labels(result, table),
            ax=axes,
        )
        _frame_of_words(axes, result, intervals=intervals)
    return axes


def _cell_texts(result: CohortRetention, table: pd.DataFrame, *, intervals: bool) -> pd.DataFrame:
    """Percentages, with the ends of their intervals on a second line where wanted."""
    shares = table.map(_percentage)
    if not intervals:
        return shares
    low, high = (
        result.table.pivot_table(index="cohort", columns="age", values=end, dropna=False)
        .reindex(index=table.index, columns=table.columns)
        .map(_percentage)
        for end in ("low", "high")
    )
    texts = shares + "\n" + low + " to " + high
    # The first period has a share of 100 % by definition and no interval.
    return texts.where((low != "") & (high != ""), shares)


def _percentage(share: float) -> str:
    if np.isnan(share):
        return ""
    return f"{100 * share:.0f}"


def _cohort_labels(result: CohortRetention, table: pd.DataFrame) -> list[str]:
    """Each cohort with its n; of many cohorts every third."""
    sizes = result.table.groupby("cohort")["n"].first().reindex(table.index)
    pattern = _DATES[result.every]
    labels = [f"{start:{pattern}}  (n {int(n):,})" for start, n in sizes.items()]
    # Every third name stays: 135 cohorts, eleven years of months, still fit.
    if len(labels) > _MOST_LABELS:
        labels[1::3] = [""] * len(labels[1::3])
        labels[2::3] = [""] * len(labels[2::3])
    return labels


def _frame_of_words(axes: Axes, result: CohortRetention, *, intervals: bool) -> None:
    label = f"{result.every}s since the first payment"
    if intervals:
        label += f"\nbelow each share its {100 * result.level:g} % interval"
    axes.set_xlabel(label)
    axes.set_ylabel("")
    axes.grid(visible=False)
    axes.tick_params(length=0)
    axes.tick_params(axis="x", rotation=0)
    axes.tick_params(axis="y", rotation=0, labelcolor=INK)
    what = {"customers": "Customers", "revenue": "Recurring revenue"}[result.of]
    axes.set_title(f"{what} left of each cohort, % of the end of its first {result.every}")
