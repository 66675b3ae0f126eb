"""Group columns may have any name: also one that a table, or a metric on its way, uses itself."""

from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest

import cxresearch as cx
from cxresearch.metrics.base.group_columns import INSIDE, SHOWN
from cxresearch.metrics.tables.metric_table import metric_table

NAMES = ["level", "instrument", "currency", "n", "since", "who", "t_nps", "n_own", "event", "group"]


@cache
def tables() -> dict[str, pd.DataFrame]:
    """Answers, tickets, use and revenue of 60 customers in two groups, ``plain``."""
    rng = np.random.default_rng(5)
    ids = [f"c{i:02d}" for i in range(60)]
    start = pd.Timestamp("2024-01-03")
    people = pd.DataFrame({"customer_id": ids, "started_at": start, "plain": ["p", "p", "q"] * 20})
    moments = start + pd.to_timedelta(rng.integers(0, 80, 600), unit="D")
    who = rng.choice(ids, 600)
    answers = pd.DataFrame({"customer_id": who, "score": rng.integers(0, 11, 600), "responded_at": moments})
    tickets = pd.DataFrame({"ticket_id": range(600), "customer_id": who, "created_at": moments})
    tickets["resolved_at"] = moments + pd.to_timedelta(rng.integers(1, 90, 600), unit="h")
    tickets["reopens"] = rng.integers(0, 2, 600)
    usage = pd.DataFrame({"customer_id": who, "used_at": moments, "quantity": 1.0})
    levels = [start + pd.Timedelta(days=20 * k) for k in range(4)]
    money = pd.DataFrame({"customer_id": np.repeat(ids, 4), "effective_at": levels * 60})
    money["mrr"], money["currency"] = rng.choice([0.0, 10.0, 20.0, 30.0], 240), "EUR"
    money["due_at"] = money["effective_at"] + pd.Timedelta(days=15)
    orders = pd.DataFrame({"customer_id": who, "ordered_at": moments, "amount": 1.0}).iloc[:90]
    return {
        "customers": people,
        "responses": answers.assign(instrument="nps"),
        "tickets": tickets.astype({"ticket_id": str}),
        "usage": usage,
        "revenue": money,
        "orders": orders,
    }


def study(name: str) -> cx.Study:
    people = tables()["customers"].rename(columns={"plain": name})
    return cx.Study.from_frames(
        {**tables(), "customers": people},
        observed_until="2024-03-31",
        instruments={"nps": cx.NPS},
        segments=[name],
        currency="EUR",
    )


@cache
def plain(metric: str) -> pd.DataFrame:
    return metric_table(study("plain"), metric, by="plain", every="month", options=OPTIONS)


OPTIONS = {"win_back_days": 15, "repeat_days": 30}
RETURNS = ["win_back_rate", "renewal_rate", "renewal_rate_by_value", "repeat_purchase_rate"]
METRICS = ["nps", "reopen_rate", "active_customers", "gross_revenue_retention"]
#: The answers have a column instrument of their own, which comes before that of customers.
CASES = [(name, metric) for name in NAMES for metric in METRICS if (name, metric) != ("instrument", "nps")]
CASES += [(name, metric) for name in ("again", "event", "n", "who") for metric in ("adoption_rate", *RETURNS)]


@pytest.mark.parametrize(("name", "metric"), CASES)
def test_the_name_of_a_group_column_changes_nothing(name: str, metric: str) -> None:
    found = metric_table(study(name), metric, by=name, every="month", options=OPTIONS)
    assert found["value"].notna().any()
    shown = f"{name}_group" if name in ("level", "n") else name
    pd.testing.assert_frame_equal(found.rename(columns={shown: "plain"}), plain(metric))


TABLES: dict[str, Any] = {
    "active": cx.usage.active_customers,
    "volume": cx.support.ticket_volume,
    "resolved": cx.support.resolution_rate,
    "times": lambda data, by: cx.support.ticket_times(data, "resolution", by=by),
    "ageing": lambda data, by: cx.support.ticket_ageing(data, by=by).frame,
}


COLLISIONS = [
    *(("active", name) for name in ("minutes", "first", "share", "complete")),
    *(("volume", name) for name in ("tickets", "complete")),
    *(("resolved", name) for name in ("n", "open", "event")),
    *(("times", name) for name in ("median", "minutes")),
    *(("ageing", name) for name in ("band", "code")),
]


@pytest.mark.parametrize(("table", "name"), COLLISIONS)
def test_tables_of_their_own_take_the_same_names(table: str, name: str) -> None:
    found, same = TABLES[table](study(name), by=[name]), TABLES[table](study("plain"), by=["plain"])
    shown = f"{name}_group" if name in same else name
    assert list(found).count(shown) == 1
    pd.testing.assert_frame_equal(found.rename(columns={shown: "plain"}), same)
    if table == "ageing":
        assert cx.support.ticket_ageing(study(name), by=name).by == (shown,)


@pytest.mark.parametrize("metric", ["active_customers", "adoption_rate", *RETURNS])
def test_customers_are_no_groups_of_themselves(metric: str) -> None:
    with pytest.raises(cx.errors.ArgumentError, match="cannot be grouped by customer_id"):
        cx.metric_table(study("plain"), metric, by="customer_id")


def test_the_metrics_own_column_comes_first() -> None:
    found = cx.metric_table(study("plain"), "nps", by="instrument")
    assert found["instrument"].tolist() == ["nps"]
    assert found["value"].item() == pytest.approx(cx.metric_table(study("plain"), "nps")["value"].item())


@pytest.mark.parametrize(
    ("name", "shown"), [("level", "level_group"), ("group", "group_group"), ("who", "who")]
)
def test_scorecard_contrasts_and_pictures(name: str, shown: str) -> None:
    import matplotlib.pyplot as plt

    chosen: dict[str, Any] = {"every": "month", "metrics": ["nps", "mrr", "tickets"]}
    card, same = (
        cx.scorecard(study(name), by=name, **chosen),
        cx.scorecard(study("plain"), by="plain", **chosen),
    )
    assert card.by == (shown,)
    pd.testing.assert_frame_equal(card.table.rename(columns={shown: "plain"}), same.table)
    pd.testing.assert_frame_equal(card.changes, same.changes.rename(columns={"plain": shown}))
    pd.testing.assert_frame_equal(card.rest, same.rest.rename(columns={"plain": shown}))
    assert str(card).replace(shown, "plain") == str(same)
    assert card.groups[shown].tolist() == same.groups["plain"].tolist()
    plt.close(cx.plot(card, kind="groups").figure)
    rest = cx.metric_contrasts(study(name), "nps", by=name, against="rest")
    other = cx.metric_contrasts(study("plain"), "nps", by="plain", against="rest")
    assert rest["difference"].tolist() == other["difference"].tolist()
    mix = cx.survey.score_breakdown(study(name), "nps", by=name)
    pd.testing.assert_frame_equal(
        mix.table, cx.survey.score_breakdown(study("plain"), "nps", by="plain").table
    )


def test_two_columns_that_would_share_a_name_are_refused() -> None:
    frame = pd.DataFrame({"score": [9] * 20, "level": ["a"] * 20, "level_group": ["b"] * 20})
    with pytest.raises(cx.errors.ArgumentError, match="'level' would be called 'level_group'"):
        cx.metric_table(frame, "nps", by="level")
    assert cx.metric_table(frame, "nps", by="level_group")["level_group"].tolist() == ["b"]
    cell = cx.metric_table(frame.rename(columns={"level": "_cell"}), "nps", by="_cell")
    assert cell["_cell"].tolist() == ["a"] and cell["n"].tolist() == [20]
    assert not SHOWN & INSIDE
