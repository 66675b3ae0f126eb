"""The planted company is answered: which group, which day, which levels; what cannot be judged is said."""

import json

import numpy as np
import pandas as pd
import pytest

import cxresearch as cx
from cxresearch.errors import ArgumentError, DataError

FELL_ON = pd.Timestamp("2025-03-15")


def answers(day, score, **columns) -> pd.DataFrame:
    moments = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.asarray(day), unit="D")
    return pd.DataFrame({"responded_at": moments, "score": score, **columns})


def constant(seed=1, n=900, days=300) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    score = rng.choice([4.0, 8.0, 10.0], n, p=[0.25, 0.25, 0.5])
    return answers(rng.integers(0, days, n), score, customer_id=[f"c{k}" for k in rng.integers(0, 600, n)])


def test_group_day_and_levels_of_the_planted_company_are_named(planted) -> None:
    found = cx.since_when(planted, "nps", by="country")
    assert len(found.table) == 1
    change = found.table.iloc[0]
    assert (change["country"], change["shape"], change["verdict"]) == ("DE", "step", "worse")
    assert change["since_low"] <= FELL_ON <= change["since_high"]
    assert (change["since_high"] - change["since_low"]).days <= 14
    assert change["before_low"] <= 25 <= change["before_high"]
    assert change["after_low"] <= -26 <= change["after_high"]
    assert change["change_low"] <= -51 <= change["change_high"]
    assert pd.isna(change["until"])
    assert change["p_adjusted"] <= 0.005
    assert found.finding.startswith("Since ")
    assert "customers in DE are unhappy: NPS +2" in found.finding
    assert "price rise on 15 March 2025" in found.finding


def test_all_customers_together_fall_too_but_less(planted) -> None:
    change = cx.since_when(planted, "nps").table.iloc[0]
    assert change["since_low"] <= FELL_ON <= change["since_high"]
    assert -15 < change["change"] < -4


def test_nothing_found_says_how_much_would_have_been_seen() -> None:
    found = cx.since_when(constant(), "nps")
    assert not len(found.table)
    assert found.finding.startswith("No change of NPS found (900 answers, from 1 January 2024 to ")
    assert "would have been seen four times in five" in found.finding
    size = found.groups["visible_middle"].iloc[0]
    assert 12 < size < 35
    assert f"{size:.1f} points" in found.finding


@pytest.mark.parametrize("engine", ["polars", "pyarrow", "duckdb"])
def test_every_engine_gives_the_same_changes(tables, study, planted, engine) -> None:
    frames = tables()
    if engine == "polars":
        native = {name: pytest.importorskip("polars").from_pandas(frame) for name, frame in frames.items()}
    elif engine == "pyarrow":
        native = {
            name: pytest.importorskip("pyarrow").Table.from_pandas(frame) for name, frame in frames.items()
        }
    else:
        import duckdb

        connection = duckdb.connect()
        native = {name: connection.from_df(frame) for name, frame in frames.items()}
    other = cx.since_when(study(native), "nps", by="country", draws=199)
    plain = cx.since_when(planted, "nps", by="country", draws=199)
    pd.testing.assert_frame_equal(other.table, plain.table, check_dtype=False)
    pd.testing.assert_frame_equal(other.groups, plain.groups, check_dtype=False)


def test_sums_by_day_are_those_of_the_metric_table(planted) -> None:
    found = cx.since_when(planted, "nps", by="country", draws=99)
    points = found.trend.assign(total=found.trend["value"] * found.trend["n"])
    sums = points.groupby("group")[["total", "n"]].sum()
    table = cx.metric_table(planted, "nps", by="country")
    np.testing.assert_allclose(sums["total"] / sums["n"], table["value"])
    np.testing.assert_allclose(sums["n"], table["n"])
    assert found.trend["n"].min() >= 5


def test_the_same_seed_gives_the_same_answer_and_row_order_is_irrelevant() -> None:
    frame = constant(2)
    one = cx.since_when(frame, "nps", draws=199)
    two = cx.since_when(frame.sample(frac=1, random_state=1), "nps", draws=199)
    pd.testing.assert_frame_equal(one.groups, two.groups)


def test_days_are_those_of_the_time_zone(tables, study) -> None:
    frames = tables()
    frames["responses"]["responded_at"] = frames["responses"]["responded_at"].dt.normalize() + pd.Timedelta(
        hours=23
    )
    late = cx.since_when(study(frames, timezone="Asia/Tokyo"), "nps", by="country", draws=99)
    plain = cx.since_when(study(frames), "nps", by="country", draws=99)
    shift = late.table["since"] - plain.table["since"]
    assert shift.tolist() == [pd.Timedelta(days=1)]


def test_a_frame_without_customers_takes_answers_as_independent() -> None:
    found = cx.since_when(constant().drop(columns="customer_id"), "nps", draws=99)
    assert "answers of one customer are not linked: taken as independent" in found.notes


def test_many_answers_of_few_customers_are_less_sure_than_of_many() -> None:
    frame = constant(3, n=1200)
    rng = np.random.default_rng(4)
    person = rng.integers(0, 60, 1200)
    taste = np.array([4.0, 10.0])[rng.integers(0, 2, 60)]
    few = frame.assign(customer_id=person.astype(str), score=taste[person])
    many = few.assign(customer_id=[str(k) for k in range(1200)])
    wide = cx.since_when(few, "nps", draws=99).groups["visible_middle"].iloc[0]
    narrow = cx.since_when(many, "nps", draws=99).groups["visible_middle"].iloc[0]
    assert np.isfinite(narrow)
    assert wide != pytest.approx(narrow, rel=0.05)


def test_effort_that_rises_is_worse_where_low_is_good() -> None:
    rng = np.random.default_rng(5)
    day = rng.integers(0, 300, 1500)
    score = np.clip(np.round(rng.normal(np.where(day < 200, 2.0, 3.4), 0.9)), 1, 5)
    frame = answers(day, score, instrument="effort", customer_id=[str(k) for k in range(1500)])
    customers = pd.DataFrame({"customer_id": frame["customer_id"], "started_at": pd.Timestamp("2023-01-01")})
    study = cx.Study.from_frames(
        {"customers": customers, "responses": frame},
        observed_until="2024-12-31",
        instruments={"effort": cx.CES1},
    )
    found = cx.since_when(study, "effort")
    assert found.table["verdict"].tolist() == ["worse"]
    assert "customers are unhappy" in found.finding
    assert cx.since_when(study, "effort_top_2_box").table["verdict"].tolist() == ["worse"]


def test_tickets_a_day_step_up_by_week_and_days_without_tickets_count() -> None:
    rng = np.random.default_rng(6)
    day = np.concatenate([np.repeat(np.arange(560), rng.poisson(np.where(np.arange(560) < 350, 0.4, 1.6)))])
    created = pd.Timestamp("2024-01-01") + pd.to_timedelta(day, unit="D")
    tickets = pd.DataFrame({"ticket_id": [str(k) for k in range(len(day))], "created_at": created})
    study = cx.Study.from_frames({"tickets": tickets}, observed_until="2025-07-13", instruments={})
    found = cx.since_when(study, "tickets")
    change = found.table.iloc[0]
    assert found.every == "week"
    assert change["verdict"] == "higher"
    assert change["since_low"] <= pd.Timestamp("2024-12-16") <= change["since_high"]
    assert change["before"] == pytest.approx(0.4, abs=0.12)
    assert change["after"] == pytest.approx(1.6, abs=0.25)
    assert "Tickets stands higher: 0." in found.finding


@pytest.mark.parametrize(
    "metric",
    ["sla_attainment", "reopen_rate", "customer_churn", "net_revenue_retention", "nps_response_rate", "csat"],
)
def test_every_kind_of_metric_can_be_searched(company, metric) -> None:
    found = cx.since_when(company, metric, draws=99)
    assert found.groups["judged"].all()
    assert found.finding.endswith(".")
    json.dumps(found.to_dict())


def test_any_box_of_a_score_is_a_score(company) -> None:
    for name in ("csat_top_box", "csat_top_2_box", "ces_top_2_box", "ces_top_3_box"):
        found = cx.since_when(company, name, draws=99)
        assert found.every == "day"
        assert found.unit is cx.Unit.SHARE


def test_sums_of_money_and_unknown_names_are_refused(company) -> None:
    with pytest.raises(ArgumentError, match="drifts"):
        cx.since_when(company, "mrr")
    with pytest.raises(ArgumentError, match="not available"):
        cx.since_when(company, "npss")
    with pytest.raises(ArgumentError, match="searched by day"):
        cx.since_when(company, "nps", every="week")
    with pytest.raises(ArgumentError, match="draws"):
        cx.since_when(company, "nps", draws=10)
    with pytest.raises(ArgumentError, match="neither"):
        cx.since_when(company, "nps", by="planet")


def test_impossible_scores_are_refused() -> None:
    with pytest.raises(DataError, match="not on its scale"):
        cx.since_when(constant().assign(score=11.0), "nps")


@pytest.mark.parametrize(
    ("frame", "sentence"),
    [
        (constant().head(0), "there are no answers"),
        (constant().head(59), "only 59 answers"),
        (constant().assign(responded_at=pd.Timestamp("2024-05-05")), "answers of only 1 days"),
        (constant().assign(score=9.0), "all answers are alike"),
        (constant().assign(customer_id="one"), "900 answers of only 1 customers"),
    ],
    ids=["none", "few", "one day", "alike", "one customer"],
)
def test_what_cannot_be_judged_is_a_sentence(frame, sentence) -> None:
    found = cx.since_when(frame, "nps", draws=99)
    assert not len(found.table)
    assert sentence in found.finding
    assert "NPS cannot be searched for a change" in found.finding
    assert found._repr_html_()


def test_small_groups_are_counted_and_left_out(tables, study) -> None:
    frames = tables()
    frames["customers"].loc[:2, "country"] = "LU"
    frames["customers"].loc[3:500, "country"] = None
    found = cx.since_when(study(frames), "nps", by="country", draws=199)
    small = found.groups.set_index("group").loc["country LU"]
    assert not small["judged"]
    assert small["why"].startswith("only ")
    assert found.groups.set_index("group").loc["country missing", "judged"]
    assert any(note.startswith("1 of 8 groups not judged (country LU: only ") for note in found.notes)
    assert found.table["group"].tolist() == ["country DE"]


def test_a_gap_of_months_is_told_and_a_change_in_it_has_its_days() -> None:
    rng = np.random.default_rng(7)
    day = np.concatenate([rng.integers(0, 120, 600), rng.integers(220, 340, 600)])
    score = np.where(rng.random(1200) < np.where(day < 150, 0.3, 0.6), 3.0, 10.0)
    found = cx.since_when(answers(day, score, customer_id=[str(k) for k in range(1200)]), "nps")
    change = found.table.iloc[0]
    assert change["since_low"] <= pd.Timestamp("2024-04-30")
    assert change["since_high"] >= pd.Timestamp("2024-08-08")
    assert any("no answers from 30 April 2024 to" in note for note in found.notes)


def test_a_programme_that_grew_tenfold_is_doubted() -> None:
    rng = np.random.default_rng(8)
    day = np.concatenate([rng.integers(0, 200, 150), rng.integers(200, 300, 1500)])
    score = rng.choice([4.0, 8.0, 10.0], 1650)
    found = cx.since_when(answers(day, score, customer_id=[str(k) for k in range(1650)]), "nps", draws=99)
    assert any(note.startswith("answers a day in the three thirds of the time") for note in found.notes)


def test_duplicates_are_counted_and_make_nothing_surer() -> None:
    frame = constant(9)
    twice = pd.concat([frame, frame], ignore_index=True)
    plain = cx.since_when(frame, "nps", draws=199)
    doubled = cx.since_when(twice, "nps", draws=199)
    more = int(twice.duplicated().sum())
    assert any(note.startswith(f"{more} answers repeat another's") for note in doubled.notes)
    assert doubled.groups["visible_late"].iloc[0] == pytest.approx(
        plain.groups["visible_late"].iloc[0], rel=0.06
    )


def test_a_change_of_most_groups_is_one_of_all(tables, study) -> None:
    rng = np.random.default_rng(10)
    frames = tables()
    fell = frames["responses"]["responded_at"] >= FELL_ON
    hit = fell & (rng.random(len(fell)) < 0.5)
    frames["responses"].loc[hit, "score"] = 2.0
    found = cx.since_when(study(frames), "nps", by="country", draws=199)
    assert any("6 of 6 groups changed in these days" in note for note in found.notes)


def test_a_change_that_ended_says_until_when() -> None:
    rng = np.random.default_rng(11)
    day = rng.integers(0, 600, 5000)
    low = (day >= 200) & (day < 400)
    score = np.where(rng.random(5000) < np.where(low, 0.5, 0.2), 3.0, 10.0)
    found = cx.since_when(answers(day, score, customer_id=[str(k) for k in range(5000)]), "nps")
    assert len(found.table) == 2
    standing, over = found.table.to_dict("records")
    assert pd.isna(standing["until"])
    assert over["until"] == standing["since"]
    assert standing["verdict"] == "better"
    assert found.sentences[1].startswith("From ")
    assert "1 more change found." in found.finding


def test_names_of_groups_are_escaped(tables, study) -> None:
    frames = tables()
    frames["customers"]["country"] = frames["customers"]["country"].replace("DE", "<script>alert(1)</script>")
    found = cx.since_when(study(frames), "nps", by="country", draws=99)
    assert len(found.table) == 1
    assert "<script>" not in found._repr_html_()


def test_group_columns_may_have_any_name(tables, study) -> None:
    frames = tables()
    for name in ("period", "score", "who", "answers_in_all"):
        renamed = {**frames, "customers": frames["customers"].rename(columns={"country": name})}
        if name == "score":
            continue  # responses have a column of that name
        found = cx.since_when(study(renamed), "nps", by=name, draws=99)
        assert found.table[name].tolist() == ["DE"]
        assert found.table["group"].tolist() == [f"{name} DE"]


def test_the_picture_shows_trend_days_and_event(planted) -> None:
    found = cx.since_when(planted, "nps", by="country", draws=99)
    ax = cx.plot(found)
    assert ax.get_title(loc="left") == "NPS, country DE"
    assert ax.get_ylabel() == "NPS"
    assert any(text.get_text() == "price rise" for text in ax.texts)
    assert any("95 %" in text.get_text() for text in ax.texts)
    other = cx.plot(found, group="country FR")
    assert other.get_title(loc="left") == "NPS, country FR"


def test_the_table_is_written_with_units(company, planted) -> None:
    found = cx.since_when(planted, "nps", by="country", draws=99)
    spec = found.spec()
    assert spec["change"].unit is cx.Unit.POINTS
    assert "worse" in found._repr_html_()
    share = cx.since_when(company, "sla_attainment", draws=99)
    assert share.spec("groups")["visible_middle"].unit is cx.Unit.SHARE_DIFFERENCE
