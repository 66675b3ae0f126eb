"""The one small study that examples in docstrings compute with: every number can be checked by eye."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd

from cxresearch.data.study import Study


@cache
def example_study() -> Study:
    """Return ten customers of 10 a month; in February one leaves, two halve, one doubles.

    Five tickets were resolved after 2, 2, 6 and 6 hours, one is still open. Six customers have used
    something, after 1, 2, 9, 9, 12 and 12 days; one joined late.
    """
    ids = [f"c{number}" for number in range(10)]
    joined = pd.Timestamp("2024-01-10")
    return Study.from_frames(
        {
            "customers": _customers(ids, joined),
            "revenue": _revenue(ids, joined),
            "tickets": _tickets(ids),
            "usage": _usage(ids, joined),
        },
        observed_until="2024-03-05",
        instruments={},
        segments=["plan"],
        currency="EUR",
    )


def _customers(ids: list[str], joined: pd.Timestamp) -> pd.DataFrame:
    started = [joined] * 9 + [pd.Timestamp("2024-02-20")]
    return pd.DataFrame({"customer_id": ids, "started_at": started, "plan": ["basic", "pro"] * 5})


def _revenue(ids: list[str], joined: pd.Timestamp) -> pd.DataFrame:
    first = pd.DataFrame({"customer_id": ids, "effective_at": joined, "mrr": 10.0})
    moved = first.iloc[:4].assign(effective_at=pd.Timestamp("2024-02-10"), mrr=[0.0, 5.0, 5.0, 20.0])
    return pd.concat([first, moved])


def _tickets(ids: list[str]) -> pd.DataFrame:
    created = pd.Timestamp("2024-03-04 08:00")
    hours = [2.0, 2.0, 6.0, 6.0, np.nan]
    return pd.DataFrame(
        {
            "ticket_id": list("abcde"),
            "customer_id": ids[:5],
            "created_at": created,
            "resolved_at": created + pd.to_timedelta(hours, unit="h"),
            "channel": ["chat", "mail", "chat", "mail", "mail"],
            "replies": [1, 2, 3, 6, 9],
            "reopens": [0, 1, 0, 0, 0],
        }
    )


def _usage(ids: list[str], joined: pd.Timestamp) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "customer_id": [*ids[:6], ids[0]],
            "used_at": joined + pd.to_timedelta([1, 2, 9, 9, 12, 12, 25], unit="D"),
            "quantity": 1.0,
            "feature": ["search", "search", "export", "search", "search", "export", "export"],
        }
    )
