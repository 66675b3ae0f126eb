"""One metric by name is one number: what thirteen functions answered before, and what the table has."""

import json
import math
import warnings
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import cxresearch as cx

#: Numbers that the functions of one metric each gave before `cx.metric` replaced them, computed once.
BEFORE = json.loads((Path(__file__).parent / "one_number_before.json").read_text(encoding="utf-8"))


@cache
def study() -> cx.Study:
    return cx.synthetic.synthetic_study(**BEFORE["study"])


@pytest.mark.parametrize("case", BEFORE["cases"], ids=lambda case: case["metric"])
def test_one_number_is_what_the_functions_of_before_gave(case: dict[str, Any]) -> None:
    asked = {name: case[name] for name in ("period", "every", "level", "options", "by") if name in case}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", cx.CxWarning)  # a large account
        found = cx.metric(study(), case["metric"], **asked)
    estimate = found[case["group"]] if "by" in case else found
    for name, wanted in case["expected"].items():
        number = getattr(estimate, name)
        if wanted is None:
            assert math.isnan(number), name
        else:
            assert number == pytest.approx(wanted, rel=1e-12, abs=1e-12), name


def test_every_metric_is_the_only_row_of_its_table() -> None:
    from cxresearch.metrics.tables.registry import metrics_of

    for name, metric in metrics_of(study()).items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", cx.CxWarning)
            estimate = cx.metric(study(), name)
        row = cx.metric_table(study(), name).iloc[0]
        assert (estimate.name, str(estimate.unit)) == (metric.label, row["unit"])
        assert estimate.n == row["n"]
        assert estimate.value == pytest.approx(row["value"], nan_ok=True)


def test_a_group_too_small_to_show_has_no_value_and_says_why() -> None:
    frame = pd.DataFrame({"score": [10] * 40 + [5] * 3, "team": ["a"] * 40 + ["b"] * 3})
    teams = cx.metric(frame, "nps", by="team")
    assert math.isnan(teams["b"].value) and teams["b"].note == "too few answers to show"
    assert math.isnan(teams["a"].value) and "protect" in teams["a"].note
    crossed = cx.metric(frame.assign(land="x"), "NPS", by=["team", "land"])
    assert set(crossed) == {("a", "x"), ("b", "x")}


def test_the_last_period_is_the_last_complete_one() -> None:
    last = cx.metric(study(), "net_revenue_retention", period="last", every="quarter")
    table = cx.metric_table(study(), "net_revenue_retention", every="quarter")
    assert last.value == table["value"].dropna().iloc[-1]
    with pytest.raises(cx.errors.ArgumentError, match="no data cut"):
        cx.metric(
            pd.DataFrame({"score": [9], "responded_at": pd.Timestamp("2024-01-01")}), "nps", period="last"
        )


def test_a_period_without_data_is_refused_with_those_there_are() -> None:
    with pytest.raises(cx.errors.ArgumentError, match="nothing in 2030-01; wanted a month from"):
        cx.metric(study(), "net_revenue_retention", period="2030-01")


def test_names_forgive_case_and_mistyped_ones_are_guessed() -> None:
    assert cx.metric(study(), "Net Revenue Retention") == cx.metric(study(), "net_revenue_retention")
    with pytest.raises(cx.errors.ArgumentError, match="perhaps you meant 'reopen_rate'"):
        cx.metric(study(), "reopen_rat")


def test_an_option_belongs_to_its_metric() -> None:
    with pytest.raises(cx.errors.ArgumentError, match="'target_hours' of 'nps' is unknown"):
        cx.metric(study(), "nps", options={"target_hours": 4})
    with pytest.raises(cx.errors.ArgumentError, match="perhaps you meant 'target_hours'"):
        cx.metric(study(), "sla_attainment", options={"target_hour": 4})


def test_boxes_are_named_by_what_they_count() -> None:
    scores = [1, 2, 3, 4, 5, 6, 7, 7] * 20
    frame = pd.DataFrame({"score": scores, "customer_id": [f"c{i // 2}" for i in range(160)]})
    for boxes, share in ((1, 2 / 8), (2, 3 / 8), (3, 4 / 8), (4, 5 / 8)):
        name = "top_box" if boxes == 1 else f"top_{boxes}_box"
        assert cx.metric(frame, f"ces_{name}").value == pytest.approx(share)
        assert cx.ces(scores, scale=cx.CES2, measure=name).value == pytest.approx(share)
        row = cx.metric_table(frame, f"ces_{name}").iloc[0]
        alone = cx.ces(scores, scale=cx.CES2, measure=name, clusters=frame["customer_id"])
        assert (row["low"], row["high"]) == pytest.approx((alone.low, alone.high))
    with pytest.raises(cx.errors.ArgumentError, match="always 100 %"):
        cx.metric(frame, "ces_top_7_box")


@pytest.mark.parametrize("top", [(3, 4), (1, 2), (5, 3)])
def test_a_box_holds_the_best_answers_only(top: tuple[int, ...]) -> None:
    with pytest.raises(cx.errors.ArgumentError, match="not its best ones"):
        cx.Scale(name="x", label="X", low=1, high=5, direction="high_is_good", top=top)


def customers(spans: list[tuple[str, str | None]], until: str = "2024-04-30") -> cx.Study:
    frame = pd.DataFrame(spans, columns=["started_at", "ended_at"]).apply(pd.to_datetime)
    frame["customer_id"] = [f"c{i}" for i in range(len(frame))]
    frame["plan"] = ["basic", "pro"] * (len(frame) // 2)
    return cx.Study.from_frames({"customers": frame}, observed_until=until, instruments={}, segments=["plan"])


class TestChurnWithoutRevenue:
    """Forty customers since January; of the even ones (basic) two leave in February, one in March."""

    spans = [("2024-01-05", None)] * 40
    spans[0] = spans[2] = ("2024-01-05", "2024-02-10")
    spans[4] = ("2024-01-05", "2024-03-01")
    spans[6] = ("2024-03-04", "2024-03-20")  # joined and left within a month: in neither count
    spans[8] = ("2024-01-05", "2024-06-01")  # after the data cut: still there

    def test_by_month_from_the_two_dates_alone(self) -> None:
        table = cx.metric_table(customers(self.spans), "customer_churn", every="month")
        assert table["period"].dt.strftime("%Y-%m").tolist() == ["2024-02", "2024-03", "2024-04"]
        assert table["n"].tolist() == [39, 37, 36]
        assert table["value"].tolist() == pytest.approx([2 / 39, 1 / 37, 0.0])

    def test_by_any_segment_and_period(self) -> None:
        plans = cx.metric(customers(self.spans), "customer_churn", by="plan", period="2024-02")
        assert (plans["basic"].n, plans["pro"].n) == (19, 20)
        assert plans["basic"].value == pytest.approx(2 / 19) and plans["pro"].value == 0
        assert cx.metric(customers(self.spans), "customer_churn").n == 36  # the last complete month
        quarter = cx.metric(
            customers(self.spans, "2024-06-30"), "customer_churn", period="2024-05", every="quarter"
        )
        assert (quarter.n, quarter.value) == (36, pytest.approx(1 / 36))

    def test_a_running_month_has_no_value(self) -> None:
        running = cx.metric(customers(self.spans, "2024-03-15"), "customer_churn", period="2024-03")
        assert math.isnan(running.value) and "had not ended" in running.note
        assert running.n_missing == 37

    def test_groups_against_the_rest_and_over_all_add_up(self) -> None:
        data = customers(self.spans)
        card = cx.scorecard(data, by="plan")
        assert card.judged("customer_churn") == pd.Timestamp("2024-04-01")
        whole = card.overall.set_index("period")["n"].tolist()
        assert whole == card.table.groupby("period")["n"].sum().tolist()
        rest = cx.metric_contrasts(data, "customer_churn", by="plan", against="rest", every="month")
        february = rest[rest["period"] == "2024-02-01"].set_index("plan")
        assert february.loc["basic", "value_against"] == 0
        assert february.loc["basic", "n_against"] == 20
