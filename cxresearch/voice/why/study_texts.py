"""Texts of a study: where they stand, who wrote them and when, and which names must not be printed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np
import pandas as pd

from cxresearch.data.engine import collect
from cxresearch.data.validation.row_rules import DATED_BY
from cxresearch.errors import ArgumentError, StudyError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cxresearch.data.study import Study

#: Column that dates a row of each table with texts.
_DATED = {**DATED_BY, "customers": "ended_at"}
_USUAL = {
    "comment": "responses",
    "subject": "tickets",
    "body": "tickets",
    "reason": "customers",
    "note": "events",
}
#: Columns of customers that hold names of people and firms; their values are taken out of quotes.
NAME_COLUMNS = (
    "name",
    "customer_name",
    "first_name",
    "last_name",
    "full_name",
    "contact",
    "contact_name",
    "company",
    "company_name",
    "account_name",
    "user_name",
    "email",
)


@dataclass(frozen=True, kw_only=True)
class TextSource:
    """Where texts stand.

    Attributes
    ----------
    table, column, time : str
        Table, text column, and the column that dates a text.
    """

    table: str
    column: str
    time: str


def text_source(study: Study, text: str) -> TextSource:
    """Return where a text stands.

    Parameters
    ----------
    study : Study
    text : str
        ``"comment"`` (of responses), ``"subject"`` or ``"body"`` (of tickets), ``"reason"`` (of customers),
        any other text column as ``"table.column"``, or by its name alone where one table has it.

    Raises
    ------
    ArgumentError
        If there is no such column; the message names the texts there are.
    """
    # "tickets.body" names its table; "body" stands in the usual one
    table, _, column = text.rpartition(".")
    table = table or _USUAL.get(text, "") or _only_table(study, column)
    present = columns_of(study, table)
    if table not in _DATED or column not in present:
        raise ArgumentError(
            f"there is no text {text!r} in this study",
            wanted="one of " + (", ".join(_texts_of(study)) or "(there is none)"),
            next_step=f"map a column {column} of {table} in the study file",
        )
    return TextSource(table=table, column=column, time=_DATED[table])


def _only_table(study: Study, column: str) -> str:
    """The table of a further column; answers where none or several have it."""
    tables = [table for table, kinds in study.open_columns.items() if column in kinds and table in _DATED]
    if len(tables) == 1 and column not in columns_of(study, "responses"):
        return tables[0]
    return "responses"


def columns_of(study: Study, table: str) -> list[str]:
    """Return the columns of a table, none where it is absent."""
    if table not in study.tables:
        return []
    return list(study.table(table).collect_schema().names())


def writers(rows: pd.DataFrame, column: str = "customer_id") -> NDArray[np.int64]:
    """Return the number of each row's customer; a row of nobody known stands for a customer of its own."""
    alone = np.arange(len(rows))
    if column not in rows:
        return alone
    code = pd.factorize(rows[column])[0].astype(np.int64)
    return np.where(code < 0, code.max(initial=0) + 1 + alone, code)


def _texts_of(study: Study) -> list[str]:
    usual = [f"{table}.{column}" for column, table in _USUAL.items() if column in columns_of(study, table)]
    if "reason" in columns_of(study, "responses"):
        usual.append("responses.reason")
    for table, kinds in study.open_columns.items():
        usual += [f"{table}.{name}" for name, kind in kinds.items() if kind == "text" and table in _DATED]
    return usual


def collect_columns(study: Study, table: str, columns: tuple[str, ...]) -> pd.DataFrame:
    """Return those of the named columns that a table has, as pandas."""
    present = columns_of(study, table)
    rows: nw.LazyFrame[Any] = study.table(table)
    return collect(rows.select(*[column for column in dict.fromkeys(columns) if column in present]))


def revenue_levels(study: Study) -> tuple[pd.DataFrame | None, str]:
    """Return levels of recurring revenue by the data cut, sorted by time, or None and why.

    Revenue only accompanies what texts and tickets say: where it cannot be used, the rest is still told.
    """
    if "revenue" not in study.tables:
        return None, ""
    try:
        levels = collect_columns(study, "revenue", ("customer_id", "effective_at", "mrr", "currency"))
    except StudyError as error:
        return None, f"Revenue is left out: {error.problem}."
    # amounts of several currencies have no sum
    if "currency" in levels and levels["currency"].nunique() > 1:
        return None, "Revenue is left out: amounts of several currencies are not added up."
    # what is agreed for after the data cut is not known yet
    levels = levels[levels["effective_at"] <= pd.Timestamp(study.observed_until)]
    return levels.sort_values("effective_at", kind="stable"), ""


def names_in_customers(study: Study, columns: Sequence[str] | None = None) -> list[str]:
    """Return the names of people and firms in the customers table, each once.

    Parameters
    ----------
    columns : sequence of str, optional
        Columns with names; by default those that are called so (`NAME_COLUMNS`).

    Raises
    ------
    ArgumentError
        If a named column is not there.
    """
    present = columns_of(study, "customers")
    if columns is None:
        columns = tuple(name for name in NAME_COLUMNS if name in present)
    columns = tuple(columns)
    for column in columns:
        if column not in present:
            raise ArgumentError(
                f"customers have no column {column!r}", wanted="names of columns: " + ", ".join(present)
            )
    if not columns:
        return []
    table = collect_columns(study, "customers", columns)
    found: dict[str, None] = {}
    for column in columns:
        found |= dict.fromkeys(str(value) for value in table[column].dropna().unique())
    return list(found)


def customers_gone(study: Study) -> pd.Series[Any]:
    """Return the customers who had left by the data cut."""
    people = collect_columns(study, "customers", ("customer_id", "ended_at"))
    if "ended_at" not in people:
        return pd.Series([], dtype=object)
    return people.loc[people["ended_at"] <= pd.Timestamp(study.observed_until), "customer_id"]
