"""What an owner declares in a call: checked before anything is opened."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cxresearch.checks import check_choice, check_number
from cxresearch.data.study_file.declarations import Limits, OnReject
from cxresearch.data.table_layouts import TABLES
from cxresearch.data.wide_answers import long_answers
from cxresearch.errors import ArgumentError, StudyError
from cxresearch.wording import did_you_mean, listed, shown


def limits_of(on_reject: OnReject, max_reject_share: float) -> Limits:
    """Return what happens to rows that break a rule; refuse a choice that is unknown, a share above 1."""
    check_choice("on_reject", on_reject, ("refuse", "set_aside"))
    share = check_number("max_reject_share", max_reject_share, at_least=0)
    if share > 1:
        raise ArgumentError(f"max_reject_share is {share:g}", wanted="a share from 0 to 1")
    return Limits(on_reject=on_reject, max_reject_share=share)


def one_mapping(tables: Mapping[str, Any] | None, frames: Mapping[str, Any]) -> dict[str, Any]:
    """Return the frames given as one mapping, by keyword, or both; refuse a table given twice."""
    twice = set(tables or {}) & set(frames)
    if twice:
        raise ArgumentError(f"{listed(sorted(twice))} is given twice", wanted="each table once")
    return {**(tables or {}), **frames}


def with_long_answers(tables: Mapping[str, Any], scores: Mapping[str, str]) -> dict[str, Any]:
    """Return the tables with a wide survey as one answer a row."""
    if "responses" not in tables:
        raise ArgumentError("scores are columns of responses, which are not given", wanted="responses=frame")
    return {**tables, "responses": long_answers(tables["responses"], scores)}


def check_tables(tables: Mapping[str, Any]) -> None:
    """Refuse a table of a name that is unknown."""
    for table in tables:
        if table not in TABLES:
            raise StudyError(
                f"table {shown(table)} is unknown",
                wanted=f"one of {listed(TABLES)}",
                next_step=did_you_mean(table, TABLES),
            )
