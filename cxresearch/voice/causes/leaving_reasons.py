"""``leaving_reasons``: why customers say they leave, what that costs, and what they had said before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pandas as pd

from cxresearch.checks import check_level, check_number
from cxresearch.errors import ArgumentError, DataError
from cxresearch.results.hiding import SUPPRESS_BELOW
from cxresearch.results.result import Result
from cxresearch.results.table_spec import Column, TableSpec
from cxresearch.results.units import Unit, format_estimate, format_value
from cxresearch.stats.intervals.proportions import wilson
from cxresearch.stats.survival.aalen_johansen import aalen_johansen
from cxresearch.voice.why.study_texts import collect_columns, columns_of, revenue_levels

if TYPE_CHECKING:
    from cxresearch.data.study import Study
    from cxresearch.voice.why.themes import Themes

#: Reasons that are told apart, the most frequent; the rest is one line.
MOST_REASONS = 12
_REMARK = "A reason is what somebody ticked on leaving: what came to mind, and it is known only after."
OTHER, UNKNOWN = "other reasons", "no reason given"


@dataclass(frozen=True, kw_only=True, eq=False)
class LeavingReasons(Result):
    """Why customers leave.

    Attributes
    ----------
    table : DataFrame
        One row a reason, the costliest first.
    by_group : DataFrame
        The same by period or group, where asked for: ``group, reason, customers, value, low, high,
        mrr_lost``.
    before : DataFrame
        What the leavers had said: ``reason, theme, label, customers`` (who said so in their last text before
        leaving), ``value, low, high`` (share of the reason's leavers with a text), ``others`` (share of those
        who left for another reason).
    n, n_without : int
        Customers who left, and those of them without a reason.
    mrr_lost : float
        Monthly recurring revenue of all who left, at their end; NaN without revenue.
    horizon_days : float
    level : float
    notes : tuple of str
    """

    table: pd.DataFrame
    by_group: pd.DataFrame
    before: pd.DataFrame
    n: int
    n_without: int
    mrr_lost: float
    horizon_days: float
    level: float
    notes: tuple[str, ...]

    specs: ClassVar[Mapping[str, TableSpec]] = {
        "table": TableSpec(
            columns=(
                Column(name="reason", label="reason", meaning="that was recorded"),
                Column(
                    name="value",
                    label="share of leavers",
                    meaning="of all who left",
                    unit=Unit.SHARE,
                    low="low",
                    high="high",
                ),
                Column(name="customers", label="customers", meaning="who left for it", unit=Unit.COUNT),
                Column(
                    name="incidence",
                    label="left for it by the horizon",
                    meaning="cumulative incidence since the start, other reasons competing",
                    unit=Unit.SHARE,
                    low="incidence_low",
                    high="incidence_high",
                ),
                Column(name="mrr_lost", label="revenue lost", meaning="a month, at the end", unit=Unit.MONEY),
                Column(name="mrr_share", label="share of it", meaning="of all revenue lost", unit=Unit.SHARE),
            ),
            title="Reasons for leaving, {level} intervals; {n:,} customers left",
        )
    }

    @property
    def finding(self) -> str:
        """The answer in a sentence or two."""
        stated = self.table[(self.table["reason"] != UNKNOWN) & self.table["value"].notna()]
        if not len(stated):
            return f"Of {self.n:,} customers who left, fewer than {SUPPRESS_BELOW} gave any one reason."
        first = stated.iloc[0]
        figure = format_estimate(first["value"], first["low"], first["high"], Unit.SHARE)
        cost = ""
        if np.isfinite(first["mrr_share"]):
            cost = f" and {format_value(first['mrr_share'], Unit.SHARE)} of the revenue lost"
        lead = f"{first['reason']} is the reason of {figure} of {self.n:,} customers who left{cost}."
        if not self.n_without:
            return lead
        return f"{lead} {self.n_without:,} gave none."


def leaving_reasons(
    study: Study,
    *,
    by: str = "",
    themes: Themes | None = None,
    horizon_days: float = 365,
    level: float = 0.95,
) -> LeavingReasons:
    """Say why customers leave, what it costs, and what they had said before.

    Parameters
    ----------
    study : Study
        ``customers`` with ``ended_at`` and ``reason``.
    by : str
        ``"month"``, ``"quarter"`` or ``"year"`` of the end, or a column of customers.
    themes : Themes, optional
        Of comments or tickets, to compare reasons with what was said in each customer's last text before the
        notice (or the end).
    horizon_days : float
        Days since the start at which cumulative incidences are read.
    level : float

    Returns
    -------
    LeavingReasons

    Raises
    ------
    ArgumentError
        If there is no reason, or no such column.
    DataError
        If nobody left for a stated reason.

    Notes
    -----
    A reason is known once somebody has left: it is an outcome, and neither a segment nor a feature of models.
    Incidences are Aalen and Johansen's (1978), reasons competing, those without one as a reason of their own.
    Guide: ``docs/why.md``.
    """
    check_level(level)
    check_number("horizon_days", horizon_days, above=0)
    people = _people(study, by)
    cut = pd.Timestamp(study.observed_until)
    left = people["ended_at"].notna() & (people["ended_at"] <= cut)
    leavers = people[left].copy()
    leavers["reason"] = _told_apart(leavers["reason"])
    if not (leavers["reason"] != UNKNOWN).any():
        raise DataError("nobody left for a stated reason", wanted="customers with ended_at and reason")
    leavers["mrr"] = _mrr_at_end(study, leavers)
    table = _shares(leavers, level)
    table = table.merge(
        _incidence(people, left, leavers, cut, horizon_days=horizon_days, level=level), on="reason"
    )
    # revenue that nobody knows is missing for all reasons, so that customers decide
    table = table.sort_values(["mrr_lost", "customers"], ascending=False, kind="stable", ignore_index=True)
    hidden = table["customers"] < SUPPRESS_BELOW
    table.loc[hidden, ["value", "low", "high", "incidence", "incidence_low", "incidence_high"]] = np.nan
    before = pd.DataFrame()
    if themes is not None:
        before = _before(leavers, themes, level)
    return LeavingReasons(
        table=table,
        by_group=_by_group(leavers, by, level),
        before=before,
        n=len(leavers),
        n_without=int((leavers["reason"] == UNKNOWN).sum()),
        mrr_lost=float(leavers["mrr"].sum(min_count=1)),
        horizon_days=float(horizon_days),
        level=level,
        notes=tuple(filter(None, (_REMARK, revenue_levels(study)[1]))),
    )


_PERIODS = {"month": "M", "quarter": "Q", "year": "Y"}


def _people(study: Study, by: str) -> pd.DataFrame:
    present = columns_of(study, "customers")
    if not {"reason", "ended_at"} <= set(present):
        raise ArgumentError(
            "customers have no reason for leaving",
            wanted="customers with ended_at and reason",
            next_step="map the column reason of customers in the study file",
        )
    if by and by not in _PERIODS and by not in present:
        raise ArgumentError(
            f"customers have no column {by!r}",
            wanted="'month', 'quarter', 'year' or one of " + ", ".join(present),
        )
    wanted = ("customer_id", "started_at", "ended_at", "notice_at", "reason")
    if not by or by in _PERIODS:
        return collect_columns(study, "customers", wanted)
    return collect_columns(study, "customers", (*wanted, by))


def _told_apart(reasons: pd.Series[Any]) -> pd.Series[Any]:
    """Reasons as they stand, the rare ones together, and those without one named so."""
    text = reasons.astype("string").str.strip()
    text = text.where(text.notna() & (text != ""), UNKNOWN).astype(object)
    known = text[text != UNKNOWN].value_counts()
    # free text has as many reasons as leavers: the rare ones stand together
    rare = set(known.index[MOST_REASONS:])
    return text.where(~text.isin(rare), OTHER)


def _mrr_at_end(study: Study, leavers: pd.DataFrame) -> pd.Series[Any]:
    """Monthly recurring revenue just before each end: the last level above zero that was in force."""
    levels, _ = revenue_levels(study)
    if levels is None:
        return pd.Series(np.nan, index=leavers.index)
    both = levels.merge(leavers[["customer_id", "ended_at"]], on="customer_id")
    # the level of the day of leaving may already be the 0 that follows it
    both = both[(both["effective_at"] < both["ended_at"]) & (both["mrr"] > 0)]
    last = both.sort_values("effective_at", kind="stable").groupby("customer_id")["mrr"].last()
    return leavers["customer_id"].map(last).fillna(0.0)


def _shares(leavers: pd.DataFrame, level: float) -> pd.DataFrame:
    grouped = leavers.groupby("reason", sort=True)
    table = grouped.agg(customers=("reason", "size"), mrr_lost=("mrr", lambda each: each.sum(min_count=1)))
    bounds = wilson(table["customers"].to_numpy(), np.full(len(table), len(leavers)), level=level)
    table["value"] = table["customers"] / len(leavers)
    table["low"], table["high"] = bounds.low, bounds.high
    table["mrr_share"] = table["mrr_lost"] / table["mrr_lost"].sum(min_count=1)
    return table.reset_index()


def _incidence(
    people: pd.DataFrame,
    left: pd.Series[bool],
    leavers: pd.DataFrame,
    cut: pd.Timestamp,
    *,
    horizon_days: float,
    level: float,
) -> pd.DataFrame:
    """Cumulative incidence of each reason at the horizon."""
    until = people["ended_at"].where(left, cut)
    # everybody is at risk from the start to the end or the data cut
    days = (until - people["started_at"]).dt.total_seconds().to_numpy() / 86_400
    reasons = sorted(leavers["reason"].unique())
    # 0 is censored; reasons compete, each a kind of end of its own
    code = {reason: number for number, reason in enumerate(reasons, start=1)}
    event = np.zeros(len(people), dtype=np.int64)
    event[np.flatnonzero(left.to_numpy())] = leavers["reason"].map(code).to_numpy()
    there = days > 0
    curves = aalen_johansen(
        days[there], event[there], kinds={number: reason for reason, number in code.items()}, level=level
    )
    at = curves.incidence_at([min(horizon_days, float(days[there].max()))])
    found = at.rename(columns={"kind": "reason", "low": "incidence_low", "high": "incidence_high"})
    return found[["reason", "incidence", "incidence_low", "incidence_high"]]


def _by_group(leavers: pd.DataFrame, by: str, level: float) -> pd.DataFrame:
    columns = ["group", "reason", "customers", "value", "low", "high", "mrr_lost"]
    if not by:
        return pd.DataFrame(columns=columns)
    if by in _PERIODS:
        group = leavers["ended_at"].dt.to_period(_PERIODS[by]).astype(str)
    else:
        group = leavers[by]
    rows = leavers.assign(group=group.to_numpy())
    parts = []
    for name, members in rows.groupby("group", sort=True):
        part = _shares(members, level)
        few = len(members) < SUPPRESS_BELOW
        part.loc[(part["customers"] < SUPPRESS_BELOW) | few, ["value", "low", "high", "mrr_lost"]] = np.nan
        parts.append(part.assign(group=name))
    if not parts:
        return pd.DataFrame(columns=columns)
    return pd.concat(parts, ignore_index=True)[columns]


def _before(leavers: pd.DataFrame, themes: Themes, level: float) -> pd.DataFrame:
    """Themes of each leaver's last text before the notice or the end, by the reason given afterwards."""
    columns = ["reason", "theme", "label", "customers", "value", "low", "high", "others"]
    if not {"customer_id", "moment"} <= set(themes.rows):
        raise ArgumentError(
            "the texts have no customer or no date", wanted="themes of dated texts of customers"
        )
    known = leavers["ended_at"]
    if "notice_at" in leavers:
        known = leavers["notice_at"].combine_first(known)
    ends = pd.DataFrame({"customer_id": leavers["customer_id"], "reason": leavers["reason"], "known": known})
    texts = themes.rows[["customer_id", "moment"]].assign(row=np.arange(len(themes.rows)))
    texts = texts.merge(ends, on="customer_id")
    # what is written after the notice is written in its light
    texts = texts[texts["moment"] < texts["known"]].sort_values(["moment", "row"], kind="stable")
    last = texts.drop_duplicates("customer_id", keep="last")
    lines = []
    for reason, members in last.groupby("reason", sort=True):
        if len(members) < SUPPRESS_BELOW:
            continue
        others = last[last["reason"] != reason]
        for theme in themes.names:
            said = themes.of(theme)
            hits = int(said[members["row"]].sum())
            low, high = wilson(hits, len(members), level=level)
            share = float(said[others["row"]].mean()) if len(others) else float("nan")
            line = (
                reason,
                theme,
                themes.label(theme),
                hits,
                hits / len(members),
                float(low),
                float(high),
                share,
            )
            lines.append(line)
    return pd.DataFrame(lines, columns=columns)
