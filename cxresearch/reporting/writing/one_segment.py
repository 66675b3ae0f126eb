"""One segment of a study at a time."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING

import narwhals as nw

from cxresearch.errors import ArgumentError, DataError

if TYPE_CHECKING:
    from cxresearch.data.study import Study


def narrow(study: Study, segment: str) -> Study:
    """Return the study of the customers of one segment, with their rows in every table.

    Tables that name no customer are left out, except events of the company as a whole.

    Parameters
    ----------
    study : Study
        The whole study.
    segment : str
        ``"column=value"``, a segment column of the customers and one of its values.

    Raises
    ------
    ArgumentError
        If the text has not that form or the column is no segment column.
    DataError
        If no customer is in the segment.
    """
    column, sign, value = segment.partition("=")
    if not sign or not value:
        raise ArgumentError(f"segment is {segment!r}", wanted="'column=value' such as 'plan=pro'")
    if column not in study.segments:
        raise ArgumentError(
            f"{column!r} is not a segment",
            wanted="one of " + (", ".join(study.segments) or "(none declared)"),
        )
    members = study.table("customers").filter(nw.col(column).cast(nw.String()) == value)
    ids = members.select("customer_id")
    tables = {"customers": members}
    for name in study.tables:
        frame = study.table(name)
        if name != "customers" and "customer_id" in frame.collect_schema().names():
            # Semi-join: a customer listed twice must not double the rows of a table.
            tables[name] = frame.join(ids, on="customer_id", how="semi")
        elif name == "events":
            tables[name] = frame  # what happened to the company happened to every segment
    # An empty segment would make an empty report that looks like a quiet month.
    if not len(members.select("customer_id").head(1).collect()):
        raise DataError(f"no customer has {column} {value!r}", where=study.name)
    narrowed = type(study).from_frames(
        {name: frame.to_native() for name, frame in tables.items()},
        observed_until=study.observed_until.replace(tzinfo=UTC),
        instruments=study.instruments,
        timezone=study.timezone,
        currency=study.currency,
        segments=study.segments,
        name=f"{study.name}, {column} {value}",
        revenue_ends=study.revenue_ends,
        targets=study.targets,
    )
    narrowed.sources = study.sources
    narrowed.journey = study.journey
    return narrowed
