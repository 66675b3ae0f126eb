"""Pictures of the bridge, of cohorts and of ticket ageing: what they say, not how they look."""

from __future__ import annotations

from collections.abc import Iterator

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

import cxresearch as cx


@pytest.fixture(autouse=True)
def close() -> Iterator[None]:
    yield
    plt.close("all")


def study() -> cx.Study:
    rows = [(f"c{number}", "2024-01-10", 10.0) for number in range(10)]
    rows += [
        ("c0", "2024-02-10", 0.0),
        ("c1", "2024-02-10", 5.0),
        ("c3", "2024-02-10", 25.0),
        ("n", "2024-02-12", 40.0),
    ]
    frame = pd.DataFrame(rows, columns=["customer_id", "effective_at", "mrr"])
    tickets = pd.DataFrame(
        {
            "ticket_id": list("abcd"),
            "created_at": pd.to_datetime(["2024-03-01", "2024-03-20", "2024-03-30", "2024-03-30"]),
            "resolved_at": pd.to_datetime([None, None, None, "2024-03-31"]),
            "channel": ["chat", "mail", "mail", "mail"],
        }
    )
    frame["effective_at"] = pd.to_datetime(frame["effective_at"])
    return cx.Study.from_frames(
        {"revenue": frame, "tickets": tickets},
        observed_until=pd.Timestamp("2024-03-31"),
        instruments={},
        currency="EUR",
    )


def said(axes: plt.Axes) -> str:
    return "\n".join(text.get_text() for text in axes.texts) + axes.get_title(loc="left") + axes.get_ylabel()


def test_waterfall_bars_end_where_the_ledger_ends() -> None:
    axes = cx.plot(cx.revenue.mrr_bridge(study()), period="2024-02")
    heights = [patch.get_height() for patch in axes.patches]
    assert heights == [100.0, 40.0, 15.0, 0.0, -5.0, -10.0, 140.0]
    last = axes.patches[-2]
    assert last.get_y() + last.get_height() == 140.0
    text = said(axes)
    for part in (
        "+40\n1 customer",
        "\N{MINUS SIGN}10\n1 customer",
        "140\n10 customers",
        "February 2024",
        "EUR",
    ):
        assert part in text
    assert axes.get_xticklabels()[0].get_text() == "Opening"


def test_a_cut_axis_says_so() -> None:
    rows = [(f"c{number}", pd.Timestamp("2024-01-10"), 100.0) for number in range(100)]
    rows += [("c0", pd.Timestamp("2024-02-10"), 0.0)]
    frame = pd.DataFrame(rows, columns=["customer_id", "effective_at", "mrr"])
    big = cx.Study.from_frames({"revenue": frame}, observed_until=pd.Timestamp("2024-03-05"), instruments={})
    axes = cx.plot(cx.revenue.mrr_bridge(big), period="2024-02")
    assert axes.get_ylim()[0] > 0
    assert "the axis begins at" in said(axes)


def test_history_stacks_gains_above_and_losses_below() -> None:
    axes = cx.plot(cx.revenue.mrr_bridge(study()), history=True)
    assert {text.get_text() for text in axes.get_legend().get_texts()} >= {"New", "Churn", "Net change"}
    net = axes.lines[0].get_ydata()
    np.testing.assert_allclose(net, [100.0, 40.0])


@pytest.mark.parametrize("of", ["customers", "revenue"])
def test_incomplete_cells_stay_blank(of: str) -> None:
    result = cx.revenue.cohort_retention(study(), of=of)
    axes = cx.plot(result)
    cells = axes.collections[0].get_array()
    assert np.ma.getmaskarray(cells).tolist() == [[False, False], [False, True]]
    assert len([text for text in axes.texts if text.get_text()]) == 3
    assert "(n 10)" in axes.get_yticklabels()[0].get_text()


def test_ageing_with_and_without_groups() -> None:
    axes = cx.plot(cx.support.ticket_ageing(study()))
    assert [patch.get_height() for patch in axes.patches] == [0, 1, 0, 1, 1]
    assert "3 open tickets" in said(axes)
    axes = cx.plot(cx.support.ticket_ageing(study(), by=["channel"]))
    assert [label.get_text() for label in axes.get_yticklabels()] == ["chat", "mail"]
    assert {text.get_text() for text in axes.texts} == {"1", "2"}
