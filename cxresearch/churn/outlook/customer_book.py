"""Who came and left when, what they paid and how they answered: read once from the engine, as arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np

from cxresearch.data.engine import days_between
from cxresearch.errors import ArgumentError, DataError
from cxresearch.metrics.revenue.revenue_levels import one_currency, revenue_levels
from cxresearch.metrics.revenue.revenue_profiles import revenue_profile
from cxresearch.metrics.survey.score_measures import measures_for
from cxresearch.units_of_time import DAYS_A_MONTH
from cxresearch.wording import listed

if TYPE_CHECKING:
    from cxresearch.aliases import Floats, Ints
    from cxresearch.data.study import Study

#: More groups than this are too thin for rates of their own: the smallest are taken together.
_MOST_GROUPS = 8
_OTHER = "other groups"
_UNSTATED = "not stated"
#: An answer says how a customer feels for so many months.
ANSWER_MONTHS = 12.0
#: Moods in the order of their codes, as an NPS calls them and as other questions do.
_NPS_MOODS = ("detractor", "passive", "promoter", "no answer")
_MOODS = ("unhappy", "between", "happy", "no answer")
UNHAPPY, NEUTRAL, HAPPY, SILENT = range(4)


@dataclass(frozen=True, kw_only=True)
class Changes:
    """Values that customers take on, in order of time.

    Attributes
    ----------
    customer : ndarray of int64
        Place of the customer in the book.
    at : ndarray of float64
        Months from the data cut, 0 or below, rising.
    value : ndarray of float64
        What holds from then on.
    """

    customer: Ints
    at: Floats
    value: Floats


@dataclass(frozen=True, kw_only=True)
class CustomerBook:
    """Customers of a study with all that a forecast reads; times in months from the data cut.

    Attributes
    ----------
    started, ended : ndarray of float64, shape (customers,)
        0 or below; ``ended`` is infinite for those still there at the cut.
    group : ndarray of int64, shape (customers,)
        Place in ``groups``.
    groups : tuple of str
    levels : Changes or None
        Recurring revenue; None where it is not asked for.
    moods : Changes or None
        Answers as codes of moods; None where groups are of a column.
    n_strangers : int
        Levels of revenue above 0 of somebody who is not among the customers.
    """

    started: Floats
    ended: Floats
    group: Ints
    groups: tuple[str, ...]
    levels: Changes | None
    moods: Changes | None
    n_strangers: int

    @property
    def months_known(self) -> int:
        """Whole months before the cut in which there are customers, and levels where they are read."""
        first = float(self.started.min())
        if self.levels is not None and len(self.levels.at):
            first = max(first, float(self.levels.at[0]))
        return int(np.floor(-first))


def read_book(study: Study, *, by: str | None, money: bool, instrument: str | None = None) -> CustomerBook:
    """Read the customers of a study, with their levels of revenue and their moods.

    Parameters
    ----------
    study : Study
        With table ``customers``.
    by : str or None
        A column of customers whose groups have rates of their own.
    money : bool
        Whether levels of recurring revenue are read.
    instrument : str or None
        Groups are the answers to this question as known in each month; ``by`` is not used then.

    Raises
    ------
    DataError
        If there is no customer, or money is asked for and there is no revenue.
    ArgumentError
        If customers have no such column.
    """
    ids, started, ended, labels = _customers(study, by)
    levels, n_strangers = None, 0
    if money:
        levels, n_strangers = _levels(study, ids)
    moods = None
    group, groups = _codes(labels, len(started))
    if instrument is not None:
        moods = _moods(study, ids, instrument)
        groups = _MOODS
        if "nps" in measures_for(study.instruments[instrument]):
            groups = _NPS_MOODS
    return CustomerBook(
        started=started,
        ended=ended,
        group=group,
        groups=groups,
        levels=levels,
        moods=moods,
        n_strangers=n_strangers,
    )


def _customers(study: Study, by: str | None) -> tuple[Any, Floats, Floats, Any]:
    if "customers" not in study.tables:
        raise DataError(
            "there is no table of customers",
            where=study.name,
            wanted="customers with started_at, and ended_at of those who left",
            next_step="map table customers in the study file",
        )
    people = study.table("customers")
    names = people.collect_schema().names()
    if by is not None and by not in names:
        raise ArgumentError(f"customers have no column {by!r}", wanted=f"one of {listed(study.segments)}")
    cut = nw.lit(study.observed_until)
    if "ended_at" not in names:
        raise DataError(
            "customers have no ended_at: nobody would ever be forecast to leave",
            where="table customers",
            wanted="ended_at, empty for those still there",
            next_step="map the column that says when a customer left",
        )
    label = nw.lit("")
    if by is not None:
        label = nw.col(by).cast(nw.String())
    rows = people.select(
        cx_id=nw.col("customer_id"),
        cx_started=-days_between(nw.col("started_at"), cut),
        cx_ended=-days_between(nw.col("ended_at"), cut),
        cx_label=label,
    ).collect("pyarrow")
    started = _floats(rows["cx_started"]) / DAYS_A_MONTH
    left = _floats(rows["cx_ended"]) / DAYS_A_MONTH
    if not len(started):
        raise DataError("there is no customer", where="table customers")
    # an end after the cut has not happened yet
    left = np.where(np.isnan(left) | (left > 0), np.inf, left)
    return _arrow(rows["cx_id"]), started, left, rows["cx_label"].to_native()


def _codes(labels: Any, n: int) -> tuple[Ints, tuple[str, ...]]:
    """Return each customer's group as a place among the groups, the smallest taken together."""
    import pandas as pd

    text = pd.Series(labels.to_pandas(), dtype=object).fillna(_UNSTATED)
    if not n or (text == "").all():
        return np.zeros(n, dtype=np.int64), ("all",)
    counts = text.value_counts()
    if len(counts) > _MOST_GROUPS:
        large = set(counts.index[: _MOST_GROUPS - 1])
        text = text.where(text.isin(large), _OTHER)
    codes, groups = pd.factorize(text, sort=True)
    return codes.astype(np.int64), tuple(map(str, groups))


def _levels(study: Study, ids: Any) -> tuple[Changes, int]:
    if "revenue" not in study.tables:
        raise DataError(
            "recurring revenue cannot be forecast: there is no table revenue",
            where=study.name,
            next_step='map it in the study file, or forecast customers alone: what=("customers",)',
        )
    levels = revenue_levels(study, revenue_profile("cxresearch"))
    levels = one_currency(study, levels, next_step="forecast customers alone, or use one currency")
    cut = nw.lit(study.observed_until)
    rows = levels.select(
        "customer_id", cx_at=-days_between(nw.col("at"), cut), cx_cents=nw.col("cents").cast(nw.Float64)
    ).collect("pyarrow")
    money = _floats(rows["cx_cents"]) / 100
    if not (money > 0).any():
        raise DataError(
            "recurring revenue cannot be forecast: nobody ever paid anything",
            where="table revenue",
            next_step='forecast customers alone: what=("customers",)',
        )
    customer = _places(_arrow(rows["customer_id"]), ids)
    n_strangers = int(((customer < 0) & (money > 0)).sum())
    return _in_order(customer, _floats(rows["cx_at"]) / DAYS_A_MONTH, money), n_strangers


def _moods(study: Study, ids: Any, instrument: str) -> Changes:
    scale = study.instruments[instrument]
    cut = nw.lit(study.observed_until)
    answers = study.table("responses").filter(
        (nw.col("instrument") == instrument) & ~nw.col("score").is_null() & (nw.col("responded_at") <= cut)
    )
    rows = answers.select("customer_id", "score", cx_at=-days_between(nw.col("responded_at"), cut)).collect(
        "pyarrow"
    )
    score = _floats(rows["score"])
    mood = np.full(len(score), float(NEUTRAL))
    mood[np.isin(score, scale.top)] = HAPPY
    mood[np.isin(score, scale.bottom)] = UNHAPPY
    customer = _places(_arrow(rows["customer_id"]), ids)
    return _in_order(customer, _floats(rows["cx_at"]) / DAYS_A_MONTH, mood)


def _in_order(customer: Ints, at: Floats, value: Floats) -> Changes:
    """Changes of customers of the book, in order of time; at one moment the last row holds."""
    order = np.argsort(at, kind="stable")
    order = order[customer[order] >= 0]
    return Changes(customer=customer[order], at=at[order], value=value[order])


def _places(ids: Any, known: Any) -> Ints:
    """Place of each id among the known ones, -1 where it is none of them."""
    import pyarrow.compute as pc

    places = pc.index_in(ids, value_set=known)
    return np.asarray(places.fill_null(-1).to_numpy(zero_copy_only=False), dtype=np.int64)


def _arrow(column: Any) -> Any:
    """A column of ids as one Arrow array of text."""
    import pyarrow as pa

    ids = column.to_native().cast(pa.large_string())
    return pa.concat_arrays(ids.chunks) if ids.num_chunks else pa.array([], pa.large_string())


def _floats(column: Any) -> Floats:
    native = column.to_native()
    return np.asarray(native.to_numpy(), dtype=np.float64)
