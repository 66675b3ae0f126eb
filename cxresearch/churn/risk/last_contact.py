"""When somebody last spoke with a customer: an answer, a ticket, or an event that is a contact."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals as nw
import pandas as pd

from cxresearch.data.engine import collect
from cxresearch.metrics.support.follow_up_metrics import CONTACT_KINDS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from cxresearch.data.study import Study

#: The time of a contact in each table that records some.
_MOMENTS = {"responses": "responded_at", "tickets": "created_at", "events": "occurred_at"}


def last_contact(study: Study, customer_ids: Sequence[Any], *, by: datetime) -> pd.Series[pd.Timestamp]:
    """Return the last contact of each customer up to a moment.

    Parameters
    ----------
    study : Study
        Of its responses, tickets and events those are read that name a customer.
    customer_ids : sequence
    by : datetime
        Naive UTC; what comes later is not known.

    Returns
    -------
    Series, shape (n,)
        In the order of ``customer_ids``; NaT where no contact is on record.

    Examples
    --------
    >>> import cxresearch as cx
    >>> calls = {"customer_id": ["a", "a"], "kind": "call_back", "occurred_at": ["2024-01-05", "2024-03-01"]}
    >>> study = cx.Study.from_frames({"events": pd.DataFrame(calls)}, observed_until="2024-03-31")
    >>> last_contact(study, ["a", "b"], by=pd.Timestamp("2024-02-01").to_pydatetime()).tolist()
    [Timestamp('2024-01-05 00:00:00'), NaT]
    """
    wanted = pd.Index(customer_ids)
    latest = pd.Series(pd.NaT, index=wanted, dtype="datetime64[us]")
    for name, moment in _MOMENTS.items():
        if name not in study.tables:
            continue
        rows = study.table(name)
        if "customer_id" not in rows.collect_schema().names():
            continue
        if name == "events":
            rows = rows.filter(nw.col("kind").is_in(CONTACT_KINDS))
        rows = rows.filter(nw.col(moment) <= nw.lit(by), nw.col("customer_id").is_in(list(wanted)))
        times = collect(rows.group_by("customer_id").agg(latest=nw.col(moment).max()))
        seen = times.set_index("customer_id")["latest"].reindex(wanted)
        latest = pd.concat([latest, seen.astype("datetime64[us]")], axis=1).max(axis=1)
    return latest.reset_index(drop=True)
