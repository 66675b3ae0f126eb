"""Pictures of a contest: AUCs, differences with the margin zone, ROC and lift."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.ticker import MaxNLocator

from cxresearch.checks import check_choice
from cxresearch.errors import ArgumentError
from cxresearch.headtohead.contest.comparison import Comparison
from cxresearch.plots.registry import draw
from cxresearch.plots.style import (
    GRID,
    INK,
    MUTED,
    PALETTE,
    beside,
    head,
    interval_text,
    look,
    new_axes,
    percent,
    reference_line,
    rows_axis,
)
from cxresearch.results.units import Unit, format_estimate

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

_KINDS = ("auc", "differences", "roc", "lift", "calibration", "decision")


@draw.register(Comparison)
def draw_comparison(
    result: Comparison, ax: Axes | None = None, *, kind: str = "auc", horizon_days: float | None = None
) -> Axes:
    """Draw one of six pictures of a contest.

    Parameters
    ----------
    kind : {"auc", "differences", "roc", "lift", "calibration", "decision"}
        Forest of AUCs; forest of differences with the zone of equivalence; ROC curves; leavers found by the
        share of customers approached; churn by predicted risk; net benefit by threshold. The last two show
        the primary horizon and need the metrics ``calibration`` and ``net_benefit``.
    horizon_days : float, optional
        For ROC and lift; by default the primary horizon. The forests show all horizons unless one is named.
    """
    check_choice("kind", kind, _KINDS)
    with look():
        if kind == "auc":
            return _auc_forest(result, _of_horizon(result.table, horizon_days), ax)
        if kind == "differences":
            return _difference_forest(result, _of_horizon(result.contrasts, horizon_days), ax)
        if kind == "calibration":
            return _calibration(result, ax or new_axes(7.2, 4.6))
        if kind == "decision":
            return _decision(result, ax or new_axes(7.2, 4.6))
        if horizon_days is None:
            horizon_days = result.horizon_days
        return _curves(result, ax or new_axes(6.2, 5.6), kind=kind, horizon=float(horizon_days))


def _of_horizon(table: pd.DataFrame, horizon_days: float | None) -> pd.DataFrame:
    if horizon_days is None:
        return table
    return table[table["horizon_days"] == float(horizon_days)]


def _auc_forest(result: Comparison, table: pd.DataFrame, ax: Axes | None) -> Axes:
    ax = ax or new_axes(8.0, 1.6 + 0.48 * len(table))
    labels = _with_horizon(table, list(table["label"]))
    reference_line(ax, 0.5, "chance")
    names = list(result.table["score"].unique())
    colours = [PALETTE[names.index(score) % len(PALETTE)] for score in table["score"]]
    _forest(ax, table, "auc", labels, colours)
    _numbers(ax, table, "auc", signed=False)
    words = result.followed
    sides = "a leaver scored as riskier than a stayer"
    if result.outcome != "churn":
        sides = f"one with {words.noun} scored as likelier than one without"
    ax.set_xlabel(f"AUC: chance that {sides}")
    head(
        ax,
        f"How well each score tells who will {words.happen}",
        f"{result.n:,} rows of {result.n_customers:,} customers, {result.n_cases:,} {result.followed.cases}; "
        f"{100 * result.level:g} % intervals",
        above=21,
    )
    return ax


def _difference_forest(result: Comparison, table: pd.DataFrame, ax: Axes | None) -> Axes:
    ax = ax or new_axes(8.0, 1.6 + 0.48 * len(table))
    pairs = table["first_label"] + " \N{MINUS SIGN} " + table["second_label"]
    labels = _with_horizon(table, list(pairs))
    # Equivalence zone -margin to +margin: an interval inside it shows that no difference matters (TOST).
    ax.axvspan(-result.margin, result.margin, color="#e8eef4", zorder=0, linewidth=0)
    reference_line(ax, 0, f"no difference that matters (\N{PLUS-MINUS SIGN}{result.margin:g})")
    colours = [_ink(bool(primary)) for primary in table["primary"]]
    _forest(ax, table, "difference", labels, colours)
    _numbers(ax, table, "difference", signed=True, verdicts=True)
    ax.set_xlabel("difference of AUC: right of zero, the first score predicts better")
    head(
        ax,
        "Which score predicts better",
        f"{100 * result.level:g} % intervals, {result.n:,} rows; {_main(result)} in black",
        above=21,
    )
    return ax


def _ink(primary: bool) -> str:
    """Black for the pair named beforehand: the others are looks by the way."""
    if primary:
        return INK
    return MUTED


def _main(result: Comparison) -> str:
    if result.settings.get("primary_named", True):
        return "the pair named beforehand"
    return "the main pair"


def _forest(ax: Axes, table: pd.DataFrame, column: str, labels: list[str], colours: list[str]) -> None:
    places = np.arange(len(table))[::-1]
    for place, row, colour in zip(places, table.to_dict("records"), colours, strict=True):
        ax.plot([row["low"], row["high"]], [place, place], color=colour, linewidth=2, solid_capstyle="butt")
        ax.plot(row[column], place, "o", color=colour, markersize=7)
    rows_axis(ax, places, labels)
    ax.set_ylim(-0.6, len(table) - 0.4)
    ax.xaxis.set_major_locator(MaxNLocator(nbins=7, steps=[1, 2, 5, 10]))


def _numbers(ax: Axes, table: pd.DataFrame, column: str, *, signed: bool, verdicts: bool = False) -> None:
    """Write each estimate with its interval, and the verdict, at the right of its line."""
    for place, row in zip(range(len(table))[::-1], table.to_dict("records"), strict=True):
        text = interval_text(row, column, Unit.AUC, signed=signed)
        if verdicts:
            text += "\n" + row["verdict"].replace(": you would need ", ", needs ")
        beside(ax, place, text)


def _with_horizon(table: pd.DataFrame, labels: list[str]) -> list[str]:
    """Labels of the rows, with their horizon where there are several."""
    if table["horizon_days"].nunique() < 2:
        return labels
    return [f"{label}, {days:g} days" for label, days in zip(labels, table["horizon_days"], strict=True)]


def _curves(result: Comparison, ax: Axes, *, kind: str, horizon: float) -> Axes:
    if kind == "roc":
        frame = result.roc.rename(columns={"false_positive_rate": "x", "true_positive_rate": "y"})
    else:
        frame = result.lift.rename(columns={"depth": "x", "captured": "y"})
    frame = frame[frame["horizon_days"] == horizon]
    cases, controls, called, first = _sides(result)
    # Chance: a random order calls as large a share of leavers as of stayers.
    ax.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle=(0, (4, 3)))
    styles: list[Any] = ["-", (0, (6, 2)), (0, (2, 1.5)), "-.", ":"]
    for index, (score, part) in enumerate(frame.groupby("score", sort=False)):
        colour = PALETTE[index % len(PALETTE)]
        label = str(part["label"].iloc[0])
        if kind == "roc":
            auc = result.auc(str(score), horizon_days=horizon)
            label += f"  AUC {format_estimate(auc.value, auc.low, auc.high, Unit.AUC)}"
        else:
            label += f"  {first} tenth holds {100 * np.interp(0.1, part['x'], part['y']):.0f} % of {cases}"
        ax.plot(part["x"], part["y"], color=colour, linewidth=2, linestyle=styles[index % 5], label=label)
    ax.set_xlim(0, 1)
    ax.set_ylim(0, 1)
    ax.set_aspect("equal")
    ax.grid(color=GRID)
    ax.legend(loc="lower right", fontsize=9, handlelength=3)
    if kind == "roc":
        ax.set_xlabel(f"{controls} called {called}")
        ax.set_ylabel(f"{cases} called {called}")
        title = f"{cases.capitalize()} and {controls} called {called} (ROC, {horizon:g} days)"
    else:
        ax.axvline(0.1, color=MUTED, linewidth=0.8)
        ax.set_xlabel(f"customers approached, {first} first")
        ax.set_ylabel(f"{cases} found among them")
        title = f"{cases.capitalize()} reached by calling the {first} first ({horizon:g} days)"
    head(ax, title, f"{_cases(result, horizon)}; dashed: at random")
    percent(ax.xaxis, ax.yaxis)
    return ax


def _sides(result: Comparison) -> tuple[str, str, str, str]:
    """Words for those with the outcome, those without, who is called to have it, and who comes first."""
    if result.outcome == "churn":
        return "leavers", "stayers", "at risk", "riskiest"
    return result.followed.cases, "others", "likely to", "likeliest"


def _cases(result: Comparison, horizon: float) -> str:
    row = result.table[result.table["horizon_days"] == horizon].iloc[0]
    return f"{int(row['n']):,} rows, {int(row['cases']):,} {result.followed.cases}"


def _calibration(result: Comparison, ax: Axes) -> Axes:
    """Observed churn by answer over the risk predicted for it; size of a point is its share of customers."""
    table = _needed(result.calibration, "calibration")
    top = float(max(table["high"].max(), table["predicted"].max())) * 1.03
    ax.plot([0, top], [0, top], color=MUTED, linewidth=1, linestyle=(0, (4, 3)))
    edge = float(table["predicted"].max()) * 1.08
    place = min(edge, top) * 0.99
    ax.annotate("as predicted", (place, place), ha="right", va="bottom", color=MUTED, fontsize=9)
    for index, (_, part) in enumerate(table.groupby("score", sort=False)):
        colour = PALETTE[index % len(PALETTE)]
        # Intervals of shares are not symmetric: errorbar wants the distance to each end.
        errors = [part["observed"] - part["low"], part["high"] - part["observed"]]
        ax.errorbar(part["predicted"], part["observed"], yerr=errors, fmt="none", ecolor=colour, alpha=0.5)
        ax.scatter(
            part["predicted"],
            part["observed"],
            # Area, not diameter, in proportion to the share of customers: an eye compares areas.
            s=20 + 300 * part["share"],
            color=colour,
            marker="osD^v"[index % 5],
            label=part["label"].iloc[0],
            zorder=3,
            alpha=0.9,
        )
    ax.legend(loc="upper left", fontsize=9, markerscale=0.6)
    ax.set_xlim(0, edge)
    ax.set_ylim(0, top)
    ax.set_xlabel(f"{result.followed.noun} predicted from the score (fitted on other customers)")
    ax.set_ylabel(f"{result.followed.noun} within {result.horizon_days:g} days")
    base = (
        f"{_cases(result, result.horizon_days)}; {100 * result.level:g} % intervals; larger: more customers"
    )
    head(ax, f"{result.followed.noun.capitalize()} by answer", base)
    percent(ax.xaxis, ax.yaxis)
    return ax


def _decision(result: Comparison, ax: Axes) -> Axes:
    table = _needed(result.decision, "net_benefit")
    # Net benefit of acting on nobody is 0, that of everybody the grey line (Vickers and Elkin 2006).
    ax.axhline(0, color=MUTED, linewidth=1)
    styles: list[Any] = ["-", (0, (6, 2)), (0, (2, 1.5)), "-.", ":"]
    for index, (label, part) in enumerate(table[table["label"] != "everybody"].groupby("label", sort=False)):
        ax.plot(
            part["threshold"],
            part["net_benefit"],
            color=PALETTE[index % len(PALETTE)],
            linewidth=2,
            linestyle=styles[index % 5],
            label=str(label),
        )
    everybody = table[table["label"] == "everybody"]
    ax.plot(everybody["threshold"], everybody["net_benefit"], color=MUTED, linewidth=1.2, label="everybody")
    best = float(table["net_benefit"].max())
    ax.set_ylim(-0.25 * best, 1.08 * best)
    ax.legend(loc="upper right", fontsize=9, handlelength=3)
    ax.set_xlabel("risk from which one would act")
    ax.set_ylabel("net benefit per customer")
    head(ax, "What acting on each score is worth", _cases(result, result.horizon_days))
    percent(ax.xaxis)
    return ax


def _needed(table: pd.DataFrame, metric: str) -> pd.DataFrame:
    if table.empty:
        raise ArgumentError(f"the contest was held without {metric!r}", next_step="add it to `metrics`")
    return table
