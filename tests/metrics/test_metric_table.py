"""Survey metrics by group and period: every engine the same numbers, equal to the plain functions."""

from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import cxresearch as cx
from cxresearch.errors import DataError
from cxresearch.metrics.base.example_study import example_study
from cxresearch.metrics.survey.score_measures import measures_for
from cxresearch.metrics.tables.suppression import flag_and_suppress

N = 3000


def answers_frame(n: int = N, seed: int = 4, *, people: int = 700) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    score = rng.choice(11, size=n, p=[0.02, 0.01, 0.01, 0.01, 0.01, 0.03, 0.03, 0.09, 0.22, 0.22, 0.35])
    frame = pd.DataFrame(
        {
            "customer_id": [f"c{i}" for i in rng.integers(0, people, n)],
            "score": np.where(rng.random(n) < 0.1, np.nan, score),
            "responded_at": pd.Timestamp("2024-01-01")
            + pd.to_timedelta(rng.integers(0, 366 * 86400, n), unit="s"),
            "team": rng.choice(["north", "south", "west"], n, p=[0.6, 0.39, 0.01]),
            "weight": rng.uniform(0.5, 2, n).round(3),
        }
    )
    frame["responded_at"] = frame["responded_at"].astype("datetime64[us]")
    return frame


def as_engine(engine: str, frame: pd.DataFrame) -> Any:
    if engine == "polars":
        return pl.from_pandas(frame)
    if engine == "polars lazy":
        return pl.from_pandas(frame).lazy()
    if engine == "pyarrow":
        return pa.Table.from_pandas(frame, preserve_index=False)
    if engine == "duckdb":
        return duckdb.connect().from_df(frame)
    return frame


ENGINES = ["pandas", "polars", "polars lazy", "pyarrow", "duckdb"]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("options", [{}, {"clusters": None}, {"clusters": None, "weights": "weight"}])
def test_every_engine_equals_the_plain_function(engine: str, options: dict[str, Any]) -> None:
    frame = answers_frame()
    found = cx.metric_table(as_engine(engine, frame), "nps", by="team", every="quarter", **options)
    assert list(found["team"].unique()) == ["north", "south", "west"]
    quarter = frame["responded_at"].dt.to_period("Q").dt.start_time
    for row in found[~found["suppressed"]].itertuples():
        cell = frame[(frame["team"] == row.team) & (quarter == row.period)]
        design: dict[str, Any] = {} if "clusters" in options else {"clusters": cell["customer_id"]}
        if "weights" in options:
            design["weights"] = cell["weight"]
        plain = cx.nps(cell["score"], **design)
        assert (row.n, row.n_missing) == (plain.n, plain.n_missing)
        assert (row.value, row.low, row.high, row.se) == pytest.approx(
            (plain.value, plain.low, plain.high, plain.se), abs=1e-8
        )


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("clusters", ["auto", None])
def test_answers_of_weight_zero_say_nothing(engine: str, clusters: str | None) -> None:
    frame = answers_frame()
    frame["weight"] = frame["weight"].where(frame["customer_id"] < "c4", 0.0)
    dropped = frame[(frame["weight"] > 0) | frame["score"].isna()]
    one, two = (
        cx.metric_table(as_engine(engine, rows), "nps", by="team", weights="weight", clusters=clusters)
        for rows in (frame, dropped)
    )
    pd.testing.assert_frame_equal(one, two, rtol=1e-12)
    assert one["n"].sum() == ((frame["weight"] > 0) & frame["score"].notna()).sum()


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("wrong", [-1.0, None])
def test_one_wrong_weight_among_many_is_refused(engine: str, wrong: float | None) -> None:
    frame = answers_frame()
    frame["weight"] = frame["weight"].where(frame.index != 7, wrong)
    with pytest.raises(DataError, match="weight"):
        cx.metric_table(as_engine(engine, frame), "nps", by="team", weights="weight")


@pytest.mark.spark
def test_spark_gives_the_same_numbers() -> None:
    spark_sql = pytest.importorskip("pyspark.sql")
    builder = spark_sql.SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
    builder = builder.config("spark.sql.shuffle.partitions", "2")
    try:
        spark = builder.config("spark.sql.session.timeZone", "UTC").getOrCreate()
    except Exception as error:  # no Java on this machine
        pytest.skip(f"Spark does not start: {error}")
    frame = answers_frame()
    try:
        native = spark.createDataFrame(frame)
        for options in ({}, {"clusters": None}):
            there = cx.metric_table(native, "nps", by="team", every="quarter", **options)
            here = cx.metric_table(frame, "nps", by="team", every="quarter", **options)
            pd.testing.assert_frame_equal(there, here, check_dtype=False, rtol=1e-12)
    finally:
        spark.stop()


@pytest.mark.parametrize("engine", ENGINES)
def test_no_groups_and_no_period(engine: str) -> None:
    frame = answers_frame()
    found = cx.metric_table(as_engine(engine, frame), "nps", clusters=None)
    plain = cx.nps(frame["score"])
    assert len(found) == 1
    assert found.loc[0, ["value", "low", "high"]].tolist() == pytest.approx(
        [plain.value, plain.low, plain.high]
    )
    assert found.columns[0] == "metric" and "period" not in found


def test_row_order_is_irrelevant() -> None:
    frame = answers_frame()
    mixed = frame.sample(frac=1, random_state=1)
    one, two = (cx.metric_table(f, "nps", by="team", every="month") for f in (frame, mixed))
    pd.testing.assert_frame_equal(one, two, rtol=1e-12)


def test_wrong_answers_are_refused_in_the_same_pass() -> None:
    frame = answers_frame().assign(score=lambda f: f["score"].where(f.index != 7, 11.0))
    with pytest.raises(cx.errors.DataError, match="1 answers to 'nps' are not on its scale, the first 11"):
        cx.metric_table(frame, "nps", by="team")
    with pytest.raises(cx.errors.ArgumentError, match="no column 'score'"):
        cx.metric_table(frame.rename(columns={"score": "q1"}), "nps")
    with pytest.raises(cx.errors.ArgumentError, match="group column 'tema' is in neither"):
        cx.metric_table(frame, "nps", by="tema")
    with pytest.raises(cx.errors.ArgumentError, match="metric 'npx'"):
        cx.metric_table(frame, "npx")
    with pytest.raises(cx.errors.ArgumentError, match="every is 'fortnight'"):
        cx.metric_table(frame, "nps", every="fortnight")  # type: ignore[arg-type]
    with pytest.raises(cx.errors.ArgumentError, match="different columns"):
        cx.metric_table(frame, "nps", by=["team", "team"])


def test_missing_groups_are_kept() -> None:
    frame = answers_frame()
    frame.loc[:99, "team"] = None
    found = cx.metric_table(frame, "nps", by="team", clusters=None)
    assert found["n"].sum() + found["n_missing"].sum() == N
    assert found["team"].isna().sum() == 1
    linked = cx.metric_table(frame, "nps", by="team")
    assert linked[linked["team"].isna()]["se"].notna().all()


def test_csat_and_ces_measures() -> None:
    scores = [1] * 4 + [2] * 5 + [3] * 11 + [4] * 38 + [5] * 42
    frame = pd.DataFrame({"score": scores})
    for metric, plain in (
        ("csat", cx.csat(scores)),
        ("csat_top_2_box", cx.csat(scores, measure="top_2_box")),
        ("csat_top_box", cx.csat(scores, measure="top_box")),
        ("ces", cx.ces(scores, scale=cx.CES2)),
        ("ces_top_2_box", cx.ces(scores, scale=cx.CES2, measure="top_2_box")),
    ):
        found = cx.metric_table(frame, metric).iloc[0]
        assert (found["value"], found["low"], found["high"]) == pytest.approx(
            (plain.value, plain.low, plain.high), abs=1e-9
        )
        assert found["unit"] == str(plain.unit)


def test_a_question_is_an_nps_only_if_declared() -> None:
    likely = cx.Scale(name="likely", label="Likely to renew", low=0, high=10, direction="high_is_good")
    assert measures_for(likely) == ("mean", "top_2_box", "top_box")
    assert measures_for(cx.NPS) == ("nps",)


def test_a_question_of_two_answers_has_one_box() -> None:
    goal = cx.Scale(name="goal", label="Goal reached", low=0, high=1, direction="high_is_good")
    assert measures_for(goal) == ("mean", "top_box")
    frame = pd.DataFrame({"customer_id": [f"c{i}" for i in range(40)], "score": [1.0] * 30 + [0.0] * 10})
    frame["instrument"], frame["responded_at"] = "goal", "2024-01-10"
    study = cx.Study.from_frames(
        {"responses": frame}, observed_until="2024-02-01", instruments={"goal": goal}
    )
    assert cx.metric_table(study, "goal_top_box")["value"].tolist() == [0.75]
    assert list(cx.scorecard(study).labels) == ["goal", "goal_top_box"]
    with pytest.raises(cx.errors.ArgumentError, match="always 100 %"):
        cx.csat([1, 0, 1], scale=goal, measure="top_2_box")


@pytest.mark.parametrize(
    ("metric", "options", "message"),
    [
        ("sla_attainment", {"targt_hours": 4}, "unknown; wanted one of 'target_hours', 'sla_of', 'hours'"),
        ("sla_attainment", {"target_hours": "a"}, "option 'target_hours' is 'a'"),
        ("sla_attainment", {"target_hours": 0}, "option 'target_hours' is 0"),
        ("sla_attainment", {"hours": 8}, "option 'hours' is 8; wanted BusinessHours"),
        ("sla_attainment", {"sla_of": "reply"}, "'reply'; wanted one of first_reply, resolution, wait"),
        ("adoption_rate", {"within_days": -1}, "option 'within_days' is -1"),
        ("adoption_rate", {"feature": 3}, "option 'feature' is 3"),
        ("mrr", {"profile": 5}, "option 'profile' is 5"),
        ("mrr", {"profile": "strip"}, "'strip'"),
        ("mrr", {"rates": 1.1}, "option 'rates' is a float"),
        ("tickets", {"profile": "stripe"}, "'profile' of 'tickets' is unknown; wanted no options"),
        ("mrr", "profile", "options is 'profile'"),
    ],
)
def test_unknown_options_are_refused(metric: str, options: Any, message: str) -> None:
    data = example_study()
    for ask in (cx.metric_table, cx.metric):
        with pytest.raises(cx.errors.ArgumentError, match=message):
            ask(data, metric, options=options)  # type: ignore[operator]
    with pytest.raises(cx.errors.ArgumentError, match=message.replace(f" of '{metric}'", "")):
        cx.scorecard(data, metrics=metric, options=options)
    good = {"target_hours": 24, "hours": None}
    assert cx.metric_table(data, "sla_attainment", options=good)["n"].tolist() == [5]


def test_one_metric_may_be_named_alone() -> None:
    card = cx.scorecard(study_of(answers_frame(300)), every="quarter", metrics="nps")
    assert list(card.labels) == ["nps"]
    with pytest.raises(cx.errors.ArgumentError, match="adjust is 'bonferroni'"):
        cx.scorecard(study_of(answers_frame(50)), adjust="bonferroni")  # type: ignore[arg-type]


def study_of(frame: pd.DataFrame, **columns: Any) -> cx.Study:
    people = pd.DataFrame({"customer_id": frame["customer_id"].unique()})
    people["started_at"] = pd.Timestamp("2023-01-01")
    people["segment"] = np.where(people.index % 4 == 0, "smb", "enterprise")
    responses = frame.drop(columns="team").assign(instrument="nps", channel=frame["team"], **columns)
    responses = responses[responses["score"].notna()] if "sent_at" not in columns else responses
    return cx.Study.from_frames(
        {"customers": people, "responses": responses},
        observed_until="2024-12-31",
        instruments={"nps": cx.NPS},
        on_reject="set_aside",
    )


def test_segments_of_customers_are_joined() -> None:
    frame = answers_frame()
    study = study_of(frame)
    found = cx.metric_table(study, "nps", by="segment", clusters=None).set_index("segment")
    ids = frame["customer_id"].unique()
    smb = set(ids[::4])
    plain = cx.nps(frame.loc[frame["customer_id"].isin(smb), "score"].dropna())
    assert found.loc["smb", "value"] == pytest.approx(plain.value)
    crossed = cx.metric_table(study, "nps", by=["segment", "channel"], every="quarter")
    assert crossed["n"].sum() == frame["score"].notna().sum()


def test_periods_follow_the_time_zone() -> None:
    frame = pd.DataFrame({"score": [10, 0], "responded_at": pd.to_datetime(["2024-01-31 23:30"] * 2)})
    assert cx.metric_table(frame, "nps", every="month")["period"].tolist() == [pd.Timestamp("2024-01-01")]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("every", ["day", "week", "month"])
def test_moments_with_a_time_zone_are_cut_in_utc(engine: str, every: Any) -> None:
    frame = answers_frame(400)
    aware = frame.assign(responded_at=frame["responded_at"].dt.tz_localize("UTC").dt.tz_convert("Asia/Tokyo"))
    there = cx.metric_table(as_engine(engine, aware), "nps", every=every, clusters=None)
    pd.testing.assert_frame_equal(there, cx.metric_table(frame, "nps", every=every, clusters=None))


@pytest.mark.parametrize("every", ["day", "week", "month", "quarter", "year"])
def test_arrow_types_of_pandas(every: Any) -> None:
    frame = answers_frame(400)
    there = cx.metric_table(frame.convert_dtypes(dtype_backend="pyarrow"), "nps", by="team", every=every)
    here = cx.metric_table(frame, "nps", by="team", every=every)
    pd.testing.assert_frame_equal(there, here, check_dtype=False)


def test_suppression() -> None:
    cells = pd.DataFrame(
        {"team": ["a", "a", "b", "b", "c", "c"], "period": [1, 2] * 3, "n": [3, 50, 40, 60, 70, 80]}
    ).assign(value=1.0, low=0.0, high=2.0, se=0.1)
    found = flag_and_suppress(cells, ["team", "period"])
    hidden = found[found["suppressed"]]
    assert found.loc[0, "suppressed"]
    for key in ("team", "period"):  # no line is left with a single hidden cell
        assert (hidden.groupby(key).size() >= 2).all()
    assert hidden["value"].isna().all() and found["value"].notna().sum() == 2
    assert found["small_base"].tolist() == [True, False, False, False, False, False]
    quiet = flag_and_suppress(cells.assign(n=[30] * 6), ["team", "period"])
    assert not quiet["suppressed"].any()


def test_hidden_cells_together_hide_enough() -> None:
    cells = pd.DataFrame({"team": list("abcd"), "n": [1, 2, 9, 100]}).assign(value=1.0)
    found = flag_and_suppress(cells, ["team"])
    assert found["suppressed"].tolist() == [True, True, True, False]


def test_equal_cells_hide_the_same_one_in_any_order() -> None:
    cells = pd.DataFrame({"team": list("cbda"), "n": [9, 9, 2, 50]}).assign(value=1.0)
    for order in ([0, 1, 2, 3], [1, 3, 0, 2], [3, 2, 1, 0]):
        for kind in (str, "category", "object"):
            found = flag_and_suppress(cells.iloc[order].astype({"team": kind}), ["team"])
            assert set(found.loc[found["suppressed"], "team"]) == {"b", "d"}
    backwards = cells.assign(team=pd.Categorical(cells["team"], categories=list("dcba"), ordered=True))
    found = flag_and_suppress(backwards.sort_values("team"), ["team"])
    assert set(found.loc[found["suppressed"], "team"].astype(str)) == {"b", "d"}


def test_what_a_period_hides_hides_nothing_in_another() -> None:
    days = pd.to_datetime(["2024-01-05", "2024-02-05"])
    sizes = {("a", 0): 50, ("b", 0): 40, ("a", 1): 50, ("b", 1): 40, ("c", 1): 3}
    rows = [(team, days[month]) for (team, month), n in sizes.items() for _ in range(n)]
    frame = pd.DataFrame(rows, columns=["team", "responded_at"]).assign(score=9)
    found = cx.metric_table(frame, "nps", by="team", every="month").set_index(["team", "period"])
    assert set(found.index[found["suppressed"]]) == {
        ("b", days[1].replace(day=1)),
        ("c", days[1].replace(day=1)),
    }
    months = cx.metric_table(frame[frame["team"] != "c"].iloc[:93], "nps", every="month")
    assert months["n"].tolist() == [90, 3] and months["suppressed"].tolist() == [False, True]


def recoverable(card: cx.study.Scorecard) -> list[str]:
    """Hidden cells that follow exactly from all the totals a scorecard without periods prints."""
    table, by = card.table.reset_index(drop=True), list(card.by)
    names = table[by].agg(", ".join, axis=1)
    shown = table.index[~table["suppressed"]]
    known = [np.eye(len(table))[shown], np.ones((1, len(table)))]
    for row in card.rest[~card.rest["suppressed"]].to_dict("records"):
        own = table[names == row["group"]].iloc[0]
        line = (table[by[1:]] == own[by[1:]]).all(axis=1) & (table[by[0]] != own[by[0]])
        known.append(line.to_numpy(float)[None, :])
    printed = np.concatenate(known)
    rank = np.linalg.matrix_rank(printed)
    cells = {names[i]: np.vstack([printed, np.eye(len(table))[i]]) for i in table.index.difference(shown)}
    return [name for name, both in cells.items() if np.linalg.matrix_rank(both) == rank]


@pytest.mark.parametrize(
    "sizes",
    [
        {("R1", "t1"): 50, ("R2", "t2"): 60, ("R3", "t3"): 3},
        {("R1", "t"): 50, ("R2", "t"): 12, ("R3", "t"): 20, ("R4", "u"): 60, ("R5", "u"): 70, ("R6", "v"): 3},
        {("R1", "t1"): 3, ("R2", "t1"): 30, ("R3", "t1"): 40, ("R1", "t2"): 60, ("R2", "t2"): 70},
    ],
)  # fmt: skip
def test_no_hidden_cell_follows_from_what_a_scorecard_prints(sizes: dict[tuple[str, str], int]) -> None:
    rows = [(*key, f"{key}{i}") for key, n in sizes.items() for i in range(n)]
    people = pd.DataFrame(rows, columns=["region", "team", "customer_id"])
    rng = np.random.default_rng(1)
    answers = people[["customer_id"]].assign(
        score=rng.integers(0, 11, len(people)), instrument="nps", responded_at="2024-01-10"
    )
    study = cx.Study.from_frames(
        {"customers": people.assign(started_at="2023-01-01"), "responses": answers},
        observed_until="2024-02-01",
        instruments={"nps": cx.NPS},
    )
    card = cx.scorecard(study, by=["region", "team"], every=None, metrics=["nps"])
    hidden = card.table[card.table["suppressed"]]
    assert len(hidden) >= 2 and hidden["n"].sum() >= 5 and card.overall["value"].notna().all()
    assert recoverable(card) == []


def test_a_hidden_cell_is_not_a_subtraction_away() -> None:
    frame = answers_frame(people=10_000)
    found = cx.metric_table(frame, "nps", by="team", every="quarter")
    small = found["n"] < 5
    assert small.any() and found.loc[small & (found["n"] > 0), "value"].isna().all()
    for _, line in found.groupby("period"):
        assert line["suppressed"].sum() != 1 or len(line) == 1


@pytest.mark.parametrize("against", ["previous", "rest", "groups"])
def test_contrasts(against: Any) -> None:
    frame = answers_frame()
    frame = frame[frame["team"] != "west"]
    found = cx.metric_contrasts(frame, "nps", by="team", every="quarter", against=against)
    assert found["difference"].to_numpy() == pytest.approx(
        (found["value"] - found["value_against"]).to_numpy()
    )
    excludes = (found["low"] > 0) | (found["high"] < 0)
    assert (excludes == (found["p_value"] < 0.05)).all()
    assert (found["p_adjusted"] >= found["p_value"]).all()
    assert found["adjustment"].eq(f"Holm over {len(found)}").all()
    assert len(found) == {"previous": 6, "rest": 8, "groups": 4}[against]
    assert found["test"].str.contains("Zou").all()


def test_rest_of_two_groups_is_the_other() -> None:
    frame = answers_frame()
    frame = frame[frame["team"] != "west"]
    for clusters in (None, "customer_id"):
        cells = cx.metric_table(frame, "nps", by="team", clusters=clusters).set_index("team")
        assert cells["suppressed"].sum() == 0
    rest = cx.metric_contrasts(frame, "nps", by="team", against="rest").set_index("team")
    assert rest.loc["north", "value_against"] == pytest.approx(rest.loc["south", "value"])
    assert rest.loc["north", "difference"] == pytest.approx(-rest.loc["south", "difference"])
    assert rest.loc["north", "low"] == pytest.approx(-rest.loc["south", "high"])


def test_previous_skips_empty_periods_and_names_what_it_compares() -> None:
    times = pd.to_datetime(["2024-01-05"] * 40 + ["2024-04-05"] * 40)
    frame = pd.DataFrame({"score": [10] * 20 + [5] * 20 + [10] * 40, "responded_at": times})
    found = cx.metric_contrasts(frame, "nps", every="month", against="previous")
    assert found["against"].tolist() == ["2024-01"] and found["difference"].tolist() == [100.0]


def test_contrasts_refuse_what_cannot_be_compared() -> None:
    frame = answers_frame()
    with pytest.raises(cx.errors.ArgumentError, match="no periods"):
        cx.metric_contrasts(frame, "nps", against="previous")
    with pytest.raises(cx.errors.ArgumentError, match="no groups"):
        cx.metric_contrasts(frame, "nps", against="rest")


def test_adjustments_of_r(r_reference: dict[str, Any]) -> None:
    """p.adjust(c(.001, .008, .039, .041, .042, .06, .074, .205, .212, .216)), R 4.2.2."""
    from cxresearch.metrics.tables.contrast_table import adjusted

    p = [0.001, 0.008, 0.039, 0.041, 0.042, 0.06, 0.074, 0.205, 0.212, 0.216]
    table = pd.DataFrame({"p_value": p, "p_adjusted": p})
    values = r_reference["14_props:padjust"]["values"]
    assert adjusted(table, "holm")["p_adjusted"].tolist() == pytest.approx(values["holm"])
    assert adjusted(table, "fdr_bh")["p_adjusted"].tolist() == pytest.approx(values["BH"])


def test_paired_difference_uses_the_people_on_both_sides() -> None:
    rng = np.random.default_rng(2)
    before = rng.integers(5, 11, 300)
    after = np.clip(before + rng.choice([0, 0, 0, 1], 300), 0, 10)
    who = np.arange(300)
    loose = cx.survey.score_difference(after, before)
    paired = cx.survey.score_difference(after, before, clusters=(who, who), labels=("after", "before"))
    assert paired.difference == loose.difference and paired.se < 0.6 * loose.se
    direct = 100 * (((after >= 9) * 1.0 - (after <= 6)) - ((before >= 9) * 1.0 - (before <= 6)))
    assert paired.se == pytest.approx(direct.std(ddof=1) / np.sqrt(300), rel=0.05)
    with pytest.raises(cx.errors.DataError, match="side 'second' has no answers"):
        cx.survey.score_difference([9], [None])


def test_response_rate_and_bounds() -> None:
    frame = answers_frame()
    study = study_of(frame, sent_at=frame["responded_at"] - pd.Timedelta(days=1))
    found = cx.metric_table(study, "nps_response_rate").iloc[0]
    answered = int(frame["score"].notna().sum())
    plain = cx.survey.response_rate(answered, N)
    assert (found["value"], found["low"], found["high"]) == pytest.approx(
        (plain.value, plain.low, plain.high)
    )
    worst = cx.survey.nonresponse_bounds(frame["score"])
    assert worst.low == pytest.approx(cx.nps(frame["score"].fillna(0)).value)
    assert worst.high == pytest.approx(cx.nps(frame["score"].fillna(10)).value)
    silent = cx.survey.nonresponse_bounds(frame["score"].dropna(), sent=N)
    assert (silent.low, silent.high) == pytest.approx((worst.low, worst.high))
    with pytest.raises(cx.errors.ArgumentError, match="sent"):
        cx.survey.nonresponse_bounds([9, 9], sent=1)
    with pytest.raises(cx.errors.ArgumentError, match="answered"):
        cx.survey.response_rate(5, 4)


@pytest.mark.parametrize(
    "wrong", [("1", 3), (1, float("inf")), (1, None), (1.5, 3), (float("nan"), 3), (-1, 3), (True, 3), (4, 3)]
)
def test_a_response_rate_is_of_whole_numbers(wrong: tuple[Any, Any]) -> None:
    with pytest.raises(cx.errors.ArgumentError, match=r"(answered|sent) is"):
        cx.survey.response_rate(*wrong)
    assert cx.survey.response_rate(np.int64(1), 3.0).n == 3  # type: ignore[arg-type]


@pytest.mark.parametrize("sent", [float("nan"), float("inf"), 2.7, "9", -3, 1])
def test_questionnaires_sent_are_a_whole_number(sent: Any) -> None:
    with pytest.raises(cx.errors.ArgumentError, match="sent is"):
        cx.survey.nonresponse_bounds([9, 10], sent=sent)
    assert cx.survey.nonresponse_bounds([9, 10], sent=4.0).n_missing == 2  # type: ignore[arg-type]


def test_an_index_refuses_what_does_not_fit() -> None:
    answers = {"csat": [5, 4, 2, 1, 3, 4], "ces": [7, 6, 3, 2, 5, None]}
    items = {"csat": cx.CSAT, "ces": cx.CES2}
    for wrong, message in (
        ({"clusters": ["a", "b"]}, "lengths differ"),
        ({"clusters": [1, 2, None, 4, 5, 6]}, "missing labels"),
        ({"weights": {"csat": "a", "ces": 1}}, "weight of 'csat' is 'a'"),
        ({"weights": {"csat": float("inf"), "ces": 1}}, "weight of 'csat' is inf"),
        ({"weights": {"csat": 0, "ces": 0}}, "some above"),
    ):
        with pytest.raises(cx.errors.ArgumentError, match=message):
            cx.survey.composite_index(answers, items, **wrong)  # type: ignore[arg-type]
    alone = cx.survey.composite_index(answers, items).estimate
    assert cx.survey.composite_index(answers, items, clusters=list("abcdef")).estimate.value == alone.value


def test_a_hidden_contrast_tells_nothing_and_is_no_test_of_the_family() -> None:
    """x and y hide each other in channel p: there z less the rest would give the rest of the line away."""
    sizes = {("x", "p"): 3, ("x", "q"): 40, ("y", "p"): 30, ("y", "q"): 40, ("z", "p"): 44, ("z", "q"): 50}
    answers = pd.DataFrame(
        [
            (group, channel, 10 if place % 3 else 4)
            for (group, channel), n in sizes.items()
            for place in range(n)
        ],
        columns=["group", "channel", "score"],
    )
    table = cx.metric_contrasts(answers, "nps", against="rest", by=["group", "channel"])
    hidden = table[table["suppressed"]]
    assert (hidden[["group", "channel"]] == ["z", "p"]).all(axis=1).any()
    numbers = ["value", "value_against", "difference", "low", "high", "se", "statistic", "p_value"]
    assert hidden[[*numbers, "p_adjusted"]].isna().all(axis=None)
    assert not table["adjustment"].str.contains(f"over {len(table)}").any()
