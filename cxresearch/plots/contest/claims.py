"""Picture of sayings of the trade: each with its verdict, and the estimate that it rests on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from cxresearch.headtohead.claims.evidence import VERDICTS, ClaimAudit
from cxresearch.plots.registry import draw
from cxresearch.plots.style import BAD, GOOD, INK, MUTED, NEUTRAL, beside, head, look, new_axes, rows_axis

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COLOURS = dict(zip(VERDICTS, (GOOD, BAD, MUTED, NEUTRAL), strict=True))


@draw.register(ClaimAudit)
def draw_claims(result: ClaimAudit, ax: Axes | None = None) -> Axes:
    """Draw a dot for each saying under its verdict; at the right the estimate with its interval and n.

    Estimates of different sayings are shares, points and ratios, which no axis holds together.
    """
    rows = result.table.to_dict("records")
    with look():
        ax = ax or new_axes(12.0, 1.9 + 0.5 * len(rows))
        for place, row in enumerate(rows):
            ax.axhline(place, color=NEUTRAL, linewidth=0.6, zorder=0)
            ax.plot(VERDICTS.index(row["verdict"]), place, "o", color=_COLOURS[row["verdict"]], markersize=11)
            beside(ax, place, _estimate(row), colour=MUTED, size=8.5)
        rows_axis(ax, range(len(rows)), [row["claim"] for row in rows])
        ax.set_ylim(len(rows) - 0.4, -0.6)
        ax.set_xlim(-0.6, len(VERDICTS) - 0.4)
        # Wide words in narrow columns: one below the other.
        names = [verdict.replace(" ", "\n") for verdict in VERDICTS]
        ax.set_xticks(range(len(VERDICTS)), names, color=INK, fontsize=8)
        head(ax, "Sayings of the trade", f"{100 * result.level:g} % intervals; a screening, no experiments")
    return ax


def _estimate(row: dict[Any, Any]) -> str:
    if pd.isna(row["estimate"]):
        return str(row["estimand"])
    ends = f"{row['estimate']:.3g} [{row['low']:.3g}, {row['high']:.3g}], n {row['n']:,}"
    return f"{ends}\n{row['estimand']}"
