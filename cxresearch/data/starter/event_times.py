"""Which of several times is that of the event: not that of a load, an export or a sign-up."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from cxresearch.data.raw_names import snake
from cxresearch.data.readers.column_sql import is_iso
from cxresearch.data.readers.date_samples import suggested_format, two_readings
from cxresearch.data.starter.guess_table import Guess
from cxresearch.wording import shown

#: The column that dates the rows of each table whose event another time may be taken for.
_EVENT_TIMES = {
    "responses": "responded_at",
    "usage": "used_at",
    "orders": "ordered_at",
    "events": "occurred_at",
}
#: Names of times at which a row was written, or a customer joined.
_NOT_THE_EVENT = re.compile(
    r"(^|_)(created|inserted|loaded?|imported?|synced?|ingest\w*|extract\w*|exported?|updated|modified|etl|dbt|"
    r"fivetran|airbyte|dlt|signup|sign_up|signed_up|joined|registered|registration|birth\w*)(_|$)"
)
#: Values needed before it says something that all lie on one day.
_ENOUGH = 20


def with_event_times(guess: Guess, sample: Mapping[str, Sequence[str]]) -> tuple[Guess, dict[str, str]]:
    """Leave a time to its owner where its name is a load's and other times stand beside it.

    Parameters
    ----------
    guess : Guess
        What a file may be.
    sample : mapping of str to sequence of str
        First values of each raw column.

    Returns
    -------
    guess : Guess
        Without the time that has to be chosen.
    remarks : dict of str to str
        By column of the table, what its owner is asked.

    Examples
    --------
    >>> from cxresearch.data.starter.guess_table import guess_table
    >>> rows = {
    ...     "customer_id": ["a"],
    ...     "nps": ["9"],
    ...     "created_at": ["2024-05-01"],
    ...     "surveyed_at": ["2024-03-07"],
    ... }
    >>> guess, remarks = with_event_times(guess_table("nps.csv", rows), rows)
    >>> "responded_at" in guess.columns, remarks["responded_at"]
    (False, "which time is it? 'created_at' (2024-05-01), 'surveyed_at' (2024-03-07)")
    """
    target = _EVENT_TIMES.get(guess.table, "")
    chosen = guess.columns.get(target, "")
    if not chosen:
        return guess, {}
    others = [name for name in guess.further if _are_times(sample[name])]
    if others and _NOT_THE_EVENT.search(snake(chosen)):
        choices = ", ".join(f"{shown(name)} ({_range(sample[name])})" for name in (chosen, *others))
        columns = {name: raw for name, raw in guess.columns.items() if name != target}
        further = (*guess.further, chosen)
        return replace(guess, columns=columns, further=further), {target: f"which time is it? {choices}"}
    days = {value[:10] for value in sample[chosen]}
    if len(days) == 1 and len(sample[chosen]) >= _ENOUGH:
        day = shown(days.pop())
        return guess, {target: f"all of the first rows lie on {day}: the day of the event, or of a load?"}
    return guess, {}


def _are_times(values: Sequence[str]) -> bool:
    return bool(values) and all(
        is_iso(value) or suggested_format(value) or two_readings(value) for value in values
    )


def _range(values: Sequence[str]) -> str:
    """First and last day of ISO times; of others two values as they stand."""
    iso = all(is_iso(value) for value in values)
    days = sorted({value[:10] for value in values}) if iso else [*dict.fromkeys(values)][:2]
    return days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}" if iso else " or ".join(days)
