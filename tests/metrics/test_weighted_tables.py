"""Weights and links in tables, contrasts, breakdowns and scorecards, against the function on each group."""

from __future__ import annotations

from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pytest

import cxresearch as cx

ENGINES: dict[str, Any] = {"pandas": lambda frame: frame, "polars": pl.from_pandas, "duckdb": duckdb.from_df}
MANY = 400


def answers() -> pd.DataFrame:
    """Four hundred answers of a hundred customers of three teams, weighted unevenly."""
    rng = np.random.default_rng(8)
    who = rng.integers(0, 100, MANY)
    frame = pd.DataFrame({"customer_id": [f"c{number}" for number in who], "instrument": "nps"})
    frame["score"] = np.clip(6 + who % 5 + rng.integers(-2, 3, MANY), 0, 10).astype(float)
    frame.loc[rng.random(MANY) < 0.05, "score"] = np.nan
    frame["responded_at"] = pd.Timestamp("2024-01-02") + pd.to_timedelta(rng.integers(0, 58, MANY), unit="D")
    frame["sent_at"] = frame["responded_at"] = frame["responded_at"].astype("datetime64[us]")
    frame.loc[frame["score"].isna(), "responded_at"] = pd.NaT
    frame["team"] = np.array(["a", "b", "c"])[who % 3]
    frame["w"] = rng.uniform(0.2, 4, MANY)
    return frame


def study(make: Any = lambda frame: frame) -> cx.Study:
    return cx.Study.from_frames(
        {"responses": make(answers())}, observed_until="2024-02-29", instruments={"nps": cx.NPS}
    )


def alone(part: pd.DataFrame, *, weights: bool, clusters: bool) -> cx.Estimate:
    return cx.nps(
        part["score"],
        weights=part["w"] if weights else None,
        clusters=part["customer_id"] if clusters else None,
    )


CHOICES = [(False, False), (True, False), (False, True), (True, True)]


@pytest.mark.parametrize("make", ENGINES.values(), ids=ENGINES)
@pytest.mark.parametrize(("weights", "clusters"), CHOICES)
def test_effective_n_of_each_cell(make: Any, weights: bool, clusters: bool) -> None:
    table = cx.metric_table(
        study(make),
        "nps",
        by="team",
        weights="w" if weights else None,
        clusters="customer_id" if clusters else None,
    )
    names = "metric team value low high level se n n_effective n_missing unit method small_base suppressed"
    assert " ".join(table.columns) == names
    for row, (_, part) in zip(table.itertuples(), answers().groupby("team"), strict=True):
        wanted = alone(part, weights=weights, clusters=clusters)
        found = (row.value, row.low, row.high, row.n)
        assert found == pytest.approx((wanted.value, wanted.low, wanted.high, wanted.n))
        if wanted.n_effective is None:
            assert np.isnan(row.n_effective)
        else:
            assert row.n_effective == pytest.approx(wanted.n_effective)


def test_effective_n_by_hand() -> None:
    """Kish: (sum of weights)^2 / sum of their squares. Of one customer: one. Of as many customers: n."""
    frame = pd.DataFrame({"score": [10, 9, 0, 7, 8, 10], "w": [1.0, 1, 1, 1, 1, 5]})
    kish = cx.metric_table(frame, "nps", weights="w")["n_effective"].iloc[0]
    assert kish == pytest.approx(10**2 / 30)
    one = cx.metric_table(frame.assign(customer_id="a"), "nps")["n_effective"].iloc[0]
    each = cx.metric_table(frame.assign(customer_id=list("abcdef")), "nps")["n_effective"].iloc[0]
    assert (one, each) == (1.0, pytest.approx(6))
    double = pd.concat([frame.assign(customer_id=list("abcdef"))] * 2)  # everybody says the same twice
    linked = cx.metric_table(double, "nps").iloc[0]
    assert linked["n"] == 12
    # six clusters of two: variance 6/5 S / 36, that of 12 answers S / (12 x 11) x 2, so 12 x 10 / 22
    assert linked["n_effective"] == pytest.approx(12 * 10 / 22)


def test_a_base_is_as_small_as_its_effective_n() -> None:
    """Five customers of one answer are five; forty answers of two customers, and of twelve, are few."""
    rng = np.random.default_rng(1)
    parts = {
        "five": (np.arange(5), [0, 10, 9, 7, 3]),
        "two": (np.repeat([0, 1], 20), np.repeat([0, 10], 20)),
        "some": (
            np.repeat(np.arange(10), 4),
            np.repeat(rng.permutation([0, 2, 7, 7, 8, 9, 9, 10, 10, 10]), 4),
        ),
        "many": (np.arange(40), rng.integers(0, 11, 40)),
        "more": (np.arange(50), rng.integers(0, 11, 50)),
    }
    frame = pd.concat(
        pd.DataFrame({"team": name, "customer_id": [f"{name}{one}" for one in who], "score": scores})
        for name, (who, scores) in parts.items()
    )
    table = cx.metric_table(frame, "nps", by="team").set_index("team")
    assert table["n"].to_dict() == {"five": 5, "two": 40, "some": 40, "many": 40, "more": 50}
    assert table.loc["two", "n_effective"] < 5
    assert 5 < table.loc["some", "n_effective"] < 30
    assert table["small_base"].to_dict() == {
        "five": True,
        "two": True,
        "some": True,
        "many": False,
        "more": False,
    }
    hidden = table.index[table["suppressed"]]  # two, and the smallest other as its complement
    assert set(hidden) == {"two", "five"}
    assert "too few independent answers to show, n 40" in str(
        cx.survey.score_breakdown(frame, "nps", by="team")
    )
    independent = cx.metric_table(frame, "nps", by="team", clusters=None)
    assert not independent["suppressed"].any() and independent["n_effective"].isna().all()


@pytest.mark.parametrize("make", ENGINES.values(), ids=ENGINES)
@pytest.mark.parametrize("against", ["groups", "rest"])
def test_weighted_contrasts(make: Any, against: Any) -> None:
    """Zou and Donner: the difference, less the root of the squares of what each side falls short."""
    table = cx.metric_contrasts(study(make), "nps", by="team", against=against, weights="w", adjust="none")
    frame = answers()
    for row in table.itertuples():
        other = frame["team"] != row.team if against == "rest" else frame["team"] == row.against
        one = alone(frame[frame["team"] == row.team], weights=True, clusters=True)
        two = alone(frame[other], weights=True, clusters=True)
        gap = one.value - two.value
        assert row.difference == pytest.approx(gap)
        assert row.low == pytest.approx(gap - np.hypot(one.value - one.low, two.high - two.value))
        assert row.high == pytest.approx(gap + np.hypot(one.high - one.value, two.value - two.low))


@pytest.mark.parametrize("make", ENGINES.values(), ids=ENGINES)
def test_weighted_breakdown(make: Any) -> None:
    found = cx.survey.score_breakdown(study(make), "nps", by="team", weights="w")
    for row, (_, part) in zip(found.table.to_dict("records"), answers().groupby("team"), strict=True):
        known = part[part["score"].notna()]
        shares = known.groupby(pd.cut(known["score"], [-1, 6, 8, 10]), observed=False)["w"].sum()
        shares = shares / shares.sum() * len(known)
        assert [row[name] for name in found.classes] == pytest.approx(shares.tolist())
        assert row["value"] == pytest.approx(alone(part, weights=True, clusters=True).value)
    plain = cx.survey.score_breakdown(study(make), "nps", clusters=None).table
    assert plain[list(found.classes)].sum(axis=1).iloc[0] == answers()["score"].notna().sum()


def test_weighted_scorecard() -> None:
    card = cx.scorecard(study(), by="team", every="month", weights="w", metrics="nps")
    fresh = cx.metric_table(study(), "nps", by="team", every="month", weights="w")
    pd.testing.assert_frame_equal(card.table, fresh, check_dtype=False)
    change = cx.metric_contrasts(
        study(), "nps", by="team", every="month", against="previous", weights="w", adjust="holm"
    )
    mine = card.changes[~card.changes["whole"].astype(bool)]
    np.testing.assert_allclose(mine[["difference", "low"]], change[["difference", "low"]])
    assert np.isnan(cx.metric_table(study(), "nps", clusters=None)["n_effective"].iloc[0])


def test_weights_that_are_none_are_refused() -> None:
    with pytest.raises(cx.errors.ArgumentError, match="no column 'v'"):
        cx.scorecard(study(), weights="v")
    with pytest.raises(cx.errors.ArgumentError, match="no column 'v'"):
        cx.metric_contrasts(study(), "nps", by="team", against="groups", weights="v")
    negative = answers().assign(w=lambda frame: frame["w"].where(frame.index > 0, -1.0))
    tickets = pd.DataFrame(
        {"ticket_id": ["t"], "customer_id": ["c1"], "created_at": pd.to_datetime(["2024-01-05"])}
    )
    data = cx.Study.from_frames(
        {"responses": negative, "tickets": tickets}, observed_until="2024-02-29", instruments={"nps": cx.NPS}
    )
    with pytest.raises(cx.errors.DataError, match="weights are missing or negative"):
        cx.scorecard(data, weights="w")  # not left out in silence because tickets can be counted


def test_a_scorecard_says_why_a_cell_is_hidden() -> None:
    """Of forty answers all are of two customers: many, and worth two."""
    frame = (
        answers()
        .dropna(subset="score")
        .iloc[:90]
        .assign(team="big", score=9.0, customer_id=[f"p{one}" for one in range(90)])
    )
    few = frame.iloc[:40].assign(team="few", customer_id=["x", "y"] * 20, score=[0.0, 10.0] * 20)
    data = cx.Study.from_frames(
        {"responses": pd.concat([frame, frame.assign(team="more"), few])},
        observed_until="2024-02-29",
        instruments={"nps": cx.NPS},
    )
    card = cx.scorecard(data, by="team", every=None, metrics="nps")
    notes = card.groups.set_index("team")["note"]
    assert notes["few"] == "too few independent answers to show"
    assert sorted(notes.drop("few")) == ["", "hidden to protect a smaller group"]
    assert card.estimates["nps"].n_effective == pytest.approx(card.overall["n_effective"].iloc[0])
