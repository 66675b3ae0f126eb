"""Mix and rate of changes of scores and of rates of customers and revenue."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

import cxresearch as cx
from cxresearch.voice.who.change_rows import RATES, span_of


def field_service(seed: int = 1) -> pd.DataFrame:
    """A week in which repair visits go from 20 to 67 % of the answers, both visit types standing still."""
    rng = np.random.default_rng(seed)
    parts = []
    for week, share in (("2024-03-04", 0.20), ("2024-03-11", 0.67)):
        visit = np.where(rng.random(900) < share, "repair", "installation")
        good = np.where(visit == "repair", 0.35, 0.75)
        bad = np.where(visit == "repair", 0.45, 0.08)
        drawn = rng.random(900)
        score = np.where(drawn < good, 10, np.where(drawn > 1 - bad, 3, 8))
        parts.append(
            pd.DataFrame(
                {
                    "customer_id": rng.integers(0, 1_500, 900),
                    "visit": visit,
                    "score": score,
                    "responded_at": pd.Timestamp(week),
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def test_the_week_of_the_repair_visits_reads_mix() -> None:
    change = cx.explain_change(field_service(), "nps", before="2024-W10", after="2024-W11", by="visit")
    assert change.change < -25
    assert change.mix_high < 0
    assert change.rate_low < 0 < change.rate_high
    assert "It is mix" in change.finding


@pytest.mark.parametrize("by", ["visit", ["visit", "customer"]])
def test_the_parts_add_up_to_the_change_of_the_metric(by: str | list[str]) -> None:
    frame = field_service().assign(customer=lambda rows: rows["customer_id"].mod(7).astype(str))
    change = cx.explain_change(frame, "nps", before="2024-03-04", after="2024-03-11", by=by)
    scores = [
        cx.nps(frame.loc[frame["responded_at"] == day, "score"]).value for day in ("2024-03-04", "2024-03-11")
    ]
    assert change.change == pytest.approx(scores[1] - scores[0], abs=1e-9)
    assert (change.table["mix"] + change.table["rate"]).sum() == pytest.approx(change.change, abs=1e-9)
    assert change.mix + change.rate == pytest.approx(change.change, abs=1e-9)


def test_a_country_that_falls_reads_rate(company: SimpleNamespace) -> None:
    change = cx.explain_change(
        company.study(),
        "nps",
        before=("2023-12-01", "2024-03-15"),
        after=("2024-03-15", "2024-12-31"),
        by="country",
    )
    assert "It is rate: the same groups became worse" in change.finding
    assert change.table["group"].iloc[0] == "ES"
    assert change.table["rate_high"].iloc[0] < 0


@pytest.mark.parametrize("metric", RATES)
def test_rates_of_customers_and_revenue_are_those_of_the_metric_table(metric: str) -> None:
    study = cx.synthetic.company_study(seed=1, customers=900)
    change = cx.explain_change(study, metric, before="2024-05", after="2024-06", by="segment")
    monthly = cx.metric_table(study, metric, every="month").set_index("period")["value"]
    assert change.before == pytest.approx(monthly[pd.Timestamp("2024-05-01")], rel=1e-9)
    assert change.after == pytest.approx(monthly[pd.Timestamp("2024-06-01")], rel=1e-9)
    assert change.mix + change.rate == pytest.approx(change.after - change.before, abs=1e-12)
    assert change.table["share_before"].sum() == pytest.approx(1)


def test_churn_without_revenue_counts_customers_who_ended(company: SimpleNamespace) -> None:
    frames = company.frames(customers=600)
    del frames["revenue"]
    change = cx.explain_change(
        company.of(frames), "customer_churn", before="2024-09", after="2024-10", by="country"
    )
    people = frames["customers"]
    assert change.before == 0
    assert change.after == pytest.approx(people["ended_at"].notna().mean(), abs=1e-12)


def test_a_planted_mix_of_churn_is_found() -> None:
    # rates of leaving stand still at 2 and 20 %, while the risky plan grows from a tenth to a half
    rng = np.random.default_rng(5)
    frames = []
    for month, share in (("2024-01", 0.1), ("2024-03", 0.5)):
        n = 3_000
        plan = np.where(rng.random(n) < share, "risky", "safe")
        left = rng.random(n) < np.where(plan == "risky", 0.2, 0.02)
        start = pd.Timestamp(f"{month}-01") - pd.Timedelta(days=10)
        frames.append(
            pd.DataFrame(
                {
                    "customer_id": [f"{month}-{k}" for k in range(n)],
                    "started_at": start,
                    "ended_at": pd.Series(start + pd.Timedelta(days=20), index=range(n)).where(left),
                    "tariff": plan,
                }
            )
        )
    frames[0]["ended_at"] = frames[0]["ended_at"].fillna(pd.Timestamp("2024-02-10"))
    study = cx.Study.from_frames(
        {"customers": pd.concat(frames, ignore_index=True)}, observed_until="2024-05-01", instruments={}
    )
    change = cx.explain_change(study, "customer_churn", before="2024-01", after="2024-03", by="tariff")
    assert change.mix == pytest.approx(0.4 * 0.18, abs=0.02)
    assert "It is mix" in change.finding


def test_tenure_cohort_and_plan_are_groups() -> None:
    study = cx.synthetic.company_study(seed=1, customers=700)
    for by in ("tenure", "cohort", "plan"):
        score = cx.explain_change(study, "nps", before="2023", after="2024", by=by)
        churn = cx.explain_change(study, "customer_churn", before="2024-05", after="2024-06", by=by)
        assert score.mix + score.rate == pytest.approx(score.change, abs=1e-9)
        assert churn.mix + churn.rate == pytest.approx(churn.change, abs=1e-12)


def test_small_groups_are_one_line() -> None:
    frame = field_service()
    frame.loc[:2, "visit"] = ["x", "y", "z"]
    change = cx.explain_change(frame, "nps", before="2024-W10", after="2024-W11", by="visit")
    assert "(small groups)" in set(change.table["group"])
    assert not {"x", "y", "z"} & set(change.table["group"])


def test_one_group_can_only_be_rate() -> None:
    frame = field_service().assign(everyone="all")
    change = cx.explain_change(frame, "nps", before="2024-W10", after="2024-W11", by="everyone")
    assert change.mix == 0
    assert any("no mix" in note for note in change.notes)


def test_the_order_of_rows_is_irrelevant() -> None:
    frame = field_service()
    mixed = frame.sample(frac=1, random_state=1)
    options = {"before": "2024-W10", "after": "2024-W11", "by": "visit"}
    first, second = (cx.explain_change(rows, "nps", **options).table for rows in (frame, mixed))  # type: ignore[arg-type]
    pd.testing.assert_frame_equal(first, second)


@pytest.mark.parametrize(
    ("text", "first", "after"),
    [
        ("2024", "2024-01-01", "2025-01-01"),
        ("2024-Q4", "2024-10-01", "2025-01-01"),
        ("2024-12", "2024-12-01", "2025-01-01"),
        ("2024-W01", "2024-01-01", "2024-01-08"),
        ("2024-02-29", "2024-02-29", "2024-03-01"),
        (("2024-02-01", "2024-02-03"), "2024-02-01", "2024-02-03"),
    ],
)
def test_periods_are_read(text: str, first: str, after: str) -> None:
    assert span_of("before", text, "UTC") == (pd.Timestamp(first), pd.Timestamp(after))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"before": "last week"}, "before is 'last week'"),
        ({"after": "2024-13"}, "after is '2024-13'"),
        ({"before": ("2024-03-04", "2024-03-12")}, "overlap"),
        ({"by": "colour"}, "'colour' is neither"),
        ({"by": ()}, "by names no column"),
        ({"metric": "revenue"}, "metric 'revenue' of a bare frame"),
        ({"after": "2031-W11"}, "nothing to count in the period after"),
    ],
)
def test_what_cannot_be_split_is_refused(arguments: dict[str, object], message: str) -> None:
    options = {"metric": "nps", "before": "2024-W10", "after": "2024-W11", "by": "visit"} | arguments
    with pytest.raises(cx.errors.CxError, match=message):
        cx.explain_change(field_service(), **options)  # type: ignore[arg-type]


def test_the_picture_has_mix_and_rate_of_every_group() -> None:
    change = cx.explain_change(field_service(), "nps", before="2024-W10", after="2024-W11", by="visit")
    axes = cx.plot(change)
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert labels == [*change.table["group"], "all groups"]
    assert axes.get_legend_handles_labels()[1] == ["mix", "rate"]
