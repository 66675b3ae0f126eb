"""Doubts about links: answers and the tickets they name, customers and accounts, respondents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals as nw
import pandas as pd

from cxresearch.data.engine import collect
from cxresearch.data.validation.outside_answers import RESPONDENTS

if TYPE_CHECKING:
    from cxresearch.data.study import Study

_COLUMNS = ["table", "flag", "rows", "detail"]
#: An account id of which every value is one customer's says nothing that the customer's id does not.
_ENOUGH = 20


def link_doubts(study: Study) -> pd.DataFrame:
    """Count answers that name no ticket of the study, or one of somebody else, and odd accounts.

    Parameters
    ----------
    study : Study
        Nothing is changed: such answers stay, and belong to no group of tickets.

    Returns
    -------
    DataFrame
        Columns ``table, flag, rows, detail``; without zeros.
    """
    lines = [*_tickets_of_answers(study), *_accounts(study), *_respondents(study)]
    return pd.DataFrame([line for line in lines if line[2]], columns=_COLUMNS)


def _tickets_of_answers(study: Study) -> list[tuple[str, str, int, str]]:
    tables = study.checked
    if not {"responses", "tickets"} <= set(tables.names) or "ticket_id" not in tables.columns("responses"):
        return []
    answers = tables.valid("responses").filter(~nw.col("ticket_id").is_null())
    tickets = tables.valid("tickets").select("ticket_id", _there=nw.lit(1))
    of_ticket = "customer_id" in tables.columns("tickets")
    if of_ticket:
        tickets = tables.valid("tickets").select("ticket_id", _there=nw.lit(1), _whose=nw.col("customer_id"))
    rows = answers.select("ticket_id", "customer_id").join(tickets, on="ticket_id", how="left")
    lines = [
        (
            "responses",
            "ticket unknown",
            _count(rows, nw.col("_there").is_null()),
            "ticket_ids that are not among the tickets: another export, or ids written otherwise? These "
            "answers belong to no group of tickets",
        )
    ]
    if of_ticket:
        others = (nw.col("_whose") != nw.col("customer_id")).fill_null(value=False)
        detail = "name a ticket of another customer: a colleague, or the wrong ticket_id?"
        lines.append(("responses", "ticket of another customer", _count(rows, others), detail))
    return lines


def _accounts(study: Study) -> list[tuple[str, str, int, str]]:
    tables = study.checked
    if "customers" not in tables.names or "account_id" not in tables.columns("customers"):
        return []
    people = tables.valid("customers")
    account = nw.col("account_id")
    without = _count(people, account.is_null())
    counts = collect(people.filter(~account.is_null()).select(n=nw.len(), accounts=account.n_unique()))
    n, accounts = (int(counts[name].iloc[0]) for name in ("n", "accounts"))
    lines = []
    # nobody with an account is a column left empty; all but some is a doubt
    if n:
        lines.append(
            ("customers", "no account", without, "customers without an account_id stand for themselves")
        )
    if n >= _ENOUGH and accounts == n:
        detail = "every account_id has one customer: is it another name of customer_id?"
        lines.append(("customers", "accounts of one", n, detail))
    return lines


def _respondents(study: Study) -> list[tuple[str, str, int, str]]:
    """Answers of people who are no customers, and people who are both."""
    tables = study.checked
    if RESPONDENTS not in tables.names:
        return []
    lines = []
    if tables.outside is not None:
        rows = _rows(tables.outside)
        detail = "of respondents who are no customers: left out here, see cx.study.respondents"
        lines.append(("responses", "answers of respondents", rows, detail))
    if "customers" in tables.names:
        ids = tables.valid("customers").select(respondent_id=nw.col("customer_id"))
        both = tables.valid(RESPONDENTS).join(ids, on="respondent_id", how="semi")
        detail = "are among the customers, too: they count as customers"
        lines.append((RESPONDENTS, "respondents who are customers", _rows(both), detail))
    return lines


def _count(rows: nw.LazyFrame[Any], condition: nw.Expr) -> int:
    return _rows(rows.filter(condition))


def _rows(rows: nw.LazyFrame[Any]) -> int:
    return int(collect(rows.select(n=nw.len()))["n"].iloc[0])
