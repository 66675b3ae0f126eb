"""The search for unhappy groups on studies and frames: truth, contributions, bad input, engines."""

from pathlib import Path
from types import SimpleNamespace

import duckdb
import numpy as np
import pandas as pd
import pytest

import cxresearch as cx
from cxresearch.voice.who import answer_cells
from cxresearch.voice.who.group_search import GroupSearch


def answers(rng: np.random.Generator, n: int = 900, **columns: object) -> pd.DataFrame:
    frame = {"customer_id": np.arange(n), "score": rng.choice([3, 8, 10], n, p=[0.2, 0.3, 0.5])}
    return pd.DataFrame(frame | columns)


@pytest.fixture(scope="module")
def found(company: SimpleNamespace) -> GroupSearch:
    return cx.who(company.study())


def test_the_group_that_fell_is_named_first(found: GroupSearch) -> None:
    assert found.unhappy["group"].iloc[0] == "country ES"
    assert found.finding.startswith("Unhappiest: country ES")


def test_the_truth_of_the_named_group_lies_in_its_interval(
    found: GroupSearch, company: SimpleNamespace
) -> None:
    # expected scores of both sides, from many more customers drawn the same way
    frames = company.frames(seed=99, customers=200_000)
    responses = frames["responses"].merge(frames["customers"][["customer_id", "country"]])
    values = np.select([responses["score"] >= 9, responses["score"] <= 6], [100.0, -100.0], 0.0)
    spanish = responses["country"] == "ES"
    truth = values[spanish].mean() - values[~spanish].mean()
    row = found.table.iloc[0]
    assert row["low"] < truth < row["high"]


def test_contributions_add_up_to_the_score_in_every_column(found: GroupSearch) -> None:
    sums = found.by_column.groupby("column")["contribution"].sum()
    assert set(sums.index) == {"country", "industry", "channel", "tenure", "cohort", "plan"}
    np.testing.assert_allclose(sums, found.score, rtol=1e-12)


def test_the_score_is_that_of_the_metric_table(found: GroupSearch, company: SimpleNamespace) -> None:
    table = cx.metric_table(company.study(), "nps", by="country")
    assert found.score == pytest.approx(cx.metric_table(company.study(), "nps")["value"].iloc[0])
    by_country = found.by_column[found.by_column["column"] == "country"].set_index("level")["score"]
    for country, value in zip(table["country"], table["value"], strict=True):
        assert by_country[country] == pytest.approx(value)


def test_pull_is_the_score_less_the_score_without_the_group(
    found: GroupSearch, company: SimpleNamespace
) -> None:
    responses = company.frames()["responses"].merge(company.frames()["customers"][["customer_id", "country"]])
    others = cx.nps(responses.loc[responses["country"] != "ES", "score"]).value
    level = found.by_column.query("column == 'country' and level == 'ES'").iloc[0]
    assert level["pull"] == pytest.approx(found.score - others)


def test_an_outcome_is_a_note_and_not_a_group(found: GroupSearch) -> None:
    assert "life" not in set(found.by_column["column"])
    assert any("life (its levels tell who has left: an outcome)" in note for note in found.notes)


def test_unhappy_customers_and_revenue_of_the_named_group(
    found: GroupSearch, company: SimpleNamespace
) -> None:
    frames = company.frames()
    last = frames["responses"].sort_values("responded_at").groupby("customer_id").last().reset_index()
    here = frames["customers"][frames["customers"]["ended_at"].isna()]
    last = last.merge(here[["customer_id", "country"]])
    last = last.merge(frames["revenue"][["customer_id", "mrr"]])
    unhappy = last[(last["score"] <= 6) & (last["country"] == "ES")]
    row = found.table.iloc[0]
    assert row["unhappy_customers"] == len(unhappy)
    assert row["unhappy_mrr"] == pytest.approx(unhappy["mrr"].sum())


def test_the_order_of_rows_is_irrelevant(company: SimpleNamespace) -> None:
    frames = company.frames(customers=800)
    mixed = {name: frame.sample(frac=1, random_state=3) for name, frame in frames.items()}
    first, second = cx.who(company.of(frames)), cx.who(company.of(mixed))
    pd.testing.assert_frame_equal(first.cells, second.cells)


def test_a_large_search_finds_the_same_cells_and_sums(
    monkeypatch: pytest.MonkeyPatch, company: SimpleNamespace
) -> None:
    small = cx.who(company.study(), by=["country", "channel"])
    monkeypatch.setattr(answer_cells, "IN_MEMORY", 1)
    monkeypatch.setattr(answer_cells, "SAMPLE_ANSWERS", 1500)
    large = cx.who(company.study(), by=["country", "channel"])
    assert "multipliers" in large.method
    assert large.unhappy["group"].iloc[0] == "country ES"
    pd.testing.assert_frame_equal(
        large.by_column.sort_values(["column", "level"], ignore_index=True),
        small.by_column.sort_values(["column", "level"], ignore_index=True),
    )
    both = small.cells.merge(large.cells, on="group", suffixes=("", "_large"))
    assert len(both) == len(small.cells)
    np.testing.assert_allclose(both["difference"], both["difference_large"], rtol=1e-9)


@pytest.mark.parametrize("in_memory", [2_000_000, 1])
def test_engines_agree(in_memory: int, monkeypatch: pytest.MonkeyPatch) -> None:
    import polars as pl
    import pyarrow as pa

    monkeypatch.setattr(answer_cells, "IN_MEMORY", in_memory)
    rng = np.random.default_rng(5)
    n = 900
    frame = answers(rng, n, channel=rng.choice(["web", "phone"], n), age=rng.integers(18, 80, n))
    native = {
        "pandas": frame,
        "polars": pl.from_pandas(frame),
        "pyarrow": pa.Table.from_pandas(frame),
        "duckdb": duckdb.connect().from_df(frame),
    }
    tables = [cx.who(one, "nps", depth=2).by_column for one in native.values()]
    for table in tables[1:]:
        pd.testing.assert_frame_equal(
            table.sort_values(["column", "level"], ignore_index=True),
            tables[0].sort_values(["column", "level"], ignore_index=True),
        )


def test_a_crossed_group_is_named_where_only_the_crossing_is_unhappy() -> None:
    rng = np.random.default_rng(2)
    n = 3000
    frame = answers(rng, n, team=rng.choice(list("abcd"), n), channel=rng.choice(["web", "phone", "mail"], n))
    both = (frame["team"] == "b") & (frame["channel"] == "phone")
    frame.loc[both, "score"] = rng.choice([2, 8], int(both.sum()))
    result = cx.who(frame, "nps")
    assert result.unhappy["group"].tolist() == ["team b, channel phone"]


def test_a_parent_is_explained_by_the_crossing_inside_it() -> None:
    rng = np.random.default_rng(2)
    n = 6_000
    frame = answers(rng, n, team=rng.choice(list("abcd"), n), channel=rng.choice(["web", "phone", "mail"], n))
    both = (frame["team"] == "b") & (frame["channel"] == "phone")
    frame.loc[both, "score"] = 2
    table = cx.who(frame, "nps").table.set_index("group")
    assert table.loc["team b", "explained_by"] == "team b, channel phone"
    assert table.loc["channel phone", "explained_by"] == "team b, channel phone"


def test_three_columns_can_be_crossed() -> None:
    rng = np.random.default_rng(6)
    n = 4_000
    columns = {name: rng.choice(["x", "y"], n) for name in ("a", "b", "c")}
    frame = answers(rng, n, **columns)
    corner = (frame[["a", "b", "c"]] == "x").all(axis=1)
    frame.loc[corner, "score"] = rng.choice([2, 9], int(corner.sum()))
    result = cx.who(frame, "nps", depth=3)
    assert result.unhappy["group"].tolist() == ["a x, b x, c x"]


def test_numbers_are_cut_at_their_quantiles() -> None:
    rng = np.random.default_rng(3)
    frame = answers(rng, 1500, wait=rng.exponential(60, 1500))
    frame.loc[frame["wait"] > 100, "score"] = 4
    result = cx.who(frame, "nps")
    assert result.unhappy["group"].iloc[0].startswith("wait above")
    sizes = result.by_column["share"]
    np.testing.assert_allclose(sizes, 0.2, atol=0.01)


def test_a_low_is_good_scale_names_those_with_high_scores() -> None:
    rng = np.random.default_rng(4)
    n = 1200
    frame = pd.DataFrame(
        {
            "customer_id": [f"c{k}" for k in range(n)],
            "instrument": "ces",
            "score": rng.choice([1, 2, 3], n).astype(float),
            "responded_at": pd.Timestamp("2024-01-05"),
            "team": rng.choice(["a", "b", "c"], n),
        }
    )
    frame.loc[frame["team"] == "b", "score"] = rng.choice([3, 4, 5], int((frame["team"] == "b").sum()))
    study = cx.Study.from_frames(
        {"responses": frame}, observed_until="2024-02-01", instruments={"ces": cx.CES1}
    )
    result = cx.who(study, by="team")
    assert result.unhappy["group"].tolist() == ["team b"]
    assert result.unhappy["difference"].iloc[0] > 0


def test_the_span_limits_the_answers(company: SimpleNamespace) -> None:
    study = company.study()
    before = cx.who(study, by="country", end="2024-03-15")
    after = cx.who(study, by="country", start="2024-03-15")
    assert before.n + after.n == cx.who(study, by="country").n
    assert "country ES" not in set(before.table["group"])
    assert after.table["group"].iloc[0] == "country ES"


# --- nothing found, and bad input ---------------------------------------------------------------


def test_nothing_found_says_how_much_could_have_been_seen() -> None:
    rng = np.random.default_rng(8)
    result = cx.who(answers(rng, 800, team=rng.choice(list("abcde"), 800)), "nps")
    assert result.table.empty
    assert result.finding.startswith("No group of 5 differs from the others beyond chance.")
    assert "80 % power" in result.finding
    assert 5 < result.visible < 60


def test_all_one_answer_is_a_sentence() -> None:
    frame = pd.DataFrame({"score": [10] * 200, "team": ["a", "b"] * 100})
    result = cx.who(frame, "nps")
    assert result.finding == "All 200 answers count the same (NPS +100.0): no group can differ."
    assert result.table.empty


def test_a_group_of_one_is_not_judged_but_counted() -> None:
    rng = np.random.default_rng(1)
    frame = answers(rng, 300, team=["lonely", *rng.choice(["a", "b"], 299)])
    result = cx.who(frame, "nps")
    assert set(result.cells["group"]) == {"team a", "team b"}
    small = result.by_column[result.by_column["level"] == "(under 30)"]
    assert small["n"].tolist() == [1]
    assert result.by_column["contribution"].sum() == pytest.approx(result.score)


def test_too_few_answers_are_a_sentence() -> None:
    frame = pd.DataFrame({"score": [10, 3] * 10, "team": ["a"] * 10 + ["b"] * 10})
    result = cx.who(frame, "nps")
    assert "none can be judged" in result.finding


def test_ten_thousand_levels_are_an_identifier() -> None:
    rng = np.random.default_rng(1)
    n = 12_000
    frame = answers(rng, n, team=rng.choice(["a", "b"], n), reference=[f"r{k % 10_000}" for k in range(n)])
    result = cx.who(frame, "nps")
    assert any("reference (10,000 levels: an identifier" in note for note in result.notes)
    assert set(result.by_column["column"]) == {"team"}


def test_many_levels_are_searched_alone() -> None:
    rng = np.random.default_rng(1)
    n = 6_000
    frame = answers(rng, n, team=rng.choice(["a", "b"], n), town=rng.choice([f"t{k}" for k in range(100)], n))
    result = cx.who(frame, "nps")
    assert any("town (100 levels: searched alone, not crossed)" in note for note in result.notes)
    assert not result.cells["group"].str.contains(", ").any()


def test_a_column_made_of_the_score_is_no_group() -> None:
    rng = np.random.default_rng(1)
    frame = answers(rng, 600, team=rng.choice(["a", "b"], 600))
    frame["mood"] = np.where(frame["score"] > 6, "fine", "bad")
    result = cx.who(frame, "nps")
    assert any("mood (says what the score says: an outcome)" in note for note in result.notes)


def test_a_reason_is_an_outcome_even_if_asked_for() -> None:
    rng = np.random.default_rng(1)
    frame = answers(rng, 600, team=rng.choice(["a", "b"], 600), reason=rng.choice(["price", "bugs"], 600))
    result = cx.who(frame, "nps", by=["team", "reason"])
    assert set(result.by_column["column"]) == {"team"}
    assert any(note.startswith("Not searched: reason (an outcome") for note in result.notes)


def test_a_programme_that_grew_tenfold_with_gaps_is_no_finding(company: SimpleNamespace) -> None:
    frames = company.frames(seed=3, fall=0.0)
    responses = frames["responses"]
    rng = np.random.default_rng(3)
    month = rng.choice([0, 1, 2, 6, 7, 8], len(responses), p=np.array([1, 1, 1, 10, 10, 10]) / 33)
    responses["responded_at"] = pd.Timestamp("2023-12-01") + pd.to_timedelta(
        month * 30 + rng.integers(0, 30, len(responses)), unit="D"
    )
    result = cx.who(company.of(frames))
    assert result.finding.startswith("No group of ")


def test_missing_levels_count_but_are_no_group() -> None:
    rng = np.random.default_rng(1)
    frame = answers(rng, 900, team=rng.choice(["a", "b", None], 900))
    result = cx.who(frame, "nps")
    assert "(not given)" in set(result.by_column["level"])
    assert not result.cells["group"].str.contains("None|not given").any()


def test_duplicated_answers_do_not_make_a_finding() -> None:
    # the same 60 customers, each answer there twenty times over: 1,200 rows are worth 60
    rng = np.random.default_rng(11)
    frame = answers(rng, 60, team=rng.choice(["a", "b"], 60))
    often = pd.concat([frame] * 20, ignore_index=True)
    result = cx.who(often, "nps")
    assert result.table.empty
    assert result.cells.empty or result.cells["n_effective"].max() < 60


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"by": "colour"}, "'colour' is neither in responses nor in customers"),
        ({"by": "countri"}, "perhaps you meant 'country'"),
        ({"score": "npss"}, "perhaps you meant 'nps'"),
        ({"depth": 4}, "1, 2 or 3 columns"),
        ({"level": 95}, "0.95"),
    ],
)
def test_what_is_not_there_is_said(
    arguments: dict[str, object], message: str, company: SimpleNamespace
) -> None:
    with pytest.raises(cx.errors.ArgumentError, match=message):
        cx.who(company.study(customers=200), **arguments)  # type: ignore[arg-type]


def test_a_span_without_answers_is_refused(company: SimpleNamespace) -> None:
    with pytest.raises(cx.errors.DataError, match="no answers to 'nps' \\(start 2030-01-01"):
        cx.who(company.study(customers=200), start="2030-01-01")


def test_impossible_scores_of_a_frame_are_refused() -> None:
    frame = pd.DataFrame({"score": [11, 10, 3] * 40, "team": ["a", "b", "b"] * 40})
    with pytest.raises(cx.errors.DataError, match="not on its scale, the first 11"):
        cx.who(frame, "nps")


def test_markup_in_a_group_is_escaped() -> None:
    rng = np.random.default_rng(2)
    frame = answers(rng, 900, team=rng.choice(["<script>x</script>", "b", "c"], 900))
    frame.loc[frame["team"].str.startswith("<"), "score"] = 2
    page = cx.who(frame, "nps")._repr_html_()
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


def test_the_picture_names_the_groups(found: GroupSearch) -> None:
    axes = cx.plot(found)
    assert axes.get_yticklabels()[0].get_text() == "country ES"
    assert "Pull on NPS" in axes.get_xlabel()


def test_the_picture_of_nothing_says_so() -> None:
    rng = np.random.default_rng(8)
    axes = cx.plot(cx.who(answers(rng, 800, team=rng.choice(list("abcde"), 800)), "nps"))
    assert axes.get_title(loc="left") == "NPS: no group differs"


def test_on_real_answers_those_who_met_a_problem_are_unhappier(shared: Path) -> None:
    survey = pd.read_csv(shared / "data" / "sfo" / "sfo_2017.csv.gz", low_memory=False)
    survey = survey[survey["NETPRO"].between(0, 10)]
    columns = {
        "problem": "Q15PROBLEM",
        "gender": "Q20GENDER",
        "day": "DAY",
        "peak": "PEAK",
        "language": "LANG",
    }
    frame = pd.DataFrame({name: survey[column].astype(str) for name, column in columns.items()})
    result = cx.who(frame.assign(score=survey["NETPRO"].astype(float)), "nps")
    assert result.score == pytest.approx(39.84, abs=0.005)  # as published, unweighted
    assert result.n == 2746
    problem = result.table.set_index("group").loc["problem 1"]
    assert problem["high"] < 0
