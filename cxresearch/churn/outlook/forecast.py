"""``forecast(study)``: customers and recurring revenue some months ahead, with bands that were tested."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from cxresearch.checks import check_choice, check_level
from cxresearch.churn.outlook.customer_book import CustomerBook, read_book
from cxresearch.churn.outlook.forecast_result import Forecast
from cxresearch.churn.outlook.forecast_words import forecast_sentences, standing_notes
from cxresearch.churn.outlook.month_cells import AGES, MonthCells, month_cells
from cxresearch.churn.outlook.monthly_rates import BANDS, MonthlyRates, draw_rates, rates_of
from cxresearch.churn.outlook.profit_ahead import profit_ahead
from cxresearch.churn.outlook.rolling_backtest import LEAST_BEFORE, rolling_backtest
from cxresearch.churn.outlook.simulate_months import Futures, simulate_months
from cxresearch.data.checking.study_doubts import segments_that_know_who_left
from cxresearch.data.validation.outcome_names import names_outcome
from cxresearch.errors import ArgumentError, DataError
from cxresearch.results.estimate import Estimate
from cxresearch.results.units import Unit, format_interval
from cxresearch.stats.intervals.normal_quantile import normal_quantile
from cxresearch.stats.intervals.proportions import wilson
from cxresearch.units_of_time import DAYS_A_MONTH

if TYPE_CHECKING:
    from cxresearch.aliases import Floats
    from cxresearch.data.study import Study

What = Literal["customers", "mrr"]

_WHAT: tuple[What, ...] = ("customers", "mrr")
_MOST_MONTHS = 60
#: History that is walked through: the window, the horizon and a year of origins, up to ten years.
_MOST_HISTORY = 120
_QUANTILES = {"low_95": 0.025, "low_80": 0.1, "low_50": 0.25, "value": 0.5}
_QUANTILES |= {"high_50": 0.75, "high_80": 0.9, "high_95": 0.975}


def forecast(  # noqa: PLR0913 - each is a choice of its own
    study: Study,
    what: Sequence[What] | What | None = None,
    months: int = 12,
    *,
    by: str | None = None,
    inflow: float | Sequence[float] | None = None,
    window_months: int = 24,
    inflow_months: int = 12,
    draws: int = 1000,
    level: float = 0.95,
    seed: int = 1,
) -> Forecast:
    """Forecast customers and recurring revenue, and say how such forecasts fared in the past.

    Parameters
    ----------
    study : Study
        With table ``customers`` (``started_at``, and ``ended_at`` of those who left), and ``revenue`` for
        ``"mrr"``, in one currency.
    what : {"customers", "mrr"} or several of them, optional
        By default both where the study has revenue, else customers.
    months : int
        Months ahead, 1 to 60. A month is a twelfth of a year, counted from the data cut.
    by : str, optional
        Column of customers whose groups leave at rates of their own; by default the first segment that does
        not know who left.
    inflow : float or sequence of float, optional
        New customers a month that you expect, one number or one for each month; by default the mean of the
        last ``inflow_months``, with its uncertainty.
    window_months : int
        Rates of leaving and moves of revenue are those of so many months before the cut.
    inflow_months : int
        See ``inflow``.
    draws : int
        Futures drawn.
    level : float
        Of the intervals of rates; bands hold 50, 80 and 95 % of the futures.
    seed : int
        The same seed gives the same forecast.

    Returns
    -------
    Forecast
        Where the forecast did not beat "as last month" and a straight line in the past, its first sentence
        says so.

    Raises
    ------
    ArgumentError
        If a choice is out of range, such as 0 months or a negative inflow.
    DataError
        If fewer than 6 months are known, nobody is a customer any more, or there is no revenue to forecast.

    Notes
    -----
    Chances to leave within a month are estimated by month of age and group (and, with revenue, by third of
    size), each leaning on what is broader where it is sparse; drawn from beta distributions, whose product
    has Greenwood's variance. Months in which more or fewer left than chance allows widen the bands. Those who
    stay expand and contract as their band of age did. Futures are drawn by customer: those who share a
    chance by one binomial draw, the 500 largest accounts one by one. Missing segments are a group. See
    docs/outlook.md.

    References
    ----------
    Kalbfleisch, J. D., & Prentice, R. L. (2002). The statistical analysis of failure time data (2nd ed.),
    section 1.4. doi:10.1002/9781118032985
    Hyndman, R. J., & Athanasopoulos, G. (2021). Forecasting: principles and practice (3rd ed.), section 5.10:
    rolling origins. https://otexts.com/fpp3/

    Examples
    --------
    >>> from cxresearch.data.synthetic.one_survey import synthetic_study
    >>> ahead = forecast(synthetic_study(tier="B", customers=400, seed=3), "customers", 3, draws=50)
    >>> ahead.table["month"].tolist(), ahead.what
    ([1, 2, 3], ('customers',))
    """
    chosen = _chosen(study, what)
    for name, value, most in (
        ("months", months, _MOST_MONTHS),
        ("window_months", window_months, _MOST_HISTORY),
        ("inflow_months", inflow_months, _MOST_HISTORY),
        ("draws", draws, 100_000),
    ):
        check_months(name, value, most)
    check_level(level)
    declared = declared_inflow(inflow, months)
    if by is None:
        by = _usual_group(study)
    book = read_book(study, by=by, money="mrr" in chosen)
    cells = history_cells(book, months, window_months)
    rates = rates_of(cells, until=len(cells.steps), window=window_months, inflow_months=inflow_months)
    rng = np.random.default_rng(seed)
    drawn = draw_rates(rates, horizon=months, draws=draws, rng=rng, inflow=declared)
    futures = simulate_months(cells.stocks[-1], rates, drawn, rng=rng)
    past = rolling_backtest(
        cells, what=chosen, months=months, window=window_months, inflow_months=inflow_months, seed=seed
    )
    new = inflow_estimate(rates, declared, level)
    headline = tuple(_ahead(name, futures, cells, months) for name in chosen)
    return Forecast(
        table=_bands(study, futures, chosen),
        history=_history(study, cells, chosen),
        backtest=past.table,
        points=past.points,
        rates=_rate_table(rates, level),
        profit=profit_ahead(futures, study.costs, money="mrr" in chosen),
        inflow=new,
        headline=(*headline, new),
        sentences=forecast_sentences(headline, past.table, cells, new, study.currency, months),
        what=chosen,
        months=months,
        customers_now=round(cells.customers[-1]),
        draws=draws,
        level=level,
        on=study.observed_until,
        by=by or "",
        currency=study.currency,
        notes=standing_notes(book, cells, rates, months, window_months),
    )


def check_months(name: str, value: int, most: int) -> None:
    """Refuse what is no whole number from 1 on."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or not 1 <= value <= most:
        raise ArgumentError(f"{name} is {value!r}", wanted=f"a whole number from 1 to {most:,}")


def _usual_group(study: Study) -> str | None:
    """The first segment whose values do not tell who left: those would be rates of 0 and 1."""
    doubts = segments_that_know_who_left(study)
    told = {str(detail).split(" knows who left")[0] for detail in doubts["detail"]}
    usable = [name for name in study.segments if name not in told and not names_outcome(name)]
    return next(iter(usable), None)


def _chosen(study: Study, what: Sequence[What] | What | None) -> tuple[What, ...]:
    if what is None:
        if "revenue" in study.tables:
            return _WHAT
        return ("customers",)
    asked = (what,) if isinstance(what, str) else tuple(what)
    if not asked:
        raise ArgumentError("what is empty", wanted="'customers', 'mrr' or both")
    for name in asked:
        check_choice("what", name, _WHAT)
    return tuple(name for name in _WHAT if name in asked)


def declared_inflow(inflow: float | Sequence[float] | None, months: int) -> Floats | None:
    """Return the declared new customers of each month ahead, or None where none are declared."""
    if inflow is None:
        return None
    try:
        values = np.asarray(inflow, dtype=np.float64)
    except (TypeError, ValueError):
        raise ArgumentError(f"inflow is {inflow!r}", wanted="new customers a month, as numbers") from None
    if not np.isfinite(values).all() or (values < 0).any():
        raise ArgumentError(f"inflow is {inflow!r}", wanted="0 or more new customers a month")
    if values.ndim > 1 or (values.ndim == 1 and len(values) != months):
        raise ArgumentError(
            f"inflow has {values.size} numbers", wanted=f"one number, or one for each of {months} months"
        )
    return np.broadcast_to(values, (months,))


def history_cells(book: CustomerBook, months: int, window: int) -> MonthCells:
    """Sum a book by month as far back as rates and the backtest read, or refuse it.

    Raises
    ------
    DataError
        If too little is known, or nobody is left.
    """
    known = book.months_known
    if known < LEAST_BEFORE:
        raise DataError(
            f"only {known} whole months are known before the data cut",
            wanted=f"at least {LEAST_BEFORE} months of customers (and of revenue, to forecast it)",
            next_step="wait, or add the earlier months to the tables",
        )
    cells = month_cells(book, min(known, window + months + 24, _MOST_HISTORY))
    if not cells.customers[-1]:
        raise DataError(
            "nobody is a customer at the data cut: everybody has left",
            where="table customers, column ended_at",
            next_step="look whether observed_until is later than the data",
        )
    if cells.sizes > 1 and not cells.mrr[-1]:
        raise DataError(
            "no customer pays anything at the data cut",
            where="table revenue",
            next_step='forecast customers alone: what=("customers",)',
        )
    return cells


def _days(study: Study, months: Floats) -> list[pd.Timestamp]:
    return [
        pd.Timestamp(study.observed_until + timedelta(days=float(month) * DAYS_A_MONTH)).normalize()
        for month in months
    ]


def _bands(study: Study, futures: Futures, what: tuple[What, ...]) -> pd.DataFrame:
    parts = []
    for name in what:
        draws = futures.draws_of(name)
        month = np.arange(1, draws.shape[1] + 1)
        part = pd.DataFrame({"what": name, "month": month, "day": _days(study, month.astype(float))})
        for column, share in _QUANTILES.items():
            part[column] = np.quantile(draws, share, axis=0)
        for share in (50, 80, 95):
            ends = zip(part[f"low_{share}"], part[f"high_{share}"], strict=True)
            part[f"in_{share}"] = [format_interval(low, high, Unit.COUNT) for low, high in ends]
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


def _history(study: Study, cells: MonthCells, what: tuple[What, ...]) -> pd.DataFrame:
    month = np.arange(-len(cells.steps), 1)
    values = {"customers": cells.customers, "mrr": cells.mrr}
    days = _days(study, month.astype(float))
    parts = [
        pd.DataFrame({"what": name, "month": month, "day": days, "value": values[name]}) for name in what
    ]
    return pd.concat(parts, ignore_index=True)


def _ahead(name: What, futures: Futures, cells: MonthCells, months: int) -> Estimate:
    draws = futures.draws_of(name)[:, -1]
    low, high = np.quantile(draws, [0.1, 0.9])
    label, unit = {"customers": ("Customers", Unit.COUNT), "mrr": ("Recurring revenue", Unit.MONEY)}[name]
    return Estimate(
        name=f"{label} in {months} months",
        value=float(np.round(np.median(draws))),
        low=float(np.round(low)),
        high=float(np.round(high)),
        level=0.8,
        se=float(draws.std(ddof=1)) if len(draws) > 1 else float("nan"),
        n=round(cells.customers[-1]),
        unit=unit,
        method="simulated by customer; 80 % of the futures",
        denominator="customers today",
    )


def inflow_estimate(rates: MonthlyRates, declared: Floats | None, level: float) -> Estimate:
    """Return the new customers a month that a forecast supposes."""
    months = len(rates.came)
    if declared is not None:
        value, se, method = float(declared.mean()), 0.0, "declared"
    else:
        value = float(rates.came.mean())
        spread = max(float(rates.came.var(ddof=1)) if months > 1 else 0.0, value)
        # standard error of a mean of months that scatter at least as Poisson counts
        se, method = float(np.sqrt(spread / months)), f"mean of the last {months} months"
    half = normal_quantile(level) * se
    return Estimate(
        name="New customers a month",
        value=value,
        low=max(value - half, 0.0),
        high=value + half,
        level=level,
        se=se,
        n=months,
        unit=Unit.COUNT,
        method=method,
        denominator="months",
    )


def _rate_table(rates: MonthlyRates, level: float) -> pd.DataFrame:
    n, left = rates.n.sum(axis=0), rates.left.sum(axis=0)
    ends = [*BANDS[1:], AGES]
    rows = []
    for band, (start, end) in enumerate(zip(BANDS, ends, strict=True)):
        at_risk, leavers = float(n[start:end].sum()), float(left[start:end].sum())
        # Wilson (1927): months of a customer are trials, for a customer leaves once
        low, high = (float(end) for end in wilson(leavers, at_risk, level=level))
        share = (float(np.divide(leavers, at_risk, where=at_risk > 0, out=np.array(np.nan))), low, high)
        up, down = rates.rise[band]
        half = normal_quantile(level) * float(np.sqrt(rates.spread[band, 1]))
        label = f"{start} to {end - 1}" if end < AGES else f"{start} and more"
        rows.append((label, round(at_risk), *share, up, down, up - down, up - down - half, up - down + half))
    names = ["age", "n", "leave", "leave_low", "leave_high"]
    names += ["expansion", "contraction", "net", "net_low", "net_high"]
    return pd.DataFrame(rows, columns=names)
