"""Lifetime value by group of customers, and by the answer known at a landmark."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import pandas as pd

from cxresearch.checks import check_level
from cxresearch.churn.outlook.customer_book import CustomerBook, read_book
from cxresearch.churn.outlook.forecast import check_months
from cxresearch.churn.outlook.month_cells import moment_of
from cxresearch.churn.outlook.what_if import question_asked
from cxresearch.errors import DataError
from cxresearch.metrics.economics.lifetime_value import lifetime_value
from cxresearch.results.result import Result
from cxresearch.results.table_spec import Column, TableSpec
from cxresearch.results.units import Unit, format_estimate
from cxresearch.stats.survival.kaplan_meier import kaplan_meier

if TYPE_CHECKING:
    from cxresearch.aliases import Bools, Floats
    from cxresearch.data.study import Study

_SUPPRESSED = 5
_FEW = 30


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class ValueByGroup(Result):
    """What a customer of each group is worth over some months.

    Attributes
    ----------
    table : DataFrame
        One row a group.
    by : str
        The column, or the question.
    months, n : int
    landmark_months : int
        0: from joining on. Else: the answer is that known so many months before the data cut, and the value
        what came after it.
    margin, discount, level : float
    currency : str
    notes : tuple of str
    """

    table: pd.DataFrame
    by: str
    months: int
    n: int
    landmark_months: int
    margin: float
    discount: float
    level: float
    currency: str
    notes: tuple[str, ...]

    specs: ClassVar[Mapping[str, TableSpec]] = {
        "table": TableSpec(
            title="What a customer is worth over {months} months, by {by}; {n} customers, {level} intervals",
            columns=(
                Column(name="group", label="group", meaning="of customers"),
                Column(name="n", label="n", meaning="customers followed"),
                Column(name="left", label="left", meaning="of them, as far as they were followed"),
                Column(
                    name="monthly",
                    label="revenue a month",
                    meaning="mean level of a customer of the group",
                    unit=Unit.MONEY,
                ),
                Column(
                    name="value",
                    label="value",
                    meaning="sum over the months of level times share still there, times margin",
                    unit=Unit.MONEY,
                    low="low",
                    high="high",
                ),
                Column(name="note", label="note", meaning="small numbers, what is extrapolated"),
            ),
        )
    }

    @property
    def finding(self) -> str:
        """The group that is worth most and the one worth least."""
        rows = self.table.dropna(subset=["value"])
        if len(rows) < 2:
            return f"By {self.by} no two groups are large enough to be compared."
        first, last = rows.iloc[int(rows["value"].argmax())], rows.iloc[int(rows["value"].argmin())]
        most, least = (
            f"{row['group']} {format_estimate(row['value'], row['low'], row['high'], Unit.MONEY)}"
            for row in (first, last)
        )
        since = ""
        if self.landmark_months:
            since = f" that followed the answer known {self.landmark_months} months before the data cut"
        return (
            f"Over the {self.months} months{since} a customer is worth most in {most}, least in {least}"
            f" ({self.currency or 'currency not named'}): a description, for the groups differ in more."
        )


def value_by_group(
    study: Study,
    by: str | None = None,
    *,
    score: str | None = None,
    months: int | None = None,
    level: float = 0.95,
) -> ValueByGroup:
    """Return lifetime values by a column of customers, or by the answer known at a landmark.

    Parameters
    ----------
    study : Study
        With tables ``customers`` and ``revenue``, and ``responses`` for answers. Margin and discount are
        those of its ``[costs]``, else revenue itself counts.
    by : str, optional
        A column of customers: value from joining on, at the mean level of those who pay today.
    score : str, optional
        A question, where ``by`` is not given; by default the NPS, or else the first: customers of some months
        ago by the last answer they had given then, valued by what came after it, at the level they had then.
    months : int, optional
        Months counted; by default 36 from joining, and 12 from a landmark. A landmark lies so many months
        before the data cut, so that nothing is extrapolated.
    level : float

    Returns
    -------
    ValueByGroup
        Groups below 30 are flagged, those below 5 suppressed.

    Raises
    ------
    DataError
        If there is no revenue, no answer, or the data do not go back to the landmark.

    Notes
    -----
    Value is sum m S(t) (1 + d)^-t of `lifetime_value`, whose intervals hold the level for true.

    References
    ----------
    Anderson, J. R., Cain, K. C., & Gelber, R. D. (1983). Analysis of survival by tumor response. Journal of
    Clinical Oncology 1, 710-719 (the landmark). doi:10.1200/JCO.1983.1.11.710

    Examples
    --------
    >>> from cxresearch.data.synthetic.one_survey import synthetic_study
    >>> study = synthetic_study(tier="B", customers=400, seed=3)
    >>> value_by_group(study, "segment", months=12).table["group"].tolist()
    ['enterprise', 'mid', 'smb']
    """
    check_level(level)
    landmark = 0
    if by is None:
        months = 12 if months is None else months
        landmark = months
    months = 36 if months is None else months
    check_months("months", months, 120)
    margin, discount = 1.0, 0.0
    if study.costs is not None:
        margin, discount = study.costs.gross_margin, study.costs.discount
    instrument = None
    if by is None:
        instrument = question_asked(study, score)
    book = read_book(study, by=by, money=True, instrument=instrument)
    label = by or study.instruments[str(instrument)].label
    group, duration, left, money, among = _followed(book, landmark)
    if not among.any():
        raise DataError(
            f"nobody was a customer {landmark} months before the data cut",
            where="table customers",
            next_step="take fewer months",
        )
    rows = []
    for place, name in enumerate(book.groups):
        members = among & (group == place)
        levels = money[members & (money > 0)] if not landmark else money[members]
        figures = _figures(duration[members], left[members], levels, months, margin, discount, level)
        rows.append((name, *figures))
    names = ["group", "n", "left", "monthly", "value", "low", "high", "note"]
    table = pd.DataFrame(rows, columns=names)
    return ValueByGroup(
        table=table[table["n"] > 0].reset_index(drop=True),
        by=label,
        months=months,
        n=int(among.sum()),
        landmark_months=landmark,
        margin=margin,
        discount=discount,
        level=level,
        currency=study.currency,
        notes=_notes(landmark, margin),
    )


def _followed(book: CustomerBook, landmark: int) -> tuple[Floats, Floats, Bools, Floats, Bools]:
    """Group, months followed, whether left, level, and who counts."""
    # whoever is still there is censored at the data cut
    end = np.minimum(book.ended, 0.0)
    left = book.ended <= 0
    if not landmark:
        now = moment_of(book, 0.0)
        level = np.where(now.present, now.level, 0.0)
        return book.group.astype(float), end - book.started, left, level, np.ones(len(end), dtype=bool)
    then = moment_of(book, -float(landmark))
    # the answer is the last one known at the landmark, and what is valued comes after it
    group = then.klass // 4
    return group.astype(float), end + landmark, left, then.level, then.present


def _figures(
    duration: Floats,
    left: Bools,
    levels: Floats,
    months: int,
    margin: float,
    discount: float,
    level: float,
) -> tuple[int, int, float, float, float, float, str]:
    n = len(duration)
    if n < _SUPPRESSED or not len(levels):
        note = "nobody pays"
        if n < _SUPPRESSED:
            note = f"fewer than {_SUPPRESSED} customers"
        return n, int(left.sum()), np.nan, np.nan, np.nan, np.nan, note
    curve = kaplan_meier(duration, left.astype(int), unit=Unit.MONTHS, level=level)
    monthly = float(levels.mean())
    # sum of m S(t) (1 + d)^-t
    value = lifetime_value(
        curve, monthly, horizon_months=months, margin=margin, discount=discount, level=level
    )
    notes = [value.note]
    if n < _FEW:
        notes.insert(0, f"fewer than {_FEW} customers")
    return (
        n,
        int(left.sum()),
        monthly,
        value.value,
        value.low,
        value.high,
        "; ".join(filter(None, notes)),
    )


def _notes(landmark: int, margin: float) -> tuple[str, ...]:
    notes = []
    if margin == 1:
        notes.append("Values are revenue: no margin is declared in [costs].")
    if landmark:
        notes.append(
            "No answer: none within the year before the landmark. What comes after an answer is not what the "
            "answer caused."
        )
    return tuple(notes)
