"""What a lower churn of one group would bring: an assumption carried through, no effect of anything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import pandas as pd

from cxresearch.checks import check_level
from cxresearch.churn.outlook.customer_book import UNHAPPY, CustomerBook, read_book
from cxresearch.churn.outlook.forecast import check_months, declared_inflow, history_cells
from cxresearch.churn.outlook.monthly_rates import draw_rates, rates_of
from cxresearch.churn.outlook.simulate_months import simulate_months
from cxresearch.errors import ArgumentError, DataError
from cxresearch.results.result import Result
from cxresearch.results.table_spec import Column, TableSpec
from cxresearch.results.units import Unit, format_interval, format_value
from cxresearch.wording import listed, shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cxresearch.aliases import Floats
    from cxresearch.data.study import Study

_FEW = 30


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class WhatIf(Result):
    """Customers and recurring revenue with and without a lower churn of one group.

    Attributes
    ----------
    table : DataFrame
        One row for customers, and one for recurring revenue where the study has it.
    group : str
        Whose churn is supposed to fall.
    churn_times : float
        By what it is multiplied.
    n : int
        Customers of the group today.
    months, draws, level : int or float
    currency : str
    notes : tuple of str
    """

    table: pd.DataFrame
    group: str
    churn_times: float
    n: int
    months: int
    draws: int
    level: float
    currency: str
    notes: tuple[str, ...]

    specs: ClassVar[Mapping[str, TableSpec]] = {
        "table": TableSpec(
            title="If churn of {group} were {churn_times:g} times what it is: after {months} months; "
            "{n} customers today, {level} intervals",
            columns=(
                Column(
                    name="what",
                    label="what",
                    meaning="customers, or recurring revenue",
                    words={"mrr": "revenue a month"},
                ),
                Column(name="as_it_goes", label="as it goes", meaning="median", unit=Unit.COUNT),
                Column(name="supposed", label="as supposed", meaning="median", unit=Unit.COUNT),
                Column(
                    name="difference",
                    label="difference",
                    meaning="median of the differences, future by future",
                    unit=Unit.COUNT,
                    low="low",
                    high="high",
                ),
            ),
        )
    }

    @property
    def finding(self) -> str:
        """What the assumption would bring, and that it is one."""
        row = self.table.iloc[-1]
        difference = format_value(row["difference"], Unit.COUNT)
        band = format_interval(row["low"], row["high"], Unit.COUNT)
        unit = "customers more"
        if row["what"] == "mrr":
            unit = f"{self.currency or 'of the currency'} a month more".strip()
        fall = f"{100 * (1 - self.churn_times):.3g} %"
        return (
            f"If {fall} of those of {self.group} who would leave stayed instead, there would be {difference} "
            f"{unit} {band} after {self.months} months: an assumption carried through, not the effect of any "
            "action."
        )


def what_if(  # noqa: PLR0913 - each is a choice of its own
    study: Study,
    group: str = "unhappy",
    churn_times: float = 0.8,
    *,
    months: int = 12,
    score: str | None = None,
    inflow: float | Sequence[float] | None = None,
    window_months: int = 24,
    draws: int = 1000,
    level: float = 0.95,
    seed: int = 1,
) -> WhatIf:
    """Carry a lower churn of one group through the months ahead.

    Parameters
    ----------
    study : Study
        With table ``customers``; ``responses`` for the unhappy; ``revenue`` adds recurring revenue.
    group : str
        ``"unhappy"``: customers whose last answer within a year is an unhappy one; or ``"column=value"``.
    churn_times : float
        What churn of the group is multiplied by: 0.8 for a fall by a fifth. From 0 to below 1.
    months : int
        Months ahead, 1 to 60.
    score : str, optional
        The question that says who is unhappy; by default the NPS, or else the first.
    inflow, window_months, draws, seed
        As for `forecast`.
    level : float
        Of the interval of the difference.

    Returns
    -------
    WhatIf
        Differences are taken future by future: the same customers would leave, and some of them stay.

    Raises
    ------
    ArgumentError
        If a choice is out of range, or there is no such group.
    DataError
        If nobody is in the group, or too little is known.

    Notes
    -----
    Whoever is unhappy today counts as unhappy throughout, at the rate of leaving of the months that follow an
    unhappy answer; nobody becomes so, and nobody of them happy. See docs/outlook.md.

    Examples
    --------
    >>> from cxresearch.data.synthetic.one_survey import synthetic_study
    >>> study = synthetic_study(tier="B", customers=400, seed=3)
    >>> what_if(study, "segment=smb", 0.5, months=3, draws=50).table["what"].tolist()
    ['customers', 'mrr']
    """
    check_months("months", months, 60)
    check_months("window_months", window_months, 120)
    check_months("draws", draws, 100_000)
    check_level(level)
    if not 0 <= churn_times < 1:
        raise ArgumentError(
            f"churn_times is {churn_times!r}", wanted="from 0 to below 1: 0.8 for a fall by a fifth"
        )
    book, chosen, label = _groups(study, group, score)
    cells = history_cells(book, months, window_months)
    rates = rates_of(cells, until=len(cells.steps), window=window_months, inflow_months=12)
    spared = np.zeros((len(cells.groups), cells.sizes))
    # hazard times c: of those who would leave, 1 - c stay
    spared[chosen] = 1 - churn_times
    today = cells.stocks[-1]
    members = np.repeat(spared.ravel() > 0, cells.cells // cells.classes)
    n = round(float(today.n[members].sum()) + float(members[today.large_cell].sum()))
    if not n:
        raise DataError(f"no customer of today is in the group {label}", where=study.name)
    rng = np.random.default_rng(seed)
    drawn = draw_rates(rates, horizon=months, draws=draws, rng=rng, inflow=declared_inflow(inflow, months))
    futures = simulate_months(today, rates, drawn, rng=rng, spared=spared.ravel())
    rows = [_row("customers", futures.customers[:, -1], futures.customers_kept[:, -1], level)]
    if book.levels is not None:
        rows.append(_row("mrr", futures.mrr[:, -1], futures.mrr_kept[:, -1], level))
    names = ["what", "as_it_goes", "supposed", "difference", "low", "high"]
    return WhatIf(
        table=pd.DataFrame(rows, columns=names),
        group=label,
        churn_times=churn_times,
        n=n,
        months=months,
        draws=draws,
        level=level,
        currency=study.currency,
        notes=_notes(n, float(rates.left.reshape(len(cells.groups), -1)[chosen].sum()), group),
    )


def _row(what: str, base: Floats, more: Floats, level: float) -> tuple[str | float, ...]:
    # differences future by future: what chance gives both sides drops out
    low, high = np.quantile(more, [(1 - level) / 2, (1 + level) / 2])
    middle = [float(np.median(draws)) for draws in (base, base + more, more)]
    return (what, *middle, float(low), float(high))


def _notes(n: int, leavers: float, group: str) -> tuple[str, ...]:
    notes = []
    if n < _FEW:
        notes.append(f"Only {n} customers are in the group.")
    if leavers < _FEW:
        notes.append(f"Only {leavers:.0f} of the group left in these months: its churn is hardly known.")
    if group == "unhappy":
        notes.append("Whoever is unhappy today counts as unhappy throughout; nobody becomes so.")
    notes.append("That churn falls is supposed; what would make it fall is another question (cx.recovery).")
    return tuple(notes)


def _groups(study: Study, group: str, score: str | None) -> tuple[CustomerBook, int, str]:
    """The book with the groups in question, the place of the one that changes, and its name."""
    money = "revenue" in study.tables
    if group == "unhappy":
        instrument = question_asked(study, score)
        book = read_book(study, by=None, money=money, instrument=instrument)
        label = f"the unhappy by their last answer to {study.instruments[instrument].label}"
        return book, UNHAPPY, label
    column, sign, value = group.partition("=")
    if not sign or not value:
        raise ArgumentError(f"group is {group!r}", wanted="'unhappy', or 'column=value' such as 'plan=pro'")
    book = read_book(study, by=column, money=money)
    if value not in book.groups:
        raise ArgumentError(
            f"no group of {shown(column)} is {shown(value)}", wanted=f"one of {listed(book.groups)}"
        )
    return book, book.groups.index(value), f"{column} {value}"


def question_asked(study: Study, score: str | None) -> str:
    """Return the question that says who is unhappy: the one named, the NPS, or the first."""
    if "responses" not in study.tables or not study.instruments:
        raise DataError(
            "who is unhappy is not known: the study has no answers",
            where=study.name,
            next_step="map the survey in the study file",
        )
    usual = next(iter(study.instruments))
    if "nps" in study.instruments:
        usual = "nps"
    chosen = score or usual
    if chosen not in study.instruments:
        raise ArgumentError(
            f"the study has no question {chosen!r}", wanted=f"one of {listed(study.instruments)}"
        )
    return chosen
