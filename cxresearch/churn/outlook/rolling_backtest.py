"""The same forecast made in the past with what was known then, beside "as last month" and a straight line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from cxresearch.churn.outlook.monthly_rates import draw_rates, rates_of
from cxresearch.churn.outlook.simulate_months import simulate_months
from cxresearch.results.table_spec import Column, TableSpec
from cxresearch.results.units import Unit

if TYPE_CHECKING:
    from cxresearch.aliases import Floats
    from cxresearch.churn.outlook.month_cells import MonthCells

#: Months that must lie before an origin, and origins that must be there for a judgement.
LEAST_BEFORE = 6
LEAST_ORIGINS = 6
_MOST_ORIGINS = 24
_DRAWS = 300
_LINE_MONTHS = 12
#: A horizon of all months ahead taken together.
ALL = 0

BACKTEST = TableSpec(
    title="The forecast made in the past, held against what came",
    columns=(
        Column(
            name="what",
            label="what",
            meaning="customers, or recurring revenue",
            words={"mrr": "revenue a month"},
        ),
        Column(
            name="horizon",
            label="months ahead",
            meaning="months from the origin; 0: all together",
            words={0: "all"},
        ),
        Column(name="origins", label="origins", meaning="past months at which it was made"),
        Column(name="covered", label="within the 80 % band", meaning="share of outcomes", unit=Unit.SHARE),
        Column(name="error", label="error", meaning="mean absolute error over the outcome", unit=Unit.SHARE),
        Column(
            name="error_naive",
            label='"as last month"',
            meaning="the same error of the last value carried on",
            unit=Unit.SHARE,
        ),
        Column(
            name="error_line",
            label="straight line",
            meaning="the same error of a line through the last 12 months",
            unit=Unit.SHARE,
        ),
        Column(name="bias", label="bias", meaning="mean of forecast less outcome", unit=Unit.SHARE),
    ),
)


@dataclass(frozen=True, kw_only=True)
class Backtest:
    """What past forecasts were worth.

    Attributes
    ----------
    table : DataFrame
        As ``BACKTEST`` says.
    points : DataFrame
        One row an origin and horizon: ``what, origin, horizon, value, low, high,
        truth, naive, line``; the origin in months from the cut.
    """

    table: pd.DataFrame
    points: pd.DataFrame


def rolling_backtest(
    cells: MonthCells,
    *,
    what: Sequence[str],
    months: int,
    window: int,
    inflow_months: int,
    seed: int,
) -> Backtest:
    """Forecast from past months with information up to each, and compare.

    Parameters
    ----------
    cells : MonthCells
        History by month; a step after an origin is never read for it.
    what : sequence of {"customers", "mrr"}
    months, window, inflow_months : int
        As for the forecast itself.
    seed : int
    """
    last = len(cells.stocks) - 1
    first = max(LEAST_BEFORE, last - months + 1 - _MOST_ORIGINS)
    truths = {"customers": cells.customers, "mrr": cells.mrr}
    rows = []
    for origin in range(first, last):
        stock = cells.stocks[origin]
        if not stock.customers:
            continue
        horizon = min(months, last - origin)
        rng = np.random.default_rng([seed, origin])
        rates = rates_of(cells, until=origin, window=window, inflow_months=inflow_months)
        drawn = draw_rates(rates, horizon=horizon, draws=_DRAWS, rng=rng)
        futures = simulate_months(stock, rates, drawn, rng=rng)
        for name in what:
            rows += _points(name, futures.draws_of(name), truths[name], origin, last)
    names = ["what", "origin", "horizon", "value", "low", "high", "truth", "naive", "line"]
    points = pd.DataFrame(rows, columns=names)
    return Backtest(table=_judged(points, what, months), points=points)


def _points(name: str, draws: Floats, truth: Floats, origin: int, last: int) -> list[tuple[object, ...]]:
    past = truth[: origin + 1]
    # the band of a forecast at 80 %: its 10th and 90th of 100 futures
    middle = np.median(draws, axis=0)
    low, high = np.quantile(draws, [0.1, 0.9], axis=0)
    return [
        (
            name,
            origin - last,
            ahead,
            middle[ahead - 1],
            low[ahead - 1],
            high[ahead - 1],
            truth[origin + ahead],
            past[-1],
            _on_the_line(past, ahead),
        )
        for ahead in range(1, draws.shape[1] + 1)
    ]


def _on_the_line(past: Floats, ahead: int) -> float:
    """Least-squares line through the last year, carried on."""
    recent = past[-_LINE_MONTHS - 1 :]
    place = np.arange(len(recent)) - (len(recent) - 1)
    # the last month stands at 0, so that h months ahead are at h
    slope, level = np.polyfit(place, recent, 1)
    return float(level + slope * ahead)


def _judged(points: pd.DataFrame, what: Sequence[str], months: int) -> pd.DataFrame:
    rows = []
    for name in what:
        of_it = points[(points["what"] == name) & (points["truth"] > 0)]
        for horizon in sorted({1, 3, 6, 12, months, ALL}):
            if horizon > months:
                continue
            part = of_it
            if horizon != ALL:
                part = of_it[of_it["horizon"] == horizon]
            if len(part):
                rows.append((name, horizon, *_figures(part)))
    names = ["what", "horizon", *("origins", "covered", "error", "error_naive", "error_line", "bias")]
    return pd.DataFrame(rows, columns=names)


def _figures(part: pd.DataFrame) -> tuple[float, ...]:
    truth = part["truth"]
    within = (part["low"] <= truth) & (truth <= part["high"])
    # |forecast - outcome| / outcome, averaged
    errors = [float(((part[name] - truth).abs() / truth).mean()) for name in ("value", "naive", "line")]
    bias = float(((part["value"] - truth) / truth).mean())
    return (part["origin"].nunique(), float(within.mean()), *errors, bias)
