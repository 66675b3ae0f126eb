"""Which column names the customer, judged by whether its values are ids of the customer list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pyarrow as pa

from cxresearch.data.readers.raw_inputs import connect, open_input, quoted, run
from cxresearch.data.starter.starter_text import Found
from cxresearch.wording import shown

#: A column names customers if at least this share of its first values are ids of the customer list.
_MOSTLY = 0.5
#: A column chosen by its name is doubted if fewer of its first values are.
_HARDLY = 0.1


def with_linked_ids(files: Sequence[Found]) -> list[Found]:
    """Take the column whose values are customers where the one taken by its name holds others.

    Parameters
    ----------
    files : sequence of Found
        All files of a folder. Without exactly one customer list nothing is changed.

    Returns
    -------
    list of Found
        In the same order; what was changed or could not be linked stands in their ``remarks``.
    """
    lists = [
        file for file in files if file.guess.table == "customers" and "customer_id" in file.guess.columns
    ]
    if len(lists) != 1:
        return list(files)
    others = [file for file in files if file.guess.table not in ("", "customers", "events")]
    values: set[str] = set()
    for file in others:
        for column in _possible_ids(file):
            values.update(file.sample[column])
    known = _known_customers(lists[0], sorted(values))
    return [_linked(file, known, lists[0].name) if file in others else file for file in files]


def _possible_ids(file: Found) -> list[str]:
    chosen = file.guess.columns.get("customer_id")
    names = [*file.guess.further, *([chosen] if chosen else [])]
    return [name for name in names if file.sample.get(name)]


def _known_customers(customers: Found, values: list[str]) -> set[str]:
    """Those of the values that the customer list has."""
    connection = connect()
    try:
        table = open_input(connection, customers.raw, {})
        connection.register("looked_for", pa.table({"value": pa.array(values, pa.string())}))
        ids = f"trim(CAST({quoted(customers.guess.columns['customer_id'])} AS VARCHAR))"
        query = f"SELECT value FROM looked_for WHERE value IN (SELECT {ids} FROM {quoted(table.view)})"  # noqa: S608
        return {row[0] for row in run(connection, query, customers.name)}
    finally:
        connection.close()


def _linked(file: Found, known: set[str], customers: str) -> Found:
    chosen = file.guess.columns.get("customer_id", "")
    shares = {name: _share(file.sample[name], known) for name in _possible_ids(file)}
    if not chosen or chosen not in shares or shares[chosen] >= _HARDLY:
        return file
    best = max(shares, key=lambda name: shares[name])
    if shares[best] < _MOSTLY:
        remark = f"check: hardly any of the first values of {shown(chosen)} is a customer of {customers}"
        return replace(file, remarks={**file.remarks, "customer_id": remark})
    remark = (
        f"check: the values of {shown(best)} are customers of {customers}, those of {shown(chosen)} are not"
    )
    further = tuple(name for name in (*file.guess.further, chosen) if name != best)
    columns = {**file.guess.columns, "customer_id": best}
    guess = replace(file.guess, columns=columns, further=further)
    return replace(file, guess=guess, remarks={**file.remarks, "customer_id": remark})


def _share(values: Sequence[str], known: set[str]) -> float:
    different = set(values)
    return len(different & known) / len(different)
