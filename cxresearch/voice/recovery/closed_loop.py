"""How many unhappy answers were followed up, and how soon: the closed loop, by team and period."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import narwhals as nw
import numpy as np
import pandas as pd

from cxresearch.checks import check_level, check_number
from cxresearch.data.engine import Every, collect, period_start
from cxresearch.data.timelines import DAY, seconds
from cxresearch.errors import ArgumentError, DataError
from cxresearch.results.estimate import Estimate
from cxresearch.results.hiding import SUPPRESS_BELOW, why_hidden
from cxresearch.results.result import Result
from cxresearch.results.table_spec import Column, TableSpec
from cxresearch.results.units import Unit, format_value
from cxresearch.stats.survival.kaplan_meier import kaplan_meier
from cxresearch.voice.recovery.unhappy_moments import study_timelines, unhappy_question
from cxresearch.wording import did_you_mean, listed

if TYPE_CHECKING:
    from cxresearch.aliases import Floats
    from cxresearch.data.study import Study
    from cxresearch.scales import Scale


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class ClosedLoop(Result):
    """Unhappy answers as cases, and what became of them.

    Attributes
    ----------
    question : str
    contacts : tuple of str
        Kinds of events that count as a contact.
    within_days : float
        A contact within this time closes the loop in time.
    table : DataFrame
        One row a group and period, the last one all together.
    finding : str
    notes : tuple of str
    level : float
    se : float
        Standard error of the share followed up in time, all cases together.
    """

    question: str
    contacts: tuple[str, ...]
    within_days: float
    table: pd.DataFrame
    finding: str
    notes: tuple[str, ...]
    level: float
    se: float

    @property
    def estimate(self) -> Estimate:
        """The share followed up in time, all cases together."""
        total: Any = self.table.iloc[-1]
        return Estimate(
            name=f"Unhappy {self.question} answers followed up within {self.within_days:g} days",
            value=float(total["followed_up"]),
            low=float(total["low"]),
            high=float(total["high"]),
            level=self.level,
            se=self.se,
            n=int(total["n"]),
            unit=Unit.SHARE,
            method="Kaplan-Meier, log-log limits",
        )

    specs: ClassVar[dict[str, TableSpec]] = {
        "table": TableSpec(
            title="Unhappy answers followed up, {level} intervals",
            groups_first=True,
            columns=(
                Column(name="n", label="unhappy answers", meaning="cases", unit=Unit.COUNT),
                Column(
                    name="followed_up",
                    label="followed up in time",
                    meaning="share contacted within the time, by Kaplan-Meier",
                    unit=Unit.SHARE,
                    low="low",
                    high="high",
                ),
                Column(
                    name="median_days",
                    label="half contacted within",
                    meaning="median time to the contact",
                    unit=Unit.DAYS,
                ),
                Column(name="open", label="still open", meaning="without a contact so far", unit=Unit.COUNT),
                Column(name="note", label="note", meaning="why a row is hidden"),
            ),
        )
    }


def closed_loop(
    study: Study,
    *,
    contacts: Sequence[str],
    unhappy: str = "nps",
    within_days: float = 7,
    by: str | None = None,
    every: Every | None = None,
    level: float = 0.95,
) -> ClosedLoop:
    """Count how many unhappy answers led to a contact, and how soon.

    Every unhappy answer opens a case. Its time runs to the first contact; a case without one is censored
    when the customer leaves, or at the data cut: an open case is no failure yet, and no row is dropped.

    Parameters
    ----------
    study : Study
        With customers, responses and events that name a customer.
    contacts : sequence of str
        Kinds of events that are a contact.
    unhappy : str
        The question; its scale says which answers are unhappy (``bottom``).
    within_days : float
        Time within which a contact counts as in time.
    by : str, optional
        A column of responses or customers: team, agent, segment.
    every : {"day", "week", "month", "quarter", "year"}, optional
        Period of the answer.
    level : float

    Returns
    -------
    ClosedLoop

    Raises
    ------
    ArgumentError
        If a question, a kind of event or a column is not known.
    DataError
        If nobody gave an unhappy answer.

    References
    ----------
    Kaplan and Meier (1958), doi:10.1080/01621459.1958.10501452; log-log limits.

    Examples
    --------
    >>> from cxresearch.data.study import Study
    >>> from cxresearch.scales import NPS
    >>> ids = [f"c{i}" for i in range(40)]
    >>> day = pd.Timestamp("2024-03-01")
    >>> answers = {"customer_id": ids, "instrument": "nps", "score": 3.0, "responded_at": day}
    >>> calls = {"customer_id": ids[:30], "kind": "call_back", "occurred_at": day + pd.Timedelta(days=2)}
    >>> study = Study.from_frames(
    ...     {
    ...         "customers": pd.DataFrame({"customer_id": ids, "started_at": pd.Timestamp("2023-01-01")}),
    ...         "responses": pd.DataFrame(answers),
    ...         "events": pd.DataFrame(calls),
    ...     },
    ...     observed_until="2024-12-31",
    ...     instruments={"nps": NPS},
    ... )
    >>> closed_loop(study, contacts=["call_back"]).finding
    '75.0 % of 40 unhappy answers were followed up within 7 days; half within 2.0 days.'
    """
    level = check_level(level)
    check_number("within_days", within_days, above=0)
    scale = unhappy_question(study, unhappy)
    kinds = tuple(dict.fromkeys(contacts))
    cases = _cases(study, scale, kinds, by, every)
    keys = [name for name in ("group", "period") if name in cases]
    rows = []
    if keys:
        for values, part in cases.groupby(keys, sort=True):
            rows.append({**dict(zip(keys, values, strict=True)), **_row(part, within_days, level)})
    rows.append({**dict.fromkeys(keys, "all"), **_row(cases, within_days, level)})
    table = pd.DataFrame(rows).drop(columns="se").rename(columns={"group": by or "group"})
    total = rows[-1]
    return ClosedLoop(
        question=scale.label,
        contacts=kinds,
        within_days=within_days,
        table=table,
        finding=_finding(total, within_days),
        notes=(f"A contact is {listed(kinds)}; who left or is not contacted yet is censored, not dropped.",),
        level=level,
        se=float(total["se"]),
    )


def _cases(
    study: Study, scale: Scale, kinds: tuple[str, ...], by: str | None, every: Every | None
) -> pd.DataFrame:
    """One row an unhappy answer: days until the first contact or until it could no longer come."""
    lines = study_timelines(study, scale, kinds)
    answers = study.table("responses").filter(
        (nw.col("instrument") == scale.name) & nw.col("score").is_in([float(s) for s in scale.bottom])
    )
    columns = {"customer_id": nw.col("customer_id"), "responded_at": nw.col("responded_at")}
    if every is not None:
        columns["period"] = period_start(nw.col("responded_at"), every, study.timezone)
    columns |= _group(study, answers, by)
    rows = collect(answers.select(**columns))
    if by is not None and "group" not in rows:
        of_customer = collect(study.table("customers").select("customer_id", group=nw.col(by)))
        rows = rows.merge(of_customer, on="customer_id", how="left")
    code = lines.ids.get_indexer(pd.Index(rows["customer_id"]))
    rows = rows[code >= 0].reset_index(drop=True)
    customer = code[code >= 0].astype(np.int64)
    if not len(rows):
        raise DataError(f"nobody gave an unhappy answer to {scale.label}")
    moment = seconds(rows["responded_at"])
    contact = np.full(len(rows), np.inf)
    for line in lines.actions.values():
        found = line.time_at(line.first_after(customer, moment))
        contact = np.fmin(contact, found)
    last_watched = np.minimum(lines.ended[customer], lines.cut)
    contacted = contact <= last_watched
    end = np.where(contacted, contact, last_watched)
    # An answer after the end of the relation has no time in which a contact could come.
    rows["days"] = np.maximum((end - moment) / DAY, 0.0)
    rows["contacted"] = contacted
    rows["person"] = customer
    if "group" in rows:
        rows["group"] = rows["group"].astype("object").where(rows["group"].notna(), "(none)").astype(str)
    if "period" in rows:
        rows["period"] = rows["period"].dt.strftime("%Y-%m-%d")
    return rows


def _group(study: Study, answers: nw.LazyFrame[Any], by: str | None) -> dict[str, nw.Expr]:
    """The group column if responses have it; of customers it is joined later."""
    if by is None:
        return {}
    of_answers = answers.collect_schema().names()
    of_customers = study.table("customers").collect_schema().names()
    if by in of_answers:
        return {"group": nw.col(by)}
    if by not in of_customers:
        known = [*of_answers, *of_customers]
        raise ArgumentError(
            f"neither responses nor customers have a column {by!r}",
            wanted="one of " + listed(sorted(set(known))),
            next_step=did_you_mean(by, known),
        )
    return {}


def _row(cases: pd.DataFrame, within_days: float, level: float) -> dict[str, Any]:
    n = len(cases)
    row: dict[str, Any] = {"n": n, "open": int((~cases["contacted"]).sum())}
    blank: dict[str, Any] = {
        "followed_up": np.nan,
        "low": np.nan,
        "high": np.nan,
        "se": np.nan,
        "median_days": np.nan,
        "note": why_hidden(n),
    }
    if n < SUPPRESS_BELOW:
        return {**row, **blank}
    days: Floats = cases["days"].to_numpy(dtype=np.float64)
    curve = kaplan_meier(days, cases["contacted"], clusters=cases["person"], level=level)
    # Share contacted by a time is one less the survival of the case without contact.
    at_time = curve.share_at(within_days, extend=True)
    return {
        **row,
        "followed_up": 1 - at_time.value,
        "low": 1 - at_time.high,
        "high": 1 - at_time.low,
        "se": at_time.se,
        "median_days": curve.median.value,
        "note": "",
    }


def _finding(total: dict[str, Any], within_days: float) -> str:
    if np.isnan(total["followed_up"]):
        return f"{total['n']:,} unhappy answers are too few to say how many were followed up."
    share = format_value(total["followed_up"], Unit.SHARE)
    sentence = f"{share} of {total['n']:,} unhappy answers were followed up within {within_days:g} days"
    if np.isnan(total["median_days"]):
        return f"{sentence}; fewer than half ever were."
    return f"{sentence}; half within {format_value(total['median_days'], Unit.DAYS)}."
