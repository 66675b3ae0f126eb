"""Rows of exports that are no answers and no tickets: previews, tests, unfinished, merged, deleted."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from typing import Any

from cxresearch.data.study_file.declarations import RowCondition
from cxresearch.data.validation.outcome_names import snake


@dataclass(frozen=True, kw_only=True)
class UnwantedRows:
    """Rows that an export should perhaps be read without.

    Attributes
    ----------
    column : str
        The raw column that tells them.
    taken : RowCondition
        What the rows taken hold.
    what : str
        What the others are.
    """

    column: str
    taken: RowCondition
    what: str


@cache
def _rules() -> tuple[dict[str, Any], ...]:
    folder = resources.files("cxresearch.data.readers")
    rules = tomllib.loads(folder.joinpath("unwanted_rows.toml").read_text("utf-8"))["rules"]
    return tuple(rules)


def unwanted_rows(table: str, columns: Iterable[str]) -> tuple[UnwantedRows, ...]:
    """Return what a table's raw columns say of rows that do not count, one entry a column.

    Examples
    --------
    >>> [entry.what for entry in unwanted_rows("responses", ["Finished", "Q1"])]
    ['unfinished questionnaires']
    """
    names = {column: snake(column) for column in columns}
    entries: dict[str, UnwantedRows] = {}
    for rule in _rules():
        beside = rule.get("beside", "")
        if table not in rule["tables"] or not any(re.search(beside, name) for name in names.values()):
            continue
        for column, name in names.items():
            if re.search(rule["column"], name):
                entries[column] = _merged(entries.get(column), column, rule)
    return tuple(entries.values())


def _merged(before: UnwantedRows | None, column: str, rule: dict[str, Any]) -> UnwantedRows:
    """What two rules say of one column: values of either, in the words of the first."""
    taken = _taken(column, rule)
    if before is None:
        return UnwantedRows(column=column, taken=taken, what=rule["what"])
    values = dict.fromkeys((*before.taken.values, *taken.values))
    what = f"{before.what}, {rule['what']}"
    return UnwantedRows(column=column, taken=replace(before.taken, values=tuple(values)), what=what)


def _taken(column: str, rule: dict[str, Any]) -> RowCondition:
    # A bound keeps what reaches it; listed values are those that do not count.
    if "below" in rule:
        return RowCondition(column=column, low=float(rule["below"]))
    return RowCondition(column=column, values=tuple(rule["values"]), excluded=True)
