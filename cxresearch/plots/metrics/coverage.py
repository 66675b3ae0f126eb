"""Picture of coverage: a heat map in which what is never asked stands out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.patches import Rectangle

from cxresearch.metrics.journey_facts.coverage_result import NEVER, SILENT, Coverage
from cxresearch.plots.registry import draw
from cxresearch.plots.style import BAD, INK, head, look, new_axes, row_label

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SHADES = LinearSegmentedColormap.from_list("coverage", ["#f7fbff", "#9ecae1", "#0072B2", "#003a5c"])
#: Cells whose numbers can be read in one picture.
_MOST_NUMBERS = 240


@draw.register(Coverage)
def draw_coverage(result: Coverage, ax: Axes | None = None) -> Axes:
    """Draw the share of customers heard in each cell; cells never asked are hatched.

    Parameters
    ----------
    result : Coverage
        What is asked where. Rows are the first column of its grid, columns the others, crossed. Without a
        share of customers the shade is the number of questions asked.
    ax : Axes, optional
        Where to draw.
    """
    import seaborn as sns

    shown = "share_customers"
    if result.table[shown].isna().all():
        shown = "asked"
    values = _laid_out(result, shown).astype(float)
    status = _laid_out(result, "status")
    texts = None
    if values.size <= _MOST_NUMBERS:
        texts = _texts(values, status, shown)
    with look():
        width = min(3.0 + 1.0 * values.shape[1], 16)
        axes = ax or new_axes(width, min(2.4 + 0.45 * len(values), 14))
        sns.heatmap(
            values.where(status != NEVER),
            annot=texts,
            fmt="",
            annot_kws={"fontsize": 8.5},
            cmap=_SHADES,
            vmin=0,
            cbar=False,
            linewidths=1.5,
            linecolor="white",
            yticklabels=[row_label(name) for name in values.index],
            xticklabels=[row_label(name) for name in values.columns],
            ax=axes,
        )
        _hatch(axes, status)
        _frame_of_words(axes, result, shown)
    return axes


def _laid_out(result: Coverage, column: str) -> pd.DataFrame:
    """One column of the table with the first of the grid in rows and the others, crossed, in columns."""
    table = result.table
    rows, *across = result.by
    names = pd.Series("", index=table.index)
    if across:
        names = table[across].astype(str).agg("\n".join, axis=1)
    wide = pd.DataFrame(
        {"row": table[rows].astype(str), "column": names, "value": table[column].astype("object")}
    )
    laid = wide.pivot_table(index="row", columns="column", values="value", aggfunc="first", dropna=False)
    # Order of the table, which is that of the levels declared.
    return laid.reindex(index=wide["row"].unique(), columns=wide["column"].unique())


def _texts(values: pd.DataFrame, status: pd.DataFrame, shown: str) -> pd.DataFrame:
    if shown == "asked":
        texts = values.map(lambda number: f"{number:,.0f}")
    else:
        texts = values.map(_percentage)
    texts = texts.mask(values.isna(), "hidden")
    return texts.mask(status == SILENT, "silent").mask(status == NEVER, "")


def _percentage(share: float) -> str:
    if 0 < share < 0.01:
        return f"{100 * share:.1f}"
    return f"{100 * share:.0f}"


def _hatch(axes: Axes, status: pd.DataFrame) -> None:
    """Mark the cells never asked: they are what the picture is for."""
    for row, column in zip(*np.nonzero(status.to_numpy() == NEVER), strict=True):
        mark = Rectangle(
            (column + 0.03, row + 0.03), 0.94, 0.94, fill=False, hatch="////", edgecolor=BAD, linewidth=0
        )
        axes.add_patch(mark)
        axes.text(
            column + 0.5, row + 0.5, "never", ha="center", va="center", fontsize=8.5, color=BAD
        ).set_bbox({"facecolor": "white", "edgecolor": "none", "pad": 1.5})


def _frame_of_words(axes: Axes, result: Coverage, shown: str) -> None:
    axes.set_xlabel(" x ".join(result.by[1:]))
    axes.set_ylabel("")
    axes.grid(visible=False)
    axes.tick_params(length=0, rotation=0, labelcolor=INK)
    what = "% of customers heard"
    if shown == "asked":
        what = "questions asked"
    empty = int((result.table["status"] == NEVER).sum())
    head(
        axes,
        f"What is asked where: {what}",
        f"{empty:,} of {len(result.table):,} cells never asked in {result.window_days:g} days (hatched)",
    )
