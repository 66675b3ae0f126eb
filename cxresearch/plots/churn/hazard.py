"""Pictures of hazard models, differences between curves and expected lifetimes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from cxresearch.checks import check_choice
from cxresearch.churn.curves.compare_curves import CurveComparison
from cxresearch.churn.curves.expected_lifetime import ExpectedLifetime
from cxresearch.churn.hazards.hazard_model_result import HazardModel
from cxresearch.plots.registry import draw
from cxresearch.plots.style import INK, MUTED, NEUTRAL, PALETTE, beside, look, new_axes, row_label
from cxresearch.results.units import Unit, format_estimate, format_p_value, format_value

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

_RATIOS = np.array([0.05, 0.1, 0.2, 0.33, 0.5, 0.67, 0.8, 1, 1.25, 1.5, 2, 3, 5, 10, 20])


@draw.register(HazardModel)
def draw_hazard_model(result: HazardModel, ax: Axes | None = None, *, score: str | None = None) -> Axes:
    """Draw the hazard of churn at each answer against the median answer, with its band.

    Parameters
    ----------
    score : str, optional
        One score. By default all, in panels with a common axis of ratios; on axes given, the first.
    """
    scores = list(result.instruments)
    if score is not None:
        check_choice("score", score, scores)
        scores = [score]
    with look():
        if ax is not None:
            axes = [ax]
        elif len(scores) == 1:
            axes = [new_axes(6.4, 4.4)]
        else:
            import matplotlib.pyplot as plt

            width = 1.2 + 3.4 * len(scores)
            axes = list(plt.subplots(1, len(scores), figsize=(width, 4.4), sharey=True)[1])
        tables = [result.table[result.table["term"] == name] for name in scores]
        shown = tables[: len(axes)]
        low = min(float(table["low"].min()) for table in shown)
        high = max(float(table["high"].max()) for table in shown)
        for panel, name, table, colour in zip(axes, scores, tables, PALETTE, strict=False):
            _effect(panel, result, name, table, colour)
            _ratio_axis(panel, low, high)
        axes[0].set_ylabel("Hazard ratio")
        if len(axes) > 1 and axes[0].figure is not None:
            axes[0].figure.suptitle(f"Hazard of {result.kind} churn", x=0.01, ha="left", fontweight="bold")
        else:
            axes[0].set_title(f"Hazard of {result.kind} churn by {result.instruments[scores[0]].label}")
    return axes[0]


def _effect(ax: Axes, result: HazardModel, name: str, table: pd.DataFrame, colour: str) -> None:
    value = table["value"].to_numpy()
    reference = float(table["reference"].iloc[0])
    ax.axhline(1, color=MUTED, linewidth=1)
    ax.fill_between(value, table["low"], table["high"], color=colour, alpha=0.16, linewidth=0)
    ax.plot(value, table["hazard_ratio"], color=colour, linewidth=2, marker="o", markersize=4)
    # Hazard ratio exp(f(x) - f(reference)) is 1 at the reference by definition, without an interval.
    ax.plot([reference], [1], marker="o", markersize=9, markerfacecolor="white", markeredgecolor=colour)
    side = "left"
    if reference > value.mean():
        side = "right"
    ax.annotate(
        f"compared with {reference:g}",
        (reference, 1),
        xytext=(0, -14),
        textcoords="offset points",
        ha=side,
        va="top",
        color=MUTED,
        fontsize=9,
    )
    chosen = result.terms.loc[result.terms["term"] == name, ["p_value", "curvature_p"]]
    p_value, bend = chosen.astype(float).to_numpy()[0]
    text = format_p_value(p_value)
    if not np.isnan(bend):
        text += f"; of a straight line {format_p_value(bend)}"
    ax.annotate(text, (0.98, 0.97), xycoords="axes fraction", ha="right", va="top", fontsize=9, color=INK)
    ax.set_xticks(value)
    ax.set_xlabel(f"{result.instruments[name].label} answer")
    ax.set_title(f"n {result.n_customers:,}, churned {result.n_events:,}", fontweight="normal", fontsize=10)


def _ratio_axis(ax: Axes, low: float, high: float) -> None:
    # exp(b) and exp(-b) are equally far from 1 on a logarithmic axis.
    ax.set_yscale("log")
    ax.set_ylim(min(low / 1.08, 1 / 1.3), max(high, 1) * 1.2)
    ax.yaxis.set_major_locator(FixedLocator(list(_RATIOS)))
    ax.yaxis.set_minor_locator(NullLocator())
    ax.yaxis.set_major_formatter(FuncFormatter(lambda ratio, _: f"{ratio:g}"))


@draw.register(CurveComparison)
def draw_curve_comparison(
    result: CurveComparison, ax: Axes | None = None, *, difference: str = "rmst"
) -> Axes:
    """Draw the difference of each pair with its interval.

    Parameters
    ----------
    difference : {"rmst", "survival"}
        Difference in mean time within the horizon, or in the share still there at a time.
    """
    check_choice("difference", difference, ("rmst", "survival"))
    unit = result.unit
    scale = 1.0
    if difference == "survival":
        unit = Unit.SHARE_DIFFERENCE
        scale = 100.0
    rows = result.table.to_dict("records")
    with look():
        ax = ax or new_axes(8.6, 1.5 + 0.5 * len(rows))
        ax.axvline(0, color=MUTED, linewidth=1)
        for line, row in enumerate(rows):
            value, low, high = (row[f"{difference}_{part}"] for part in ("difference", "low", "high"))
            if np.isnan(value):
                ax.annotate(row["note"] or "not known", (0, line), color=MUTED, va="center", fontsize=9)
                continue
            bar, point = NEUTRAL, MUTED
            # Colour only where the interval excludes 0.
            if low > 0 or high < 0:
                bar, point = PALETTE[0], PALETTE[0]
            ax.plot([scale * low, scale * high], [line, line], color=bar, linewidth=2.4)
            ax.plot([scale * value], [line], marker="o", color=point, markersize=7)
            estimate = format_estimate(value, low, high, unit, signed=True)
            beside(ax, line, f"{estimate}\n{format_p_value(row[f'{difference}_p_adjusted'])}")
        ax.set_yticks(range(len(rows)), [f"{row['first']} minus {row['second']}" for row in rows])
        ax.tick_params(axis="y", labelcolor=INK)
        ax.set_ylim(len(rows) - 0.5, -0.5)
        ax.grid(visible=False, axis="y")
        if difference == "rmst":
            ax.set_title(f"Difference in mean time within {result.horizon:,.4g} {result.unit}")
            ax.set_xlabel(f"{str(result.unit).capitalize()}, {100 * result.level:g} % interval")
        else:
            ax.set_title(f"Difference in the share still there at {result.at:,.4g} {result.unit}")
            ax.set_xlabel(f"Percentage points, {100 * result.level:g} % interval")
    return ax


@draw.register(ExpectedLifetime)
def draw_expected_lifetime(result: ExpectedLifetime, ax: Axes | None = None) -> Axes:
    """Draw expected further time: solid within the follow-up, hatched where extrapolated."""
    rows = result.table.to_dict("records")
    labels = list(result.table["group"])
    if result.table["stayed"].nunique() > 1 or result.table["stayed"].iloc[0] > 0:
        labels = [f"{row['group']}, {_since(row['stayed'], result.unit)}" for row in rows]
    with look():
        ax = ax or new_axes(8.6, 1.7 + 0.52 * len(rows))
        for line, row in enumerate(rows):
            ax.barh(line, row["observed"], height=0.6, color=PALETTE[0])
            if row["extrapolated"] > 0:
                ax.barh(
                    line,
                    row["extrapolated"],
                    left=row["observed"],
                    height=0.6,
                    facecolor="white",
                    edgecolor=PALETTE[0],
                    hatch="////",
                    linewidth=1,
                )
            ax.plot([row["total_low"], row["total_high"]], [line, line], color=INK, linewidth=1.4)
            text = format_estimate(row["total"], row["total_low"], row["total_high"], result.unit)
            if row["extrapolated"] > 0:
                text += (
                    f"\n{format_value(row['share_extrapolated'], Unit.SHARE)} extrapolated ({row['family']})"
                )
            beside(ax, line, text, size=8.5)
        ax.set_yticks(range(len(rows)), [row_label(label) for label in labels])
        ax.tick_params(axis="y", labelcolor=INK)
        ax.set_ylim(len(rows) - 0.5, -0.5)
        ax.set_xlim(0, None)
        ax.grid(visible=False, axis="y")
        horizons = sorted({float(row["horizon"]) for row in rows})
        ahead = "follow-up"
        if len(horizons) == 1:
            ahead = f"{horizons[0]:,.4g} {result.unit}"
        ax.set_title(f"Expected further time as a customer, of the next {ahead}")
        ax.set_xlabel(f"{str(result.unit).capitalize()} (solid: observed; hatched: extrapolated)")
    return ax


def _since(stayed: float, unit: Unit) -> str:
    if stayed:
        return f"after {stayed:g} {unit}"
    return "from the start"
