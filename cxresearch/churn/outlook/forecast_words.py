"""What a forecast says in words: first how far it is to be trusted, then what is ahead."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from cxresearch.churn.outlook.month_cells import AGES, moment_of
from cxresearch.churn.outlook.rolling_backtest import ALL, LEAST_ORIGINS
from cxresearch.results.units import Unit, format_interval, format_value
from cxresearch.wording import only_if

if TYPE_CHECKING:
    from cxresearch.churn.outlook.customer_book import CustomerBook
    from cxresearch.churn.outlook.month_cells import MonthCells
    from cxresearch.churn.outlook.monthly_rates import MonthlyRates
    from cxresearch.results.estimate import Estimate

_NAMES = {"customers": "customers", "mrr": "recurring revenue"}
#: Coverage of an 80 % band below this in the past makes it too narrow to be taken at its word.
_NARROW = 0.65
_FEW = 30


def forecast_sentences(
    headline: Sequence[Estimate],
    backtest: pd.DataFrame,
    cells: MonthCells,
    inflow: Estimate,
    currency: str,
    months: int,
) -> tuple[str, ...]:
    """Return the finding sentence by sentence; where the past speaks against the forecast, that comes first.

    Parameters
    ----------
    headline : sequence of Estimate
        What is forecast at the last month.
    backtest : DataFrame
    cells : MonthCells
    inflow : Estimate
    currency : str
    months : int
    """
    whole = {row["what"]: row for row in backtest[backtest["horizon"] == ALL].to_dict("records")}
    values = {"customers": cells.customers[-1], "mrr": cells.mrr[-1]}
    names = ["customers"] * ("Customers" in headline[0].name) + ["mrr"] * ("revenue" in headline[-1].name)
    doubts, praises = [], []
    for name in names:
        doubts += _doubt(name, whole.get(name))
        praises += _praise(name, whole.get(name))
    ahead = [
        _ahead(name, estimate, values[name], currency) for name, estimate in zip(names, headline, strict=True)
    ]
    first = f"In {months} months: {'; '.join(ahead)} (80 of 100 futures drawn)."
    if months == 1:
        first = first.replace("1 months", "1 month")
    supposed = (
        f"Supposed are {format_value(inflow.value, Unit.COUNT)} new customers a month ({inflow.method})."
    )
    return (*doubts, first, *praises, supposed)


def _ahead(name: str, estimate: Estimate, today: float, currency: str) -> str:
    value = format_value(estimate.value, Unit.COUNT)
    band = format_interval(estimate.low, estimate.high, Unit.COUNT)
    now = format_value(today, Unit.COUNT)
    if name == "customers":
        return f"{value} customers {band}, today {now}"
    money = currency or "of the study's currency"
    return f"{value} {money} of recurring revenue a month {band}, today {now}"


def _doubt(name: str, row: dict[Any, Any] | None) -> list[str]:
    if row is None or row["origins"] < LEAST_ORIGINS:
        origins = 0 if row is None else int(row["origins"])
        return [
            f"The history is too short to test this forecast of {_NAMES[name]} ({origins} past months to "
            f"forecast from, {LEAST_ORIGINS} are needed): read it as a sketch."
        ]
    sentences = []
    simple = {'"as last month"': row["error_naive"], "a straight line": row["error_line"]}
    best = min(simple, key=lambda rival: simple[rival])
    if row["error"] >= simple[best]:
        sentences.append(
            f"In the past this forecast of {_NAMES[name]} did not beat {best}: it missed by "
            f"{_percent(row['error'])} on average, {best} by {_percent(simple[best])} "
            f"({int(row['origins'])} past months to forecast from)."
        )
    if row["covered"] < _NARROW:
        covered = _percent(row["covered"], 0)
        sentences.append(
            f"Its 80 % band of {_NAMES[name]} held only {covered} of what came: it is too narrow, for the "
            "company changes more than its last months show."
        )
    return sentences


def _praise(name: str, row: dict[Any, Any] | None) -> list[str]:
    if row is None or row["origins"] < LEAST_ORIGINS:
        return []
    if row["error"] >= min(row["error_naive"], row["error_line"]):
        return []
    origins = int(row["origins"])
    error, covered = _percent(row["error"]), _percent(row["covered"], 0)
    naive, line = _percent(row["error_naive"]), _percent(row["error_line"])
    return [
        f"Made at {origins} past months, the forecast of {_NAMES[name]} missed by {error} on "
        f'average, "as last month" by {naive}, a straight line by {line}; the 80 % band held {covered} of '
        "what came."
    ]


def _percent(share: float, decimals: int = 1) -> str:
    return f"{100 * share:.{decimals}f} %"


def standing_notes(
    book: CustomerBook, cells: MonthCells, rates: MonthlyRates, months: int, window: int
) -> tuple[str, ...]:
    """Return what the reader must know: short windows, ages beyond what was seen, revenue of strangers."""
    notes = []
    if rates.months < window:
        notes.append(f"Rates rest on {rates.months} months: no more are known.")
    leavers = float(rates.left.sum())
    if leavers < _FEW:
        notes.append(f"Only {leavers:.0f} customers left in these months: their rates are hardly known.")
    beyond = _beyond(cells, rates, months)
    if beyond > 0:
        notes.append(
            f"{_percent(beyond, 0)} of today's customers will reach ages within {months} months that nobody "
            "was seen at: the rate of their band of age is carried on."
        )
    if book.n_strangers:
        notes.append(
            f"{book.n_strangers:,} level{only_if(book.n_strangers > 1, 's')} of revenue of somebody who is "
            "not among the customers left out."
        )
    gone = _money_of_the_gone(book)
    if gone >= 1:
        notes.append(
            f"{format_value(gone, Unit.COUNT)} of recurring revenue at the data cut is of customers who had "
            "left by then: it is in no figure here."
        )
    if cells.customers[-1] < _FEW:
        notes.append(f"Only {cells.customers[-1]:.0f} customers today: chance decides most of what comes.")
    notes.append("Bands suppose that rates and inflow stay what they were; a new price or product is not in.")
    return tuple(notes)


def _money_of_the_gone(book: CustomerBook) -> float:
    """Revenue at the cut of those who had ended: two tables that do not agree, one of which was declared."""
    if book.levels is None:
        return 0.0
    now = moment_of(book, 0.0)
    return float(now.level[~now.present].sum())


def _beyond(cells: MonthCells, rates: MonthlyRates, months: int) -> float:
    """Share of today's customers who come to ages at which nobody was at risk."""
    seen = rates.n.sum(axis=0) > 0
    oldest = int(seen.nonzero()[0].max())
    stock = cells.stocks[-1]
    by_age = stock.n.reshape(-1, AGES).sum(axis=0)
    for age in stock.large_cell % AGES:
        by_age[age] += 1
    reach = [min(age + months - 1, AGES - 1) for age in range(AGES)]
    late = sum(by_age[age] for age in range(AGES) if reach[age] > oldest)
    return float(late / max(by_age.sum(), 1.0))
