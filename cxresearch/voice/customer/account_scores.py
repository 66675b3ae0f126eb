"""``accounts``: scores of accounts of several contacts, each contact counted once, weighted by revenue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import narwhals as nw
import numpy as np
import pandas as pd

from cxresearch.checks import check_level
from cxresearch.data.engine import collect
from cxresearch.data.study import Study
from cxresearch.errors import ArgumentError, DataError
from cxresearch.metrics.survey.survey import survey_score
from cxresearch.results.result import Result
from cxresearch.results.table_spec import Column, TableSpec
from cxresearch.results.units import Unit, format_value
from cxresearch.voice.who.asked_question import (
    active_customers,
    asked_question,
    revenue_today,
    values_by_score,
)
from cxresearch.wording import did_you_mean, listed, shown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cxresearch.metrics.survey.score_measures import Measure
    from cxresearch.results.estimate import Estimate


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class AccountScores(Result):
    """Scores of accounts, and of all of them in three weightings.

    Attributes
    ----------
    table : DataFrame
        One row an account with an active contact, the largest revenue first: ``account``, ``contacts``
        (active), ``heard`` (contacts who ever answered), ``score`` (of the last answers of its contacts, each
        once), ``unhappy`` (contacts whose last answer is an unhappy one), ``mrr``, ``open_tickets``; what the
        study does not know is missing.
    by_contact, by_account : Estimate
        Each contact counts once, or each account; accounts are the clusters.
    by_revenue : Estimate or None
        Accounts count as much as they pay; None without revenue.
    label : str
        The score.
    accounts, accounts_heard : int
        With an active contact; of these, with an answer.
    revenue_heard : float
        Share of the revenue of these accounts that pays for accounts with an answer; NaN without revenue.
    contacts_without_account : int
        Active customers whose account is missing; they are an account of their own.
    finding : str
    notes : tuple of str
    """

    table: pd.DataFrame
    by_contact: Estimate
    by_account: Estimate
    by_revenue: Estimate | None
    label: str
    accounts: int
    accounts_heard: int
    revenue_heard: float
    contacts_without_account: int
    finding: str
    notes: tuple[str, ...] = ()

    specs: ClassVar[Mapping[str, TableSpec]] = {
        "table": TableSpec(
            columns=(
                Column(name="account", label="account", meaning="the account"),
                Column(name="contacts", label="contacts", meaning="active", unit=Unit.COUNT),
                Column(name="heard", label="heard", meaning="contacts who ever answered", unit=Unit.COUNT),
                Column(
                    name="score",
                    label="score",
                    meaning="of the last answers of its contacts",
                    unit=Unit.SCORE,
                ),
                Column(name="unhappy", label="unhappy", meaning="contacts unhappy now", unit=Unit.COUNT),
                Column(name="mrr", label="MRR", meaning="monthly revenue today", unit=Unit.MONEY),
                Column(name="open_tickets", label="open tickets", meaning="at the data cut", unit=Unit.COUNT),
            ),
            title="Accounts, the largest revenue first; {label}",
        )
    }


def accounts(
    study: Study, score: str | None = None, *, account: str = "account_id", level: float = 0.95
) -> AccountScores:
    """Roll contacts up to their accounts: who is heard, who answers for whom, what is at stake.

    Parameters
    ----------
    study : Study
        Whose customers have a column that names their account; customers are its contacts.
    score : str, optional
        The question, as in `cx.unhappy_customers`.
    account : str
        The column.
    level : float
        Of the intervals.

    Returns
    -------
    AccountScores

    Raises
    ------
    ArgumentError
        If there is no such column or score.
    DataError
        If no active contact has answered.

    Notes
    -----
    Only the last answer of a contact counts, so that who answers often does not answer for the others. With
    :math:`k_a` contacts heard in account `a` the weights are 1 (by contact), :math:`1/k_a` (by account) and
    :math:`m_a/k_a` (by revenue :math:`m_a`); the errors are those of the linearised ratio with accounts as
    clusters. Where few contacts of large accounts answer, the weighting by revenue is what a churn of money
    hangs on, and its interval says how little is known. Guide: ``docs/who-and-when.md``.

    Examples
    --------
    >>> import pandas as pd
    >>> import cxresearch as cx
    >>> day = pd.Timestamp("2024-01-01")
    >>> people = pd.DataFrame(
    ...     {"customer_id": list("abcd"), "account_id": ["X", "X", "X", "Y"], "started_at": day}
    ... )
    >>> answers = pd.DataFrame(
    ...     {"customer_id": list("abd"), "instrument": "nps", "score": [10, 9, 2], "responded_at": day}
    ... )
    >>> study = cx.Study.from_frames(
    ...     {"customers": people, "responses": answers},
    ...     observed_until="2024-12-31",
    ...     instruments={"nps": cx.NPS},
    ... )
    >>> found = cx.voice.accounts(study)
    >>> round(found.by_contact.value, 1), found.by_account.value
    (33.3, 0.0)
    """
    check_level(level)
    people = _contacts(study, account)
    instrument, measure = asked_question(study, score)
    last = _last_scores(study, instrument, measure)
    people["last_score"] = people["customer_id"].map(last)
    people["unhappy"] = people["last_score"].isin([float(answer) for answer in measure.scale.bottom])
    without = int(people["account"].isna().sum())
    # a contact without an account stands for nobody but themselves
    people["account"] = people["account"].fillna("contact " + people["customer_id"])
    revenue, note = revenue_today(study)
    notes = []
    if note:
        notes.append(note.replace("unhappy customers", "accounts"))
    if revenue is not None:
        people["mrr"] = people["customer_id"].map(revenue).fillna(0.0)
    _add_open_tickets(people, study)
    heard = people[people["last_score"].notna()].copy()
    if not len(heard):
        raise DataError("no active contact has answered", wanted=f"answers to {measure.scale.label}")
    table = _table(people, measure)
    estimates = _estimates(heard, table, measure, level)
    revenue_heard = float("nan")
    if "mrr" in table and table["mrr"].sum() > 0:
        # sum of m_a over accounts with k_a > 0, over the sum of all m_a
        revenue_heard = float(table.loc[table["heard"] > 0, "mrr"].sum() / table["mrr"].sum())
    if without:
        notes.append(f"{without:,} active contacts have no account; each stands for itself")
    counts = {"accounts": len(table), "accounts_heard": int((table["heard"] > 0).sum())}
    return AccountScores(
        table=table,
        by_contact=estimates["contact"],
        by_account=estimates["account"],
        by_revenue=estimates.get("revenue"),
        label=estimates["contact"].name,
        revenue_heard=revenue_heard,
        contacts_without_account=without,
        finding=_finding(estimates, revenue_heard, **counts),
        notes=tuple(notes),
        **counts,
    )


def _contacts(study: Study, account: str) -> pd.DataFrame:
    """Active customers with their account: ``customer_id, account``."""
    if not isinstance(study, Study) or "customers" not in study.tables:
        raise ArgumentError("accounts need a study with customers", wanted="a Study")
    names = study.table("customers").collect_schema().names()
    if account not in names:
        raise ArgumentError(
            f"customers have no column {shown(account)}",
            wanted=f"one of {listed(names)}",
            next_step=did_you_mean(account, names, otherwise="map the column that names the account"),
        )
    people = collect(active_customers(study).select("customer_id", account=nw.col(account)))
    return people.sort_values("customer_id", ignore_index=True)


def _last_scores(study: Study, instrument: str, measure: Measure) -> pd.Series:
    """The last answer of each customer; of several at the same moment the unhappiest."""
    rows = study.table("responses").filter(nw.col("instrument") == instrument)
    rows = rows.filter(~nw.col("score").is_null())
    answers = collect(rows.select("customer_id", "score", "responded_at"))
    # of answers at the same moment nobody knows the last: the unhappiest is taken, as in the list of unhappy
    worst_last = measure.scale.direction != "high_is_good"
    answers = answers.sort_values(["responded_at", "score"], ascending=[True, worst_last], kind="stable")
    return answers.groupby("customer_id")["score"].last()


def _add_open_tickets(people: pd.DataFrame, study: Study) -> None:
    if "tickets" not in study.tables:
        return
    names = study.table("tickets").collect_schema().names()
    if not {"customer_id", "resolved_at"} <= set(names):
        return
    # open at the cut: resolved later or not at all
    cut = nw.lit(study.observed_until)
    resolved = nw.col("resolved_at")
    rows = study.table("tickets").filter(resolved.is_null() | (resolved > cut))
    counts = collect(rows.group_by("customer_id").agg(n=nw.len())).set_index("customer_id")["n"]
    people["open_tickets"] = people["customer_id"].map(counts).fillna(0).astype("int64")


def _table(people: pd.DataFrame, measure: Measure) -> pd.DataFrame:
    points = people["last_score"].map(values_by_score(measure))
    groups = people.groupby("account", sort=True)
    table = pd.DataFrame(
        {
            "contacts": groups.size(),
            "heard": groups["last_score"].count(),
            "score": points.groupby(people["account"]).mean(),
            "unhappy": groups["unhappy"].sum().astype("int64"),
        }
    )
    for name in ("mrr", "open_tickets"):
        if name in people:
            table[name] = groups[name].sum()
    order = [name for name in ("mrr", "contacts") if name in table]
    table = table.sort_values(order, ascending=False, kind="stable")
    return table.rename_axis("account").reset_index()


def _score(
    scores: pd.Series,
    measure: Measure,
    level: float,
    *,
    weights: np.ndarray | None = None,
    clusters: np.ndarray | None = None,
) -> Estimate:
    return survey_score(
        scores.to_numpy(float),
        scale=measure.scale,
        measure=measure.name,
        weights=weights,
        clusters=clusters,
        level=level,
    )


def _estimates(
    heard: pd.DataFrame, table: pd.DataFrame, measure: Measure, level: float
) -> dict[str, Estimate]:
    """The score by contact, by account and by revenue; accounts are the clusters of each."""
    # contacts of one account resemble each other, so accounts are drawn, not contacts
    clusters = heard["account"].to_numpy()
    by_account = table.set_index("account").loc[clusters]
    # w = 1 / k_a: the contacts heard in an account share its one voice
    each = 1.0 / by_account["heard"].to_numpy(float)
    estimates = {
        "contact": _score(heard["last_score"], measure, level, clusters=clusters),
        "account": _score(heard["last_score"], measure, level, weights=each, clusters=clusters),
    }
    if "mrr" in by_account:
        # w = m_a / k_a: what the account pays, shared by its contacts who are heard
        money = by_account["mrr"].to_numpy(float) * each
        # a weight of 0 is no answer: accounts that pay nothing have no say here
        paying = money > 0
        if paying.any():
            estimates["revenue"] = _score(
                heard.loc[paying, "last_score"],
                measure,
                level,
                weights=money[paying],
                clusters=clusters[paying],
            )
    return estimates


def _finding(
    estimates: dict[str, Estimate], revenue_heard: float, *, accounts: int, accounts_heard: int
) -> str:
    share = format_value(accounts_heard / accounts, Unit.SHARE)
    text = f"{accounts_heard:,} of {accounts:,} accounts are heard ({share}"
    if not np.isnan(revenue_heard):
        text += f", {format_value(revenue_heard, Unit.SHARE)} of their revenue"
    text += f"). {estimates['contact'].name} by contact {_figure(estimates['contact'])}"
    text += f", by account {_figure(estimates['account'])}"
    if "revenue" in estimates:
        text += f", by revenue {_figure(estimates['revenue'])}"
    return text + "."


def _figure(estimate: Estimate) -> str:
    return str(estimate).removeprefix(estimate.name).strip().partition(", n ")[0]
