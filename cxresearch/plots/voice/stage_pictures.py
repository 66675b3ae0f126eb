"""Pictures of the journey: who comes through, what follows each stage, which stage is unlike the others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from cxresearch.checks import check_choice
from cxresearch.errors import DataError
from cxresearch.plots.registry import draw
from cxresearch.plots.style import (
    BAD,
    GOOD,
    INK,
    MUTED,
    NEUTRAL,
    beside,
    head,
    look,
    new_axes,
    percent,
    percent_tick,
    row_label,
    rows_axis,
)
from cxresearch.results.units import Unit, format_estimate, format_value
from cxresearch.voice.stages.journey_result import Journey

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_KINDS = ("passages", "moves", "fares")
_COLOURS = {"better": GOOD, "worse": BAD}


@draw.register(Journey)
def draw_journey(
    result: Journey, ax: Axes | None = None, *, kind: Literal["passages", "moves", "fares"] = "passages"
) -> Axes:
    """Draw who comes through to the next stage; what follows each stage; or each stage against the others.

    Parameters
    ----------
    result : Journey
    ax : Axes, optional
    kind : {"passages", "moves", "fares"}
        Bars of through, left and standing still; a heat map of what comes next; differences of each stage
        from all others, the grey band being the noise of the whole page.
    """
    check_choice("kind", kind, _KINDS)
    drawings = dict(zip(_KINDS, (_passages, _moves, _fares), strict=True))
    with look():
        return drawings[kind](result, ax)


def _passages(result: Journey, ax: Axes | None) -> Axes:
    rows = result.passages[result.passages["value"].notna()].to_dict("records")
    if not rows:
        raise DataError("no passage can be judged", next_step="print result.passages: each row says why")
    ax = ax or new_axes(8.5, 1.9 + 0.75 * len(rows))
    for place, row in enumerate(rows):
        left = 0.0
        for share, colour in (("value", GOOD), ("left_share", BAD), ("stalled_share", NEUTRAL)):
            ax.barh(place, row[share], left=left, height=0.5, color=colour)
            left += row[share]
        ax.plot([row["low"], row["high"]], [place, place], color=INK, linewidth=2)
        beside(ax, place, f"{format_value(row['value'], Unit.SHARE)} of {row['n']:,}")
    rows_axis(ax, np.arange(len(rows)), [f"{row['from_stage']} to {row['to_stage']}" for row in rows])
    ax.set_xlim(0, 1)
    ax.set_ylim(len(rows) - 0.4, -0.6)
    percent(ax.xaxis)
    ax.set_xlabel("Blue: come through; orange: have left; grey: stand still")
    head(
        ax,
        f"From stage to stage within {result.within_days:g} days",
        f"{result.n:,} people; {100 * result.level:g} % intervals; short follow-up is censored",
    )
    return ax


def _moves(result: Journey, ax: Axes | None) -> Axes:
    import seaborn as sns

    if not len(result.moves):
        raise DataError("no stage was entered by five people or more", next_step="print the result")
    shares = result.moves.pivot(index="stage", columns="next", values="value")
    came = [stage for stage in result.stages if stage in shares.index]
    order = [name for name in (*result.stages, "left", "still there") if name in shares.columns]
    shares = shares.loc[came, order]
    entries = result.moves.groupby("stage")["n"].first()
    ax = ax or new_axes(2.8 + 1.05 * len(order), 2.2 + 0.55 * len(came))
    # A stage does not follow itself: its own cell stays white.
    texts = shares.map(lambda share: "" if np.isnan(share) else percent_tick(round(float(share), 2)))
    sns.heatmap(
        shares,
        ax=ax,
        annot=texts,
        fmt="",
        cmap="Blues",
        vmin=0,
        vmax=1,
        linewidths=1,
        linecolor="white",
        cbar=False,
    )
    ax.grid(visible=False)
    labels = [row_label(f"{stage} (n {entries[stage]:,})") for stage in came]
    ax.set_yticklabels(labels, rotation=0, color=INK)
    ax.set_xticklabels([row_label(name) for name in order], rotation=0, color=INK)
    ax.tick_params(length=0)
    ax.set_xlabel("comes next")
    ax.set_ylabel("from")
    head(ax, f"What comes next within {result.within_days:g} days", "share of entries into each stage")
    return ax


def _fares(result: Journey, ax: Axes | None) -> Axes:
    rows = result.fares[result.fares["se"].notna()].to_dict("records")
    if not rows:
        raise DataError("no stage can be judged against the others", next_step="print result.fares")
    ax = ax or new_axes(9.5, 1.9 + 0.42 * len(rows))
    ax.axvspan(-1, 1, color=NEUTRAL, alpha=0.25, linewidth=0)
    ax.axvline(0, color=INK, linewidth=1)
    for place, row in enumerate(rows):
        _fare(ax, place, row, result.reach)
    rows_axis(ax, np.arange(len(rows)), [f"{row['label']}: {row['stage']}" for row in rows])
    ax.set_ylim(len(rows) - 0.4, -0.6)
    widest = max(abs(row["difference"]) / (result.reach * row["se"]) for row in rows)
    ax.set_xlim(-max(1.2, 1.1 * widest), max(1.2, 1.1 * widest))
    ax.set_xlabel("Worse than all other stages  |  better (grey: noise of the whole page)")
    head(
        ax,
        "How customers fare in each stage",
        f"{result.comparisons:,} comparisons, one error; values with {100 * result.level:g} % intervals",
    )
    return ax


def _fare(ax: Axes, place: int, row: dict[Any, Any], reach: float) -> None:
    # Difference over the reach of the whole page: beyond -1 and 1 it is no noise, whatever its unit.
    size = row["difference"] / (reach * row["se"])
    if row["good"] == "low":
        size = -size
    colour = _COLOURS.get(row["verdict"], MUTED)
    ax.plot([0, size], [place, place], color=colour, linewidth=2)
    ax.plot([size], [place], "o", color=colour, markersize=7)
    text = format_estimate(row["value"], row["low"], row["high"], Unit(row["unit"]))
    beside(ax, place, f"{text}, n {row['n']:,}  {row['verdict']}", colour=colour)
