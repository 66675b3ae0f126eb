"""Picture of one score: churn by answer, with the silent and everybody beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cxresearch.headtohead.one_score.answer_table import EVERYBODY, SILENT
from cxresearch.headtohead.one_score.score_verdict import ScoreVerdict
from cxresearch.plots.registry import draw
from cxresearch.plots.style import BAD, GOOD, MUTED, head, look, new_axes, percent
from cxresearch.results.units import Unit, format_value

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Free places between the answers and the silent.
_APART = 0.6


@draw.register(ScoreVerdict)
def draw_one_score(result: ScoreVerdict, ax: Axes | None = None) -> Axes:
    """Draw churn by answer with its interval, the silent apart, and a line at the churn of everybody."""
    with look():
        ax = ax or new_axes(8.0, 4.6)
        table = result.table
        lines = table[table["answer"] != EVERYBODY].reset_index(drop=True)
        silent = (lines["answer"] == SILENT).to_numpy()
        place = np.arange(len(lines)) + _APART * silent
        shown = lines["churn"].notna().to_numpy()
        for colour, member in ((GOOD, shown & ~silent), (BAD, shown & silent)):
            if not member.any():
                continue
            churn, low, high, share = lines.loc[member, ["churn", "low", "high", "share"]].to_numpy().T
            errors = [churn - low, high - churn]
            ax.errorbar(place[member], churn, yerr=errors, fmt="none", ecolor=colour, linewidth=1.6)
            ax.scatter(place[member], churn, s=24 + 420 * share, color=colour, zorder=3)
        _everybody(ax, result)
        labels = [
            f"{answer}\nn {rows:,}" for answer, rows in zip(lines["answer"], lines["rows"], strict=True)
        ]
        ax.set_xticks(place, labels, fontsize=8.5)
        ax.set_xlim(-0.7, place[-1] + 0.7)
        ax.set_ylim(0, _top(result))
        ax.set_xlabel(f"answer to {result.label}, and those who gave none")
        ax.set_ylabel(f"left within {result.horizon_days:g} days")
        percent(ax.yaxis)
        text = (
            f"{result.n:,} rows with an answer, {result.n_cases:,} leavers among them; "
            f"{100 * result.level:g} % intervals; larger: more customers"
        )
        if (lines["high"] > ax.get_ylim()[1]).any():
            text += "; those of few run off the top"
        head(ax, f"Who leaves, by answer to {result.label}", text)
    return ax


def _everybody(ax: Axes, result: ScoreVerdict) -> None:
    churn = float(result.table.loc[result.table["answer"] == EVERYBODY, "churn"].iloc[0])
    if np.isnan(churn):
        return
    ax.axhline(churn, color=MUTED, linewidth=1, linestyle=(0, (4, 3)), zorder=1)
    ax.annotate(
        f"everybody\n{format_value(churn, Unit.SHARE)}",
        (1.0, churn),
        xycoords=("axes fraction", "data"),
        xytext=(5, 0),
        textcoords="offset points",
        ha="left",
        va="center",
        color=MUTED,
        fontsize=9,
    )


def _top(result: ScoreVerdict) -> float:
    """Upper end of the axis: all points, and the intervals of all but the smallest groups."""
    table = result.table
    reach = table.loc[table["note"] == "", "high"].max()
    highest = np.nanmax([reach, table["churn"].max(), 0.02])
    return float(min(1.08 * highest, 1.02))
