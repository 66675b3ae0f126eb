"""``unhappy_customers``: who is unhappy now, by their own words or by a model of the silent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

import narwhals as nw
import numpy as np
import pandas as pd

from cxresearch.checks import check_level, check_number
from cxresearch.churn.classifier.churn_model import ChurnModel
from cxresearch.churn.classifier.fit_churn import fit_churn
from cxresearch.churn.risk.churn_risk import churn_risk
from cxresearch.data.engine import collect
from cxresearch.data.landmarks.landmark import landmark
from cxresearch.data.study import Study
from cxresearch.errors import ArgumentError, CxError
from cxresearch.results.result import Result
from cxresearch.results.table_spec import Column, TableSpec
from cxresearch.results.units import Unit, format_value
from cxresearch.voice.who.asked_question import (
    active_customers,
    asked_question,
    last_answers,
    revenue_today,
    still_unhappy,
)
from cxresearch.voice.who.silent_customers import silent_customers
from cxresearch.wording import did_you_mean, inert_cell, listed, shown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cxresearch.results.estimate import Estimate

Table = Literal["table", "silent"]
_SHARED = (
    Column(name="mrr", label="MRR", meaning="monthly revenue today", unit=Unit.MONEY),
    Column(
        name="open_tickets", label="open tickets", meaning="not resolved at the data cut", unit=Unit.COUNT
    ),
    Column(name="owner", label="owner", meaning="who looks after the customer"),
    Column(
        name="risk_of_leaving",
        label="risk of leaving",
        meaning="predicted by the churn classifier",
        unit=Unit.SHARE,
    ),
)


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class UnhappyCustomers(Result):
    """Customers who are unhappy now.

    Attributes
    ----------
    table : DataFrame
        Active customers whose last answer is an unhappy one, with no happy one since: the largest revenue
        first, then the latest answer. Besides the columns shown: ``customer_id``, ``last_answer_at``,
        ``unhappy_since`` (first unhappy answer since the last happy one) and the segments.
    silent : DataFrame
        Active customers without an answer in the window, with their predicted chance of being unhappy, the
        likeliest first. Empty where the model cannot tell.
    name : str
        The question.
    customers : int
        Active customers.
    answered : int
        Of these, customers with an answer of any age.
    n_silent : int
        Active customers without an answer in the window.
    auc : Estimate or None
        How well the model of the silent tells, on customers it was not fitted on.
    on : datetime
        The data cut, naive UTC.
    finding : str
    notes : tuple of str
    """

    table: pd.DataFrame
    silent: pd.DataFrame
    name: str
    customers: int
    answered: int
    n_silent: int
    auc: Estimate | None
    on: datetime
    finding: str
    notes: tuple[str, ...] = ()

    specs: ClassVar[Mapping[str, TableSpec]] = {
        "table": TableSpec(
            columns=(
                Column(name="last_score", label="last answer", meaning="an unhappy one", unit=Unit.COUNT),
                Column(name="days_since", label="days since", meaning="the last answer", unit=Unit.DAYS),
                *_SHARED,
            ),
            title="Customers whose last answer is an unhappy one",
        ),
        "silent": TableSpec(
            columns=(
                Column(
                    name="chance",
                    label="predicted chance of being unhappy",
                    meaning="predicted, not said",
                    unit=Unit.SHARE,
                ),
                *_SHARED,
            ),
            title="Customers without an answer, predicted",
        ),
    }

    def to_csv(self, path: str | Path, *, name: Table = "table") -> Path:
        """Write one of the tables as CSV (UTF-8), with every column, safe to open in a spreadsheet.

        Text that a spreadsheet would run as a formula (it begins with = + - @ or a tab) is quoted with ``'``.

        Parameters
        ----------
        path : str or Path
            The file; it is overwritten.
        name : {"table", "silent"}
            Which table.
        """
        frame = self.to_frame(name)
        # headings are somebody's text as well
        safe = frame.rename(columns=inert_cell).map(inert_cell)
        target = Path(path)
        target.write_text(safe.to_csv(index=False, lineterminator="\n"), encoding="utf-8")
        return target


def unhappy_customers(
    study: Study,
    score: str | None = None,
    *,
    owner: str | None = None,
    risk: ChurnModel | Literal["fit", "none"] = "fit",
    window_days: float = 365.0,
    horizon_days: float = 180.0,
    level: float = 0.95,
    seed: int = 0,
) -> UnhappyCustomers:
    """List the customers who are unhappy now, and those of the silent who likely are.

    Parameters
    ----------
    study : Study
        With customers and responses; revenue, tickets, usage and events are used where they are.
    score : str, optional
        The question: ``"nps"``, ``"csat"``; by default the NPS, or else the first. Which answers are unhappy
        ones is declared on its scale (``bottom``: 0 to 6 of an NPS, 1 and 2 of a CSAT, 1 to 3 of CES 2.0, 4
        and 5 of CES 1.0).
    owner : str, optional
        Column of customers that names who looks after them; by default ``owner`` if there is one.
    risk : ChurnModel, "fit" or "none"
        Whose risk of leaving to show: a fitted model's; that of one fitted here on quarterly landmarks; none.
        Where it cannot be had, the column is missing and the notes say why.
    window_days : float
        Customers without an answer in so many days are silent.
    horizon_days : float
        Horizon of the model fitted here.
    level : float
        Of the interval of the AUC.
    seed : int
        Of the folds.

    Returns
    -------
    UnhappyCustomers

    Raises
    ------
    ArgumentError
        If it is no study with customers, or the score or owner does not exist.

    Notes
    -----
    A neutral answer (7 or 8 of an NPS) after an unhappy one ends the matter: the *last* answer counts. Of two
    answers at the same moment, one happy and one not, the customer does not count as unhappy. See
    ``docs/who-and-when.md``.

    Examples
    --------
    >>> import cxresearch as cx
    >>> people = cx.unhappy_customers(cx.synthetic.company_study(seed=1, customers=600), risk="none")
    >>> bool((people.table["last_score"] <= 6).all())
    True
    """
    check_level(level)
    check_number("window_days", window_days, above=0)
    if not isinstance(study, Study) or "customers" not in study.tables:
        raise ArgumentError("unhappy customers need a study with customers", wanted="a Study")
    instrument, measure = asked_question(study, score)
    scale = measure.scale
    people, notes = _active(study, owner)
    last = collect(last_answers(study, instrument, scale).with_columns(unhappy=still_unhappy()))
    last["unhappy"] = last["unhappy"].fillna(False).astype(bool)
    revenue, note = revenue_today(study)
    if revenue is not None:
        people["mrr"] = people["customer_id"].map(revenue).fillna(0.0)
    if note:
        notes.append(note)
    notes += _add_tickets(people, study)
    notes += _add_risk(people, study, risk, horizon_days)
    both = people.merge(last, on="customer_id", how="inner")
    table = both[both["unhappy"]].drop(columns=["unhappy", "happy_at", "unhappy_at"])
    table = table.merge(_stretches(study, instrument, table, last), on="customer_id", how="left")
    table.insert(1, "days_since", (study.observed_until - table["last_at"]).dt.total_seconds() / 86_400)
    table = _ordered(table.rename(columns={"last_at": "last_answer_at"}), ["mrr", "last_answer_at"])
    silent = silent_customers(study, instrument, scale, window_days=window_days, level=level, seed=seed)
    listed_silent = _ordered(silent.table.merge(people, on="customer_id", how="inner"), ["chance"])
    # a chance is a prediction, so it stays in a table of its own
    notes.append(_silent_words(silent.silent, silent.auc, silent.reason, silent.expected))
    return UnhappyCustomers(
        table=table,
        silent=listed_silent,
        name=scale.label,
        customers=len(people),
        answered=len(both),
        n_silent=silent.silent,
        auc=silent.auc,
        on=study.observed_until,
        finding=_finding(table, len(people), len(both), scale.label, study.currency),
        notes=tuple(notes),
    )


def _active(study: Study, owner: str | None) -> tuple[pd.DataFrame, list[str]]:
    """Customers there at the data cut: id, owner and segments."""
    customers = study.table("customers")
    names = customers.collect_schema().names()
    if owner is not None and owner not in names:
        raise ArgumentError(
            f"owner {shown(owner)} is no column of customers",
            wanted=f"one of {listed(names)}",
            next_step=did_you_mean(owner, names),
        )
    source = owner or "owner"
    rows = active_customers(study)
    fields = {}
    if source in names:
        fields["owner"] = nw.col(source)
    further = [name for name in study.segments if name not in ("owner", source)]
    people = collect(rows.select("customer_id", *further, **fields)).sort_values(
        "customer_id", ignore_index=True
    )
    # segments step aside for the columns of the list
    clash = {"mrr", "open_tickets", "risk_of_leaving", "last_score", "days_since", "chance", "answers"}
    people = people.rename(columns={name: f"{name}_group" for name in further if name in clash})
    if fields:
        return people, []
    return people, ["no column of customers names an owner"]


def _add_tickets(people: pd.DataFrame, study: Study) -> list[str]:
    """Add ``open_tickets``; return why it is missing."""
    if "tickets" not in study.tables:
        return ["no tickets table: open tickets are not known"]
    names = study.table("tickets").collect_schema().names()
    if not {"customer_id", "resolved_at"} <= set(names):
        return ["tickets have no customer or no resolution: open tickets are not known"]
    cut = nw.lit(study.observed_until)
    # open at the cut: created by then, and resolved later or not at all
    resolved = nw.col("resolved_at")
    rows = study.table("tickets").filter(nw.col("created_at") <= cut)
    rows = rows.filter((resolved.is_null() | (resolved > cut)) & ~nw.col("customer_id").is_null())
    counts = collect(rows.group_by("customer_id").agg(n=nw.len())).set_index("customer_id")["n"]
    people["open_tickets"] = people["customer_id"].map(counts).fillna(0).astype("int64")
    return []


def _add_risk(
    people: pd.DataFrame, study: Study, risk: ChurnModel | Literal["fit", "none"], horizon_days: float
) -> list[str]:
    """Add ``risk_of_leaving``; return why it is missing."""
    if isinstance(risk, str) and risk not in ("fit", "none"):
        raise ArgumentError(f"risk is {risk!r}", wanted="a ChurnModel, 'fit' or 'none'")
    if risk == "none":
        return []
    # whatever keeps a model from being fitted is a remark here, not an error
    try:
        model = risk
        if not isinstance(model, ChurnModel):
            model = fit_churn(
                landmark(study, horizon_days=horizon_days, keep_silent=True), kind="voluntary", members=0
            )
        marks = landmark(
            study,
            every=[study.observed_until - timedelta(seconds=1)],
            horizon_days=float(model.horizon_days),
            window_days=min(float(model.window_days), 365.0),
            stacked=True,
            keep_silent=True,
        )
        found = pd.Series(churn_risk(model, marks), index=marks.frame["customer_id"].to_numpy())
    except CxError as error:
        return [f"risk of leaving n/a: {error.problem}"]
    people["risk_of_leaving"] = people["customer_id"].map(found)
    return [f"risk of leaving within {float(model.horizon_days):g} days"]


def _stretches(study: Study, instrument: str, table: pd.DataFrame, last: pd.DataFrame) -> pd.DataFrame:
    """The last score of unhappy customers, and the first unhappy answer since their last happy one."""
    rows = study.table("responses").filter(nw.col("instrument") == instrument)
    rows = rows.filter(~nw.col("score").is_null())
    every = collect(rows.select("customer_id", "score", "responded_at"))
    scale = study.instruments[instrument]
    unhappy = every[every["score"].isin(scale.bottom)]
    unhappy = unhappy[unhappy["customer_id"].isin(table["customer_id"])]
    unhappy = unhappy.merge(last[["customer_id", "happy_at"]], on="customer_id")
    since = unhappy[unhappy["happy_at"].isna() | (unhappy["responded_at"] > unhappy["happy_at"])]
    worst = "min" if scale.direction == "high_is_good" else "max"
    # several answers at the last moment: the unhappiest
    latest = since[since["responded_at"] == since.groupby("customer_id")["responded_at"].transform("max")]
    return (
        pd.DataFrame(
            {
                "last_score": latest.groupby("customer_id")["score"].agg(worst),
                "unhappy_since": since.groupby("customer_id")["responded_at"].min(),
            }
        )
        .rename_axis("customer_id")
        .reset_index()
    )


def _ordered(table: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    present = [name for name in keys if name in table.columns]
    order = table.sort_values([*present, "customer_id"], ascending=[*[False] * len(present), True])
    first = ["customer_id", "last_score", "days_since", "chance"]
    named = [name for name in first if name in order.columns]
    return order[[*named, *[name for name in order.columns if name not in named]]].reset_index(drop=True)


def _silent_words(silent: int, auc: Estimate | None, reason: str, expected: float) -> str:
    judged = ""
    if auc is not None:
        judged = f" (AUC {auc.value:.3f} [{auc.low:.3f}, {auc.high:.3f}] on customers left out)"
    if reason:
        return f"{silent:,} silent customers are not predicted: {reason}{judged}."
    return (
        f"{silent:,} customers are silent; about {expected:,.0f} of them are predicted to be unhappy, if "
        f"they are like those who answered{judged}. Predicted, not said."
    )


def _finding(table: pd.DataFrame, active: int, answered: int, name: str, currency: str) -> str:
    if not answered:
        return f"None of {active:,} active customers has answered: nobody has said to be unhappy."
    share = format_value(len(table) / answered, Unit.SHARE)
    text = (
        f"{len(table):,} of {answered:,} active customers who ever answered ({share}) are unhappy by their "
    )
    text += f"last {name} answer"
    if "mrr" in table and len(table):
        money = format_value(float(np.nansum(table["mrr"])), Unit.MONEY)
        text += f"; they pay {money} {currency}".rstrip() + " a month"
    return text + "."
