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

    from cxresearch.aliases import Floats

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
    sizes = result.table.groupby("cohort")["n"].first().reindex(table.index)
    values = table.to_numpy(float)
    if intervals is None:
        intervals = table.shape[1] <= 8 and len(table) <= 16
    cell = (0.5, 0.3)
    if intervals:
        cell = (0.8, 0.42)
    with look():
        width = min(2.6 + cell[0] * table.shape[1], 16)
        height = min(1.6 + cell[1] * len(table), 14)
        axes = ax or new_axes(width, height)
        darkest = max(1.0, float(np.nanmax(values, initial=1.0)))
        lightest = max(float(np.nanmin(values, initial=darkest)) - 0.1, 0.0)
        axes.imshow(np.ma.masked_invalid(values), cmap=_SHADES, vmin=lightest, vmax=darkest, aspect="auto")
        if np.isfinite(values).sum() <= 700:
            texts = _shares(values)
            if intervals:
                texts = _with_ends(texts, *_ends(result, table))
            _write(axes, values, texts, (lightest, darkest))
        pattern = _DATES[result.every]
        axes.set_yticks(
            range(len(table)), [f"{at:{pattern}}  (n {int(n):,})" for at, n in sizes.items()], color=INK
        )
        axes.set_xticks(range(table.shape[1]), [str(age) for age in table.columns])
        below = ""
        if intervals:
            below = f"\nbelow each share its {100 * result.level:g} % interval"
        axes.set_xlabel(f"{result.every}s since the first payment{below}")
        axes.grid(visible=False)
        axes.tick_params(length=0)
        for side in axes.spines.values():
            side.set_visible(False)
        what = {"customers": "Customers"}.get(result.of, "Recurring revenue")
        axes.set_title(f"{what} left of each cohort, % of the end of its first {result.every}")
        if len(table) > 45:
            axes.set_yticks(
                axes.get_yticks()[::3], [label.get_text() for label in axes.get_yticklabels()][::3]
            )
    return axes


def _ends(result: CohortRetention, table: pd.DataFrame) -> tuple[Floats, Floats]:
    """Ends of the intervals in the order of the cells."""
    low, high = (
        result.table.pivot(index="cohort", columns="age", values=end)
        .reindex(index=table.index, columns=table.columns)
        .to_numpy(float)
        for end in ("low", "high")
    )
    return low, high


def _shares(values: Floats) -> NDArray[np.object_]:
    """Shares in per cent as text; empty where there is none."""
    texts = np.full(values.shape, "", dtype=object)
    for cell in np.argwhere(np.isfinite(values)):
        texts[tuple(cell)] = f"{100 * values[tuple(cell)]:.0f}"
    return texts


def _with_ends(texts: NDArray[np.object_], low: Floats, high: Floats) -> NDArray[np.object_]:
    """Add the interval below each share that has one."""
    longer = texts.copy()
    for cell in np.argwhere(np.isfinite(low)):
        place = tuple(cell)
        longer[place] = f"{texts[place]}\n{100 * low[place]:.0f} to {100 * high[place]:.0f}"
    return longer


def _write(ax: Axes, values: Floats, texts: NDArray[np.object_], shades: tuple[float, float]) -> None:
    lightest, darkest = shades
    size = 8.0
    if any("\n" in text for text in texts.ravel()):
        size = 7.5
    for row, column in np.argwhere(texts != ""):
        value = values[row, column]
        text = texts[row, column]
        colour = INK
        if (value - lightest) / max(darkest - lightest, 1e-9) > 0.5:
            colour = "white"
        elif value <= 0:
            colour = MUTED
        ax.text(column, row, text, ha="center", va="center", fontsize=size, color=colour, linespacing=1.3)
