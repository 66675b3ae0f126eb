"""Experiences a customer can have, and when: detractor answers, unresolved tickets, named events."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import narwhals as nw

from cxresearch.data.engine import collect
from cxresearch.errors import ArgumentError, DataError
from cxresearch.scales import DETRACTORS

if TYPE_CHECKING:
    import pandas as pd

    from cxresearch.data.study import Study


def experiences(study: Study, event: Any, *, open_days: float) -> tuple[str, pd.DataFrame]:
    """Moments at which customers have an experience.

    Parameters
    ----------
    study : Study
        Where to look.
    event : str or frame
        ``"detractor"``: an NPS answer of 0 to 6. ``"unresolved_ticket"``: a ticket still open after
        ``open_days``; it happens on that day, not before, for only then is it known. ``"low_<instrument>"``:
        an answer on the worse half of the scale. Otherwise a ``kind`` of the events table; rows without a
        customer happen to everybody. Or a frame with customer_id and occurred_at.
    open_days : float
        Days until an open ticket counts as unresolved.

    Returns
    -------
    label : str
        For titles.
    moments : DataFrame
        Columns customer_id (missing: everybody) and occurred_at.

    Raises
    ------
    ArgumentError
        If the event is not known, or the frame lacks a column.
    DataError
        If it never happens.
    """
    if not isinstance(event, str):
        label, moments = "the event", _given(event)
    elif event == "detractor":
        label, moments = "a detractor answer", _answers(study, "nps", DETRACTORS)
    elif event == "unresolved_ticket":
        label, moments = f"a ticket unresolved for {open_days:g} days", _unresolved(study, open_days)
    elif event.startswith("low_") and event.removeprefix("low_") in study.instruments:
        scale = study.instruments[event.removeprefix("low_")]
        # The worse half of the scale, whichever end is good; its middle belongs to neither.
        middle = (scale.low + scale.high) / 2
        worse = [a for a in scale.levels if (a - middle) * scale.risk_sign > 0]
        label, moments = f"a low {scale.label} answer", _answers(study, scale.name, tuple(worse))
    else:
        label, moments = event.replace("_", " "), _named(study, event)
    if moments.empty:
        raise DataError(f"{label} never happens in this study", next_step="choose another event")
    return label, moments


def _given(frame: Any) -> pd.DataFrame:
    import pandas as pd

    from cxresearch.data.engine import lazy

    rows = lazy(frame)
    lost = {"customer_id", "occurred_at"} - set(rows.collect_schema().names())
    if lost:
        raise ArgumentError(f"the events lack a column {min(lost)!r}", wanted="customer_id, occurred_at")
    moments = collect(rows.select("customer_id", "occurred_at"))
    if moments["customer_id"].isna().any() or moments["occurred_at"].isna().any():
        raise ArgumentError("an event has no customer_id or no occurred_at", next_step="drop these rows")
    return moments.assign(
        customer_id=moments["customer_id"].map(str), occurred_at=pd.to_datetime(moments["occurred_at"])
    )


def _need(study: Study, table: str) -> Any:
    if table not in study.tables:
        raise ArgumentError(f"the study has no table {table!r}", wanted="one of " + ", ".join(study.tables))
    return study.table(table)


def _answers(study: Study, instrument: str, levels: tuple[int, ...]) -> pd.DataFrame:
    if instrument not in study.instruments:
        raise ArgumentError(
            f"the study has no instrument {instrument!r}", wanted="one of " + ", ".join(study.instruments)
        )
    answers = _need(study, "responses").filter(
        nw.col("instrument") == instrument, nw.col("score").is_in([float(level) for level in levels])
    )
    return collect(answers.select("customer_id", occurred_at=nw.col("responded_at")))


def _unresolved(study: Study, open_days: float) -> pd.DataFrame:
    tickets = _need(study, "tickets")
    columns = tickets.collect_schema().names()
    if "customer_id" not in columns:
        raise ArgumentError("tickets have no customer_id", next_step="map it in the study file")
    # Known to be unresolved only once so many days have passed.
    late = nw.col("created_at") + timedelta(days=float(open_days))
    # After the data cut nobody knows.
    happened = late <= nw.lit(study.observed_until)
    if "resolved_at" in columns:
        # Resolved by then: it was no such experience.
        happened = happened & (nw.col("resolved_at").is_null() | (nw.col("resolved_at") > late))
    chosen = tickets.filter(happened, ~nw.col("customer_id").is_null())
    return collect(chosen.select("customer_id", occurred_at=late))


def _named(study: Study, kind: str) -> pd.DataFrame:
    import pandas as pd

    if "events" not in study.tables:
        raise ArgumentError(
            f"event is {kind!r}, and the study has no table 'events'",
            wanted="'detractor', 'unresolved_ticket', 'low_<instrument>' or a frame",
        )
    events = study.table("events")
    names = events.collect_schema().names()
    # Kinds as the events table has them.
    kinds = sorted(str(value) for value in collect(events.select("kind").unique())["kind"])
    if kind not in kinds:
        wanted = ", ".join(map(repr, ["detractor", "unresolved_ticket", *kinds]))
        raise ArgumentError(f"event is {kind!r}", wanted=f"one of {wanted}, or a frame")
    moments = collect(events.filter(nw.col("kind") == kind))
    # An event without a customer happens to everybody.
    customer = moments["customer_id"] if "customer_id" in names else pd.Series(None, index=moments.index)
    return pd.DataFrame({"customer_id": customer, "occurred_at": moments["occurred_at"]})
