"""Answers of respondents who are not customers: employees, prospects, partners, in a table of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import narwhals as nw

from cxresearch.data.validation.row_rules import Rule

Frame = nw.LazyFrame[Any]

#: The table that lists them.
RESPONDENTS = "respondents"


def listed_once() -> Rule:
    """Return the rule that nobody is listed twice, who would double each answer that the list describes."""
    copies = nw.col("respondent_id").cum_count().over("respondent_id", order_by=["_source", "_row"])
    return Rule(name="duplicate_row", column="respondent_id", broken=copies > 1, once=("respondent_id",))


def without_outsiders(rows: Frame, typed: Mapping[str, Frame]) -> Frame:
    """Return the answers of customers, and of people nobody knows, which the rules judge.

    Parameters
    ----------
    rows : LazyFrame
        Answers.
    typed : mapping of str to LazyFrame
        The study's tables, ``respondents`` among them.
    """
    return rows.join(_outsiders(typed), on="customer_id", how="anti")


def of_outsiders(rows: Frame, typed: Mapping[str, Frame]) -> Frame:
    """Return the other answers: those of respondents who are not among the customers."""
    return rows.join(_outsiders(typed), on="customer_id", how="semi")


def _outsiders(typed: Mapping[str, Frame]) -> Frame:
    """Ids of respondents; one who is also a customer is a customer."""
    ids = typed[RESPONDENTS].filter(~nw.col("respondent_id").is_null())
    ids = ids.select(customer_id=nw.col("respondent_id"))
    if "customers" in typed:
        customers = typed["customers"].filter(~nw.col("customer_id").is_null()).select("customer_id")
        ids = ids.join(customers, on="customer_id", how="anti")
    return ids
