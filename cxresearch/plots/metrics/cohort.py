"""Picture of cohort retention: a heatmap whose incomplete cells stay blank."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.colors import LinearSegmentedColormap

from cxresearch.metrics.revenue.cohort_retention import CohortRetention
from cxresearch.plots.registry import draw
from cxresearch.plots.style import INK, MUTED, look, new_axes

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_SHADES = LinearSegmentedColormap.from_list("retention", ["#f7fbff", "#9ecae1", "#0072B2", "#003a5c"])
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
    table = result.matrix()
    table = table.loc[:, table.notna().any()]
    table = table.iloc[:, :ages].loc[lambda part: part.notna().any(axis=1)]
    sizes = result.frame.groupby("cohort")["n"].first().reindex(table.index)
    values = table.to_numpy(float)
    wide = (table.shape[1] <= 8 and len(table) <= 16) if intervals is None else intervals
    with look():
        height = min(1.6 + (0.42 if wide else 0.3) * len(table), 14)
        width = min(2.6 + (0.8 if wide else 0.5) * table.shape[1], 16)
        axes = new_axes(width, height) if ax is None else ax
        low = float(np.nanmin(values)) if values.size else 0.0
        top = max(1.0, float(np.nanmax(values)) if values.size else 1.0)
        axes.imshow(
            np.ma.masked_invalid(values), cmap=_SHADES, vmin=max(low - 0.1, 0), vmax=top, aspect="auto"
        )
        if np.isfinite(values).sum() <= 700:
            _numbers(axes, values, max(low - 0.1, 0), top, _ends(result, table) if wide else None)
        pattern = _DATES[result.every]
        axes.set_yticks(
            range(len(table)), [f"{at:{pattern}}  (n {int(n):,})" for at, n in sizes.items()], color=INK
        )
        axes.set_xticks(range(table.shape[1]), [str(age) for age in table.columns])
        below = f"\nbelow each share its {100 * result.level:g} % interval" if wide else ""
        axes.set_xlabel(f"{result.every}s since the first payment{below}")
        axes.grid(visible=False)
        axes.tick_params(length=0)
        for side in axes.spines.values():
            side.set_visible(False)
        what = "Customers" if result.of == "customers" else "Recurring revenue"
        axes.set_title(f"{what} left of each cohort, % of the end of its first {result.every}")
        if len(table) > 45:
            axes.set_yticks(
                axes.get_yticks()[::3], [label.get_text() for label in axes.get_yticklabels()][::3]
            )
    return axes


def _ends(result: CohortRetention, table: pd.DataFrame) -> tuple[Floats, Floats]:
    """Ends of the intervals in the order of the cells."""
    low, high = (
        result.frame.pivot(index="cohort", columns="age", values=end)
        .reindex(index=table.index, columns=table.columns)
        .to_numpy(float)
        for end in ("low", "high")
    )
    return low, high


def _numbers(
    ax: Axes, values: Floats, low: float, high: float, ends: tuple[Floats, Floats] | None = None
) -> None:
    for (row, column), value in np.ndenumerate(values):
        if np.isnan(value):
            continue
        dark = (value - low) / max(high - low, 1e-9) > 0.5
        colour = "white" if dark else INK if value > 0 else MUTED
        text = f"{100 * value:.0f}"
        if ends is not None and not np.isnan(ends[0][row, column]):
            text += f"\n{100 * ends[0][row, column]:.0f} to {100 * ends[1][row, column]:.0f}"
        size = 8 if ends is None else 7.5
        ax.text(column, row, text, ha="center", va="center", fontsize=size, color=colour, linespacing=1.3)
