"""Which column of a file names the customer: the one whose values are ids of the customers' own list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from cxresearch.data.readers.cells.column_sql import is_nested
from cxresearch.data.readers.connection import connect, quoted, run
from cxresearch.data.readers.raw_inputs import open_alone
from cxresearch.data.starter.raw_look import RawLook

#: The column chosen by its name is given up where fewer of its values are ids of customers than this share,
#: for one of whose values at least that share are.
_FOREIGN, _SHARED = 0.05, 0.5
#: So many customers are compared with.
_MOST_IDS = 200_000
#: Columns of customers besides the id that other files may name them by.
_FEWEST_DIFFERENT = 0.9


def with_shared_ids(looks: list[RawLook]) -> list[RawLook]:
    """Return the files with the column of customers chosen by its values, where its name misleads.

    ``Respondent ID`` sounds like a customer; if none of its values is in the list of customers, and those of
    another column are, that one is meant. Where more files share another column of the customers than their
    id, such as the e-mail address, that column is the id of the study.
    """
    customers = [look for look in looks if look.guess.table == "customers" and not look.guess.rows]
    if len(customers) != 1 or "customer_id" not in customers[0].guess.columns:
        return looks
    listing = customers[0]
    others = [look for look in looks if look is not listing and look.guess.table]
    ids = _all_ids(listing, [listing.guess.columns["customer_id"], *_candidates(listing, others)])
    shared = {
        column: sum(_share_of_best(look, known) >= _SHARED for look in others)
        for column, known in ids.items()
    }
    chosen = listing.guess.columns["customer_id"]
    best = max(shared, key=lambda column: (shared[column], column == chosen))
    if shared[best] > shared[chosen]:
        looks = [_with_key(look, best) if look is listing else look for look in looks]
        chosen = best
    return [look if look.guess.table == "customers" else _with_shared_id(look, ids[chosen]) for look in looks]


def _candidates(listing: RawLook, others: Sequence[RawLook]) -> list[str]:
    """Further columns of customers with different values, of which a file of others has one."""
    seen = {value for look in others for values in look.sample.values() for value in values}
    candidates = []
    for column in listing.guess.further:
        different = set(listing.sample[column])
        unlike = len(different) >= _FEWEST_DIFFERENT * len(listing.sample[column]) > 0
        if unlike and ("email" in column.lower() or different & seen):
            candidates.append(column)
    return candidates


def _all_ids(listing: RawLook, columns: Sequence[str]) -> dict[str, set[str]]:
    """The values of columns in all rows of the list of customers."""
    connection = connect()
    try:
        table = open_alone(connection, listing.raw)
        return {
            column: {
                str(row[0]).strip()
                for row in run(
                    connection,
                    f"SELECT DISTINCT CAST({quoted(column)} AS VARCHAR) FROM {quoted(table.view)} "  # noqa: S608
                    f"WHERE {quoted(column)} IS NOT NULL LIMIT {_MOST_IDS}",
                    listing.name,
                )
            }
            for column in columns
            if not is_nested(table.types[column])
        }
    finally:
        connection.close()


def _share_of_best(look: RawLook, ids: set[str]) -> float:
    return max((_share(values, ids) for values in look.sample.values()), default=0.0)


def _with_key(listing: RawLook, column: str) -> RawLook:
    """The list of customers with another column as its id."""
    columns = {**listing.guess.columns, "customer_id": column}
    further = tuple(name for name in listing.sample if name not in columns.values())
    return replace(listing, guess=replace(listing.guess, columns=columns, further=further), matched=column)


def _with_shared_id(look: RawLook, ids: set[str]) -> RawLook:
    if not look.guess.table or not ids:
        return look
    chosen = look.guess.columns.get("customer_id", "")
    if chosen and _share(look.sample[chosen], ids) > _FOREIGN:
        return replace(look, linked=_share(look.sample[chosen], ids))
    free = set(look.guess.further)
    if look.export:
        free |= look.export.known() - set(look.guess.columns.values())
    shares = {column: _share(look.sample[column], ids) for column in look.sample if column in free}
    best = max(shares, key=lambda column: shares[column], default="")
    if not best or shares[best] < _SHARED:
        return replace(look, linked=0.0)
    columns = {**look.guess.columns, "customer_id": best}
    used = {*columns.values(), *look.guess.survey.scores.values(), *look.guess.survey.worded.values()}
    further = tuple(column for column in look.sample if column not in used)
    guess = replace(look.guess, columns=columns, further=further)
    return replace(look, guess=guess, matched=best, linked=shares[best])


def _share(values: list[str], ids: set[str]) -> float:
    different = set(values)
    return len(different & ids) / max(len(different), 1)
