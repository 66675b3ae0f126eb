"""Pictures of a churn model: gains, lift, calibration, AUCs, drift, profit and effect curves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cxresearch.checks import check_choice
from cxresearch.churn.evaluation.churn_odds import OddsRatios
from cxresearch.churn.evaluation.effect_curve import EffectCurve
from cxresearch.churn.evaluation.evaluation_result import ChurnEvaluation, NestedEvaluation
from cxresearch.churn.risk.risk_list import ProfitCurve, money_words
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
    row_label,
)
from cxresearch.results.units import Unit, format_estimate, format_value

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_KINDS = ("gains", "lift", "calibration", "auc", "drift", "segments")


@draw.register(ChurnEvaluation)
def draw_evaluation(result: ChurnEvaluation, ax: Axes | None = None, *, kind: str = "gains") -> Axes:
    """Draw one of six pictures of an evaluation.

    Parameters
    ----------
    kind : {"gains", "lift", "calibration", "auc", "drift", "segments"}
        Leavers reached by share contacted; the same against chance; predicted and observed risk; AUC beside
        those of simple rules; AUC by landmark; AUC by segment.
    """
    check_choice("kind", kind, _KINDS)
    pictures = {"gains": _gains, "lift": _lift, "calibration": _calibration, "drift": _drift}
    with look():
        if kind == "auc":
            title = "How well the model and simple rules rank"
            return _auc_forest(result, ax, _auc_rows(result), title)
        if kind == "segments":
            return _auc_forest(result, ax, _segment_rows(result), "How well it ranks by group")
        ax = ax or new_axes(6.6, 5.0)
        pictures[kind](result, ax)
    return ax


def _auc_forest(result: ChurnEvaluation, ax: Axes | None, rows: list[dict[str, Any]], title: str) -> Axes:
    ax = ax or new_axes(8.0, 1.5 + 0.42 * len(rows))
    _forest(ax, rows, reference=0.5, label="chance", unit=Unit.AUC)
    ax.set_xlabel("AUC: chance that a leaver got a higher risk than a stayer")
    head(ax, title, _base(result))
    return ax


def _base(result: ChurnEvaluation) -> str:
    return f"{result.n:,} held-out rows, {result.cases:,} left; {100 * result.level:g} % intervals"


def _gains(result: ChurnEvaluation, ax: Axes) -> None:
    table = result.gains
    # Gains: share of leavers among the riskiest q of customers, from (0, 0); the diagonal is a random order.
    shares = np.r_[0.0, table["share"]]
    ax.fill_between(
        shares,
        np.r_[0.0, table["captured_low"]],
        np.r_[0.0, table["captured_high"]],
        color=PALETTE[0],
        alpha=0.18,
        linewidth=0,
    )
    ax.plot(shares, np.r_[0.0, table["captured"]], color=PALETTE[0], linewidth=2)
    ax.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle=(0, (4, 3)))
    top = table[table["share"] == 0.1].iloc[0]
    ax.plot([0.1], [top["captured"]], "o", color=PALETTE[0])
    ax.annotate(
        f"riskiest 10 %: {100 * top['captured']:.0f} % "
        f"[{100 * top['captured_low']:.0f} %, {100 * top['captured_high']:.0f} %] of leavers",
        (0.1, top["captured"]),
        xytext=(0.42, 0.12),
        textcoords="axes fraction",
        color=INK,
        arrowprops={"arrowstyle": "-", "color": MUTED, "linewidth": 0.8},
    )
    ax.annotate("at random", (0.8, 0.8), xytext=(6, -14), textcoords="offset points", color=MUTED, fontsize=9)
    ax.set(xlim=(0, 1), ylim=(0, 1), xlabel="Customers contacted, riskiest first", ylabel="Leavers reached")
    percent(ax.xaxis, ax.yaxis)
    head(ax, "Leavers reached by share of customers contacted", _base(result))


def _lift(result: ChurnEvaluation, ax: Axes) -> None:
    table = result.gains
    ax.fill_between(
        table["share"], table["lift_low"], table["lift_high"], color=PALETTE[0], alpha=0.18, linewidth=0
    )
    ax.plot(table["share"], table["lift"], color=PALETTE[0], linewidth=2, marker="o", markersize=4)
    # Lift = share of leavers reached / share of customers contacted; 1 at random.
    ax.axhline(1, color=MUTED, linewidth=1)
    ax.annotate(
        "no better than random", (0.02, 1), xytext=(0, -6), textcoords="offset points", va="top", color=MUTED
    )
    ax.set(xlim=(0, 1), xlabel="Customers contacted, riskiest first", ylabel="Leavers reached against random")
    ax.set_ylim(bottom=0)
    percent(ax.xaxis)
    head(ax, "Lift", _base(result))


def _calibration(result: ChurnEvaluation, ax: Axes) -> None:
    # Right calibration lies on the diagonal and has slope 1: observed = predicted in every tenth.
    table = result.calibration
    top = 1.08 * float(max(table["high"].max(), table["predicted"].max()))
    ax.plot([0, top], [0, top], color=MUTED, linewidth=1, linestyle=(0, (4, 3)))
    errors = np.vstack([table["observed"] - table["low"], table["high"] - table["observed"]])
    ax.errorbar(
        table["predicted"],
        table["observed"],
        yerr=errors,
        fmt="o",
        color=PALETTE[0],
        elinewidth=1.4,
        capsize=0,
    )
    slope = result.estimate("calibration_slope")
    text = format_estimate(slope.value, slope.low, slope.high, Unit.RATIO)
    ax.annotate(f"slope {text}\n(1 is right)", (0.04, 0.96), xycoords="axes fraction", va="top", color=INK)
    ax.annotate(
        "dashed: predicted = observed",
        (0.97, 0.04),
        xycoords="axes fraction",
        ha="right",
        color=MUTED,
        fontsize=9,
    )
    ax.set(
        xlim=(0, top), ylim=(0, top), xlabel="Predicted risk (tenths of the rows)", ylabel="Share that left"
    )
    percent(ax.xaxis, ax.yaxis)
    head(ax, "Do predicted risks come true?", _base(result))


def _drift(result: ChurnEvaluation, ax: Axes) -> None:
    table = result.drift.dropna(subset=["auc"])
    ax.axhline(0.5, color=MUTED, linewidth=1)
    errors = np.vstack([table["auc"] - table["auc_low"], table["auc_high"] - table["auc"]])
    labels = [f"{row['landmark_at']:%Y-%m-%d}\nn {row['n']:,}" for row in table.to_dict("records")]
    ax.errorbar(range(len(table)), table["auc"], yerr=errors, fmt="o-", color=PALETTE[0], capsize=0)
    ax.set_xticks(range(len(table)), labels)
    ax.set_xlim(-0.5, max(len(table) - 0.5, 0.5))
    ax.annotate(
        "chance",
        (0.0, 0.5),
        xycoords=("axes fraction", "data"),
        xytext=(4, 4),
        textcoords="offset points",
        color=MUTED,
    )
    ax.set_ylabel("AUC")
    head(ax, "Does it still rank as well at later landmarks?", _base(result))


def _auc_rows(result: ChurnEvaluation) -> list[dict[str, Any]]:
    table = result.table[(result.table["metric"] == "auc") & (result.table["contestant"] != "prevalence")]
    return [
        {"label": row["contestant"], "value": row["value"], "low": row["low"], "high": row["high"]}
        for row in table.to_dict("records")
    ]


def _segment_rows(result: ChurnEvaluation) -> list[dict[str, Any]]:
    return [
        {
            "label": f"{row['segment']}: {row['value']} (n {row['n']:,})",
            "value": row["auc"],
            "low": row["auc_low"],
            "high": row["auc_high"],
        }
        for row in result.by_segment.to_dict("records")
        # NaN differs from itself: a group without a leaver or a stayer has no AUC.
        if row["auc"] == row["auc"]
    ]


def _forest(
    ax: Axes, rows: list[dict[str, Any]], *, reference: float, label: str, unit: Unit, log: bool = False
) -> None:
    """Points with intervals, first row on top, numbers at the right."""
    heights = np.arange(len(rows))[::-1]
    ax.axvline(reference, color=MUTED, linewidth=1)
    ax.annotate(
        label,
        (reference, 0),
        xycoords=("data", "axes fraction"),
        xytext=(4, 4),
        textcoords="offset points",
        color=MUTED,
        fontsize=9,
    )
    for height, row in zip(heights, rows, strict=True):
        colour = INK
        if row["label"] == "model":
            colour = PALETTE[0]
        ax.plot([row["low"], row["high"]], [height, height], color=colour, linewidth=1.6)
        ax.plot([row["value"]], [height], "o", color=colour)
        beside(ax, height, interval_text(row, "value", unit), colour=colour, size=9.5)
    ax.set_yticks(heights, [row_label(row["label"]) for row in rows])
    ax.set_ylim(-0.7, len(rows) - 0.3)
    ax.grid(visible=False, axis="y")
    # Odds of 2 and of 1/2 are equally far from 1: on a logarithmic axis they look so.
    if log:
        from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

        ax.set_xscale("log")
        ax.xaxis.set_major_locator(FixedLocator([0.1, 0.2, 0.33, 0.5, 0.67, 0.8, 1, 1.25, 1.5, 2, 3, 5, 10]))
        ax.xaxis.set_minor_locator(NullLocator())
        ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


@draw.register(NestedEvaluation)
def draw_nested(result: NestedEvaluation, ax: Axes | None = None) -> Axes:
    """Draw what each set of scores adds to the AUC of a model without scores."""
    rows = [{"label": c.first, "value": c.difference, "low": c.low, "high": c.high} for c in result.contrasts]
    with look():
        ax = ax or new_axes(8.0, 1.6 + 0.42 * len(rows))
        _forest(ax, rows, reference=0.0, label="adds nothing", unit=Unit.AUC)
        ax.set_xlabel("AUC added to a model that knows everything but the scores")
        base = f"{result.n:,} held-out rows, {result.cases:,} left; {100 * result.level:g} % intervals"
        head(ax, "What scores add to prediction", base)
    return ax


@draw.register(OddsRatios)
def draw_odds(result: OddsRatios, ax: Axes | None = None) -> Axes:
    """Draw odds ratios on a logarithmic scale."""
    rows = [
        {
            "label": f"{row['term']}\n{row['unit']}",
            "value": row["odds_ratio"],
            "low": row["low"],
            "high": row["high"],
        }
        for row in result.table.to_dict("records")
    ]
    with look():
        ax = ax or new_axes(8.0, 1.6 + 0.55 * len(rows))
        _forest(ax, rows, reference=1.0, label="no difference", unit=Unit.RATIO, log=True)
        ax.set_xlabel("Odds ratio of leaving (other terms equal)")
        base = (
            f"{result.n:,} rows of {result.customers:,} customers, {result.cases:,} left; robust by customer"
        )
        head(ax, "Who leaves more often", base)
    return ax


@draw.register(ProfitCurve)
def draw_profit(result: ProfitCurve, ax: Axes | None = None) -> Axes:
    """Draw profit by share contacted, with the share at which the model itself expects to break even."""
    table = result.table
    figure = format_estimate(
        result.break_even_profit, result.break_even_low, result.break_even_high, Unit.COUNT
    )
    if result.currency:
        figure += f" {result.currency}"
    # The text stands on the side of the point that has room.
    offset, side = (10, -52), "left"
    if result.break_even_share > 0.5:
        offset, side = (-10, -52), "right"
    with look():
        ax = ax or new_axes(7.4, 5.0)
        ax.fill_between(
            table["share"], table["low"], table["high"], color=PALETTE[0], alpha=0.18, linewidth=0
        )
        ax.plot(table["share"], table["profit"], color=PALETTE[0], linewidth=2)
        ax.axhline(0, color=MUTED, linewidth=1)
        ax.plot([result.break_even_share], [result.break_even_profit], "o", color=PALETTE[1])
        ax.annotate(
            f"contact {100 * result.break_even_share:.0f} % of customers\n{figure}",
            (result.break_even_share, result.break_even_profit),
            xytext=offset,
            textcoords="offset points",
            ha=side,
            color=PALETTE[1],
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 2},
        )
        ax.set(
            xlim=(0, 1),
            xlabel="Customers contacted, most promising first",
            ylabel=f"Profit on these rows, {money_words(result.currency)}",
        )
        ax.yaxis.set_major_formatter(lambda value, _: format_value(value, Unit.COUNT))
        percent(ax.xaxis)
        head(
            ax,
            "What contacting customers would bring",
            f"{result.n:,} held-out rows; a contact costs {result.contact_cost:g} and keeps "
            f"{100 * result.success_rate:.0f} %; {100 * result.level:g} % intervals",
        )
    return ax


@draw.register(EffectCurve)
def draw_effect(result: EffectCurve, ax: Axes | None = None) -> Axes:
    """Draw the model's risk along one feature."""
    table = result.table
    with look():
        ax = ax or new_axes(6.6, 4.4)
        ax.fill_between(
            table["value"], table["low"], table["high"], color=PALETTE[0], alpha=0.18, linewidth=0
        )
        ax.plot(table["value"], table["effect"], color=PALETTE[0], linewidth=2)
        # Few points are single values of a score; the line between them is no estimate.
        if len(table) <= 12:
            ax.plot(table["value"], table["effect"], "o", color=PALETTE[0])
        ax.set(xlabel=result.label, ylabel="Mean risk")
        if result.method == "ale":
            # ALE curves are centred: their mean over the customers is 0 (Apley and Zhu 2020).
            ax.axhline(0, color=GRID, linewidth=1.5, zorder=0.5)
            ax.set_ylabel("Risk against the average (points)")
        percent(ax.yaxis)
        base = f"n {result.n:,}"
        if result.n_missing:
            base += f", {result.n_missing:,} missing"
        base += f"; {100 * result.level:g} % intervals; not what a change would do"
        head(ax, f"How the model's risk goes with {result.label}", base)
    return ax
