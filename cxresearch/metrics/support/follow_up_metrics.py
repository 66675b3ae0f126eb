"""Unhappy answers followed up: the closed loop by any group and period, for metric tables and scorecards."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

from cxresearch.data.engine import collect
from cxresearch.errors import ArgumentError
from cxresearch.metrics.base.cell_estimates import NONE, each_cell, follows, others
from cxresearch.metrics.base.group_columns import cells_of
from cxresearch.metrics.base.metric import Metric, Query, Tables
from cxresearch.metrics.base.options import Days, Option
from cxresearch.results.units import Unit
from cxresearch.stats.survival.kaplan_meier import kaplan_meier
from cxresearch.stats.survival.reached_share import share_reached
from cxresearch.stats.survival.survival_curve import KaplanMeier
from cxresearch.wording import listed

#: Kinds of events that are a contact by their name.
CONTACT_KINDS = ("call_back", "callback", "contact", "follow_up", "followup", "outreach")
#: Time within which a contact closes the loop.
WITHIN_DAYS = Days("follow_up_days", 7)
_DAY = np.timedelta64(1, "D")
_CASES = "unhappy answers, open cases censored when the customer leaves or at the data cut"


@dataclass(frozen=True)
class _KindsOption(Option):
    """Kinds of events that are a contact."""

    def check(self, value: Any) -> None:
        """Refuse what is no list of names."""
        if isinstance(value, str) or not value or not all(isinstance(kind, str) for kind in value):
            raise ArgumentError(
                f"option {self.name!r} is {value!r}", wanted="kinds of events, such as ['call_back']"
            )


CONTACTS = _KindsOption("contacts", CONTACT_KINDS)


def metrics_of(study: Tables) -> tuple[Metric, ...]:
    """Return what the study allows: ``follow_up_rate`` and ``follow_up_median_days``.

    Needs responses and customers, a question whose unhappy answers are declared, and events that name a
    customer. Options ``follow_up_days`` (7) and ``contacts``, kinds of events; by default those that are a
    contact by their name, and without any of them the metrics are not listed. The period is the answer's.
    """
    if not {"responses", "customers", "events"} <= set(study.tables) or not _unhappy_scores(study):
        return ()
    if "customer_id" not in study.table("events").collect_schema().names():
        return ()
    if "customer_id" not in study.table("responses").collect_schema().names():
        return ()
    by_name = study.table("events").filter(nw.col("kind").is_in(CONTACT_KINDS)).select("kind")
    if not len(collect(by_name.head(1))):
        return ()
    return (
        _metric(
            "follow_up_rate",
            "Unhappy answers followed up",
            Unit.SHARE,
            estimate=_followed_up,
            good="high",
            definition="share of unhappy answers followed by a contact within 7 days (unless said "
            "otherwise): 1 - Kaplan-Meier of the time to the contact",
        ),
        _metric(
            "follow_up_median_days",
            "Days to the follow-up, median",
            Unit.DAYS,
            estimate=_median,
            good="low",
            definition="Kaplan-Meier median of the days from an unhappy answer to the first contact",
        ),
    )


def _metric(
    name: str, label: str, unit: Unit, *, estimate: Callable[..., pd.DataFrame], good: Any, definition: str
) -> Metric:
    return Metric(
        name=name,
        label=label,
        unit=unit,
        good=good,
        denominator=_CASES,
        family=unhappy_cases,
        estimate=estimate,
        collapse=_collapse,
        rest=_rest,
        difference="independent" if unit is Unit.SHARE else "none",
        primary=unit is Unit.SHARE,
        definition=definition,
        nothing="nobody was unhappy",
        options=(WITHIN_DAYS, CONTACTS),
    )


def _unhappy_scores(study: Tables) -> dict[str, list[float]]:
    """Unhappy answers of each question that declares them."""
    return {
        name: [float(score) for score in scale.bottom]
        for name, scale in study.instruments.items()
        if scale.bottom
    }


def unhappy_cases(study: Any, query: Query) -> pd.DataFrame:
    """Return one row an unhappy answer: ``query.keys``, ``days``, ``contacted``, ``person``.

    Parameters
    ----------
    study : Study
        With responses, customers and events that name a customer.
    query : Query
        Cells; the period is that of the answer.

    Returns
    -------
    DataFrame
        ``days`` run to the first contact after the answer, or until none could come any more: the customer's
        notice or end, or the data cut. Answers of unknown customers are left out.

    Raises
    ------
    ArgumentError
        If no event is of a kind that the option ``contacts`` names.
    """
    bottoms = _unhappy_scores(study)
    keep = ("customer_id", "instrument", "score", "responded_at")
    rows = cells_of(study, "responses", query, time="responded_at", keep=keep)
    unhappy = [
        (nw.col("instrument") == name) & nw.col("score").is_in(scores) for name, scores in bottoms.items()
    ]
    cases = collect(rows.filter(reduce(or_, unhappy)).select(*query.keys, "customer_id", "responded_at"))
    cases["responded_at"] = cases["responded_at"].astype("datetime64[us]")
    until = _watched_until(study)
    cases = cases[cases["customer_id"].isin(until.index)].reset_index(drop=True)
    first = _first_contact(cases, _contacts(study, CONTACTS.of(query)))
    watched = cases["customer_id"].map(until)
    contacted = (first <= watched).to_numpy()
    end = first.where(contacted, watched)
    # An answer after the end of the relation has no time in which a contact could come.
    days = np.maximum((end - cases["responded_at"]).to_numpy() / _DAY, 0.0)
    person = pd.factorize(cases["customer_id"])[0]
    return cases[list(query.keys)].assign(days=days, contacted=contacted, person=person)


def _watched_until(study: Any) -> pd.Series[Any]:
    """Last moment at which each customer could still be contacted."""
    customers = study.table("customers")
    names = customers.collect_schema().names()
    ends = [name for name in ("ended_at", "notice_at") if name in names]
    people = collect(customers.select("customer_id", *ends)).set_index("customer_id")
    cut = pd.Timestamp(study.observed_until)
    return people.assign(cut=cut).astype("datetime64[us]").min(axis=1)


def _contacts(study: Any, kinds: tuple[str, ...]) -> pd.DataFrame:
    events = study.table("events").filter(nw.col("kind").is_in(list(kinds)))
    contacts = collect(events.select("customer_id", contact="occurred_at")).dropna()
    if not len(contacts):
        raise ArgumentError(f"no event is of kind {listed(kinds)}", wanted="kinds of the events table")
    contacts["contact"] = contacts["contact"].astype("datetime64[us]")
    return contacts.sort_values("contact", ignore_index=True)


def _first_contact(cases: pd.DataFrame, contacts: pd.DataFrame) -> pd.Series[Any]:
    """The first contact after each answer, missing where there was none."""
    asked = cases[["customer_id", "responded_at"]].assign(place=np.arange(len(cases)))
    met = pd.merge_asof(
        asked.sort_values("responded_at"),
        contacts,
        left_on="responded_at",
        right_on="contact",
        by="customer_id",
        direction="forward",
        allow_exact_matches=False,
    )
    return met.sort_values("place", ignore_index=True)["contact"]


def _collapse(cases: pd.DataFrame, query: Query, coarser: Query) -> pd.DataFrame | None:
    """Return the cases of coarser cells, or None where they do not follow."""
    if not follows(query, coarser):
        return None
    return cases[[*coarser.keys, "days", "contacted", "person"]]


def _rest(cases: pd.DataFrame, query: Query, column: str) -> pd.DataFrame:
    """Return cases in which each group of a column stands for all the others together."""
    return others(cases, column)[[*query.keys, "days", "contacted", "person"]]


def _curve(rows: pd.DataFrame, level: float) -> KaplanMeier:
    # Cases of one customer may depend on each other in any way.
    return kaplan_meier(
        rows["days"].to_numpy(), rows["contacted"], clusters=rows["person"].to_numpy(), level=level
    )


def _followed_up(cases: pd.DataFrame, query: Query) -> pd.DataFrame:
    within = float(WITHIN_DAYS.of(query))

    def cell(rows: pd.DataFrame) -> tuple[Any, ...]:
        # 1 - S(t): contacted within the time; a case that is still younger is censored, not missed.
        value, low, high, se, limits, why = share_reached(_curve(rows, query.level), within, extend=True)
        method = f"1 - Kaplan-Meier at {within:g} days, {limits}"
        if np.isnan(value):
            method = NONE + why
        return value, low, high, se, len(rows), 0, method

    return each_cell(cases, query, cell)


def _median(cases: pd.DataFrame, query: Query) -> pd.DataFrame:
    def cell(rows: pd.DataFrame) -> tuple[Any, ...]:
        median = _curve(rows, query.level).median
        return median.value, median.low, median.high, np.nan, len(rows), 0, median.method

    return each_cell(cases, query, cell)
