"""Which column of a file names the customer: the one whose values are ids of the customers' own list."""

from __future__ import annotations

from dataclasses import replace

from cxresearch.data.starter.raw_look import RawLook

#: The column chosen by its name is given up where fewer of its values are ids of customers than this share,
#: for one of whose values at least that share are.
_FOREIGN, _SHARED = 0.05, 0.5


def with_shared_ids(looks: list[RawLook]) -> list[RawLook]:
    """Return the files with the column of customers chosen by its values, where its name misleads.

    ``Respondent ID`` sounds like a customer; if none of its values is in the list of customers, and those of
    another column are, that one is meant.
    """
    customers = [look for look in looks if look.guess.table == "customers" and not look.guess.rows]
    if len(customers) != 1 or "customer_id" not in customers[0].guess.columns:
        return looks
    ids = set(customers[0].sample[customers[0].guess.columns["customer_id"]])
    return [look if look is customers[0] else _with_shared_id(look, ids) for look in looks]


def _with_shared_id(look: RawLook, ids: set[str]) -> RawLook:
    if not look.guess.table or not ids:
        return look
    chosen = look.guess.columns.get("customer_id", "")
    if chosen and _share(look.sample[chosen], ids) > _FOREIGN:
        return look
    shares = {column: _share(look.sample[column], ids) for column in look.guess.further}
    best = max(shares, key=lambda column: shares[column], default="")
    if not best or shares[best] < _SHARED:
        return look
    columns = {**look.guess.columns, "customer_id": best}
    used = {*columns.values(), *look.guess.survey.scores.values(), *look.guess.survey.worded.values()}
    further = tuple(column for column in look.sample if column not in used)
    return replace(look, guess=replace(look.guess, columns=columns, further=further), matched=best)


def _share(values: list[str], ids: set[str]) -> float:
    different = set(values)
    return len(different & ids) / max(len(different), 1)
