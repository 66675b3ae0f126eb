"""Picture of cohort retention: a heatmap whose incomplete cells stay blank."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.colors import LinearSegmentedColormap

from cxresearch.plots.dispatch import draw
from cxresearch.plots.style import INK, MUTED, look, new_axes
from cxresearch.results.cohort import CohortRetention

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SHADES = LinearSegmentedColormap.from_list("retention", ["#f7fbff", "#9ecae1", "#0072B2", "#003a5c"])
_DATES = {"day": "%d %b %y", "week": "%d %b %y", "month": "%b %Y", "quarter": "%b %Y", "year": "%Y"}


@draw.register(CohortRetention)
def draw_cohorts(result: CohortRetention, ax: Axes | None = None, *, ages: int | None = None) -> Axes:
    """Draw shares by cohort (rows, with n) and age (columns).

    Parameters
    ----------
    result : CohortRetention
        The cohorts.
    ax : Axes, optional
        Where to draw.
    ages : int, optional
        Show only the first so many ages.
    """
    table = result.matrix()
    table = table.loc[:, table.notna().any()]
    table = table.iloc[:, :ages].loc[lambda part: part.notna().any(axis=1)]
    sizes = result.frame.groupby("cohort")["n"].first().reindex(table.index)
    values = table.to_numpy(float)
    with look():
        height = min(1.6 + 0.3 * len(table), 14)
        axes = new_axes(min(2.6 + 0.5 * table.shape[1], 16), height) if ax is None else ax
        low = float(np.nanmin(values)) if values.size else 0.0
        top = max(1.0, float(np.nanmax(values)) if values.size else 1.0)
        axes.imshow(
            np.ma.masked_invalid(values), cmap=_SHADES, vmin=max(low - 0.1, 0), vmax=top, aspect="auto"
        )
        if values.size <= 700:
            _numbers(axes, values, max(low - 0.1, 0), top)
        pattern = _DATES[result.every]
        axes.set_yticks(
            range(len(table)), [f"{at:{pattern}}  (n {int(n):,})" for at, n in sizes.items()], color=INK
        )
        axes.set_xticks(range(table.shape[1]), [str(age) for age in table.columns])
        axes.set_xlabel(f"{result.every}s since the first payment")
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


def _numbers(ax: Axes, values: np.ndarray, low: float, high: float) -> None:
    for (row, column), value in np.ndenumerate(values):
        if np.isnan(value):
            continue
        dark = (value - low) / max(high - low, 1e-9) > 0.5
        colour = "white" if dark else INK if value > 0 else MUTED
        ax.text(column, row, f"{100 * value:.0f}", ha="center", va="center", fontsize=8, color=colour)
