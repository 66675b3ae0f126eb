"""Frames of metrics, contrasts and tickets have pictures of their rows, and refuse what they cannot show."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

import cxresearch as cx
from cxresearch.errors import ArgumentError
from cxresearch.headtohead.claims.evidence import VERDICTS


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def study() -> cx.Study:
    return cx.synthetic.company_study(seed=1, customers=600)


def drawn_points(axes: Any) -> list[float]:
    """Where the dots of a dot plot stand."""
    return [float(line.get_xdata()[0]) for line in axes.lines if line.get_marker() == "o"]


def test_dots_stand_at_the_values_and_say_their_n(study: cx.Study) -> None:
    table = cx.metric_table(study, "nps", by="segment")
    axes = cx.plot(table)
    shown = table.loc[~table["suppressed"], "value"].sort_values(ascending=False)
    assert drawn_points(axes) == pytest.approx(list(shown))
    words = " ".join(text.get_text() for text in axes.texts)
    assert all(f"n {n:,}" in words for n in table["n"])


def test_trends_have_a_line_a_group_and_ribbons(study: cx.Study) -> None:
    table = cx.metric_table(study, "nps", by="segment", every="quarter")
    axes = cx.plot(table)
    assert len(axes.lines) == len(axes.collections) == table["segment"].nunique()
    for line, (_, rows) in zip(axes.lines, table.groupby("segment"), strict=True):
        np.testing.assert_array_equal(line.get_ydata(), rows["value"].to_numpy())


def test_panels_are_as_many_as_groups(study: cx.Study) -> None:
    table = cx.metric_table(study, "nps", by=["segment", "term"], every="year")
    axes = cx.plot(table, kind="multiples")
    assert len(axes.figure.axes) == len(table[["segment", "term"]].drop_duplicates())
    with pytest.raises(ArgumentError, match="a figure of their own"):
        cx.plot(table, plt.subplots()[1], kind="multiples")


def test_a_heat_map_writes_every_value_and_leaves_hidden_cells_empty(study: cx.Study) -> None:
    table = cx.metric_table(study, "nps", by="segment", every="quarter")
    # The first group has no first period: its place is still the first.
    table = table.drop(index=table[table["period"] == table["period"].min()].index[0])
    axes = cx.plot(table, kind="heatmap")
    columns = [label.get_text() for label in axes.get_xticklabels()]
    assert columns == sorted(columns) and len(columns) == table["period"].nunique()
    written = [text.get_text() for text in axes.texts if text.get_text()]
    numbers = [word for word in written if word.lstrip("+−0").replace(".", "").isdigit() or word == "0.0"]
    assert len(numbers) >= table["value"].notna().sum()


def test_contrasts_within_noise_are_grey(study: cx.Study) -> None:
    table = cx.metric_contrasts(study, "nps", by="segment", against="groups")
    table["p_adjusted"] = [0.001, 0.9, 0.9]
    axes = cx.plot(table)
    assert drawn_points(axes) == pytest.approx(list(table["difference"]))
    colours = [line.get_color() for line in axes.lines if line.get_marker() == "o"]
    assert colours[0] != colours[1] == colours[2]
    assert axes.get_yticklabels()[0].get_text() == "enterprise, against mid"


def test_tables_of_tickets_are_drawn(study: cx.Study) -> None:
    times = cx.support.ticket_times(study, "resolution", by="segment")
    assert sorted(drawn_points(cx.plot(times))) == pytest.approx(sorted(times["median"]))
    for table in (
        cx.support.ticket_volume(study, every="month"),
        cx.support.resolution_rate(study, every="quarter"),
        cx.support.ticket_times(study, "resolution", every="quarter"),
    ):
        assert len(cx.plot(table).lines) == 1


def test_each_saying_stands_under_its_verdict(study: cx.Study) -> None:
    audit = cx.contest.audit_claims(study)
    axes = cx.plot(audit)
    assert [VERDICTS[int(place)] for place in drawn_points(axes)] == list(audit.table["verdict"])


@pytest.mark.parametrize(
    ("change", "kind", "message"),
    [
        (lambda table: table.rename(columns={"value": "x"}), None, "DataFrame without figures"),
        (lambda table: table.head(0), "dots", "no row to draw"),
        (lambda table: table.assign(metric=["a", "b", "c"]), None, "2 metrics|3 metrics"),
        (lambda table: table, "trend", "no periods"),
        (lambda table: table, "heatmap", "two sides"),
        (lambda table: table, "pie", "dots.*trend.*heatmap.*multiples"),
        (lambda table: pd.concat([table] * 20), "dots", "too many dots"),
    ],
)
def test_what_cannot_be_drawn_is_refused_in_words(
    study: cx.Study, change: Any, kind: str | None, message: str
) -> None:
    table = change(cx.metric_table(study, "nps", by="segment"))
    with pytest.raises(ArgumentError, match=f"(?s){message}"):
        cx.plot(table, kind=kind)


def test_an_unknown_option_is_answered_with_the_kinds() -> None:
    table = cx.metric_table(pd.DataFrame({"score": [10] * 40}), "nps")
    with pytest.raises(ArgumentError, match=r"no option 'style'(?s:.*)kinds are \{\"dots\", \"trend\""):
        cx.plot(table, style="dots")
