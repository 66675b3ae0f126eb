"""Planted effects of themes are found with their size; shuffled scores have none."""

import numpy as np
import pandas as pd
import pytest

from cxresearch.data.study import Study
from cxresearch.errors import ArgumentError, DataError
from cxresearch.scales import NPS
from cxresearch.voice.why.theme_impact import theme_impact
from cxresearch.voice.why.themes import themes


def test_the_planted_effect_is_found_and_the_others_are_not(make_study, book) -> None:
    found = theme_impact(
        themes(make_study(effect=2.0, leaving=1.0, n=4_000), codebook=book), by=("segment", "channel")
    )
    table = found.table.set_index("theme")
    assert found.table["theme"].iloc[0] == "price"
    assert list(found.sure["theme"]) == ["price"]
    assert "price goes with the worst NPS" in found.finding
    # hazard 1/900 a day against e/900: 1 - exp(-180 h)
    truth = np.exp(-180 / 900) - np.exp(-180 * np.e / 900)
    assert table.loc["price", "left_low"] < truth < table.loc["price", "left_high"]
    assert table.loc["price", "left_low"] > 0
    assert table.loc["speed", "left_low"] < 0 < table.loc["speed", "left_high"]


def test_effects_are_those_of_a_plain_regression(make_study, book) -> None:
    import statsmodels.api as sm

    marked = themes(make_study(effect=2.0), codebook=book)
    found = theme_impact(marked, measure="mean").table.set_index("theme")
    rows = marked.themed_study.table("responses").collect("pandas").to_native()
    flags = marked.mentions(rows["comment"]).astype(float)
    plain = sm.OLS(rows["score"], sm.add_constant(flags)).fit(
        cov_type="cluster", cov_kwds={"groups": pd.factorize(rows["customer_id"])[0]}
    )
    for name in marked.names:
        assert found.loc[name, "effect"] == pytest.approx(plain.params[name], abs=1e-9)
        half = (found.loc[name, "high"] - found.loc[name, "low"]) / 2
        assert half == pytest.approx(1.96 * plain.bse[name], rel=0.08)
    with_price = rows.loc[flags["price"] > 0, "score"].mean()
    assert found.loc["price", "with_theme"] == pytest.approx(with_price)
    assert found.loc["price", "contribution"] == pytest.approx(
        rows["score"].mean() - rows.loc[flags["price"] == 0, "score"].mean()
    )


def test_revenue_is_that_of_customers_who_are_still_there(make_study, book) -> None:
    marked = themes(make_study(), codebook=book)
    study = marked.themed_study
    people = study.table("customers").collect("pandas").to_native()
    levels = study.table("revenue").collect("pandas").to_native().set_index("customer_id")["mrr"]
    there = people.loc[people["ended_at"].isna(), "customer_id"]
    who = set(marked.rows.loc[marked.of("price"), "customer_id"]) & set(there)
    found = theme_impact(marked).table.set_index("theme")
    assert found.loc["price", "mrr"] == pytest.approx(levels[list(who)].sum())
    assert found.loc["price", "mrr_share"] == pytest.approx(levels[list(who)].sum() / levels[there].sum())


def test_what_is_said_after_the_first_text_changes_nothing_of_leaving(make_study, book) -> None:
    study = make_study(leaving=1.0)
    before = theme_impact(themes(study, codebook=book)).table.set_index("theme")
    rows = study.table("responses").collect("pandas").to_native().sort_values("responded_at", kind="stable")
    later = rows.duplicated("customer_id")
    rows.loc[later, "comment"] = "too expensive"
    changed = Study.from_frames(
        {
            "responses": rows,
            "customers": study.table("customers").collect("pandas").to_native(),
            "revenue": study.table("revenue").collect("pandas").to_native(),
        },
        revenue_ends="at_ended_at",
        observed_until="2024-12-31",
        instruments={"nps": NPS},
    )
    after = theme_impact(themes(changed, codebook=book)).table.set_index("theme")
    names = ["left_with", "left_without", "left_low", "left_high", "left_n"]
    assert after.loc["price", names].tolist() == pytest.approx(before.loc["price", names].tolist())


def test_those_under_notice_are_not_at_risk() -> None:
    n = 400
    moment = pd.Timestamp("2024-01-10")
    answers = pd.DataFrame(
        {
            "customer_id": [f"c{at}" for at in range(n)],
            "instrument": "nps",
            "score": 5.0,
            "responded_at": moment,
            "comment": ["too expensive" if at % 2 else "fine" for at in range(n)],
        }
    )
    answers["score"] = np.arange(n) % 11
    ended = [moment + pd.Timedelta(days=30) if at % 2 or at < 100 else pd.NaT for at in range(n)]
    notice = [moment - pd.Timedelta(days=1) if at % 2 and at >= 100 else pd.NaT for at in range(n)]
    customers = pd.DataFrame(
        {
            "customer_id": answers["customer_id"],
            "started_at": pd.Timestamp("2023-01-01"),
            "ended_at": ended,
            "notice_at": notice,
        }
    )
    study = Study.from_frames(
        {"responses": answers, "customers": customers}, observed_until="2024-12-31", instruments={"nps": NPS}
    )
    found = theme_impact(themes(study, codebook={"price": ["expensive"]})).table.iloc[0]
    assert found["left_n"] == 50  # the others who mention it had given notice before they wrote
    assert found["left_with"] == 1
    assert found["left_without"] == pytest.approx(50 / 200)


def test_rare_themes_and_copies_are_not_judged(make_study) -> None:
    book = {"price": ["expensive"], "copy": ["expensive"], "never": ["zzz"], "fax": ["fax"]}
    found = theme_impact(themes(make_study(n=400), codebook=book))
    judged = found.table.set_index("theme")["effect"].notna()
    assert judged["price"] and not judged["copy"] and not judged["never"]
    assert any("Not judged" in note for note in found.notes)


def test_nothing_found_says_what_could_have_been_seen(make_study, book) -> None:
    found = theme_impact(themes(make_study(), codebook=book))
    assert "would have been seen" in found.finding


def test_what_cannot_be_done_is_said(make_study, book) -> None:
    marked = themes(make_study(n=300), codebook=book)
    with pytest.raises(ArgumentError, match="instrument"):
        theme_impact(marked, "csat")
    with pytest.raises(ArgumentError, match="neither responses nor customers"):
        theme_impact(marked, by=("nothing",))
    with pytest.raises(DataError, match="30 or more"):
        theme_impact(themes(make_study(n=20), codebook=book))


def false_alarms(runs: int, make_study, book) -> float:
    """Share of runs with any theme named, scores of whole customers shuffled."""
    marked = themes(make_study(effect=2.0, n=1_500, people=700), codebook=book)
    study = marked.themed_study
    tables = {name: study.table(name).collect("pandas").to_native() for name in ("responses", "customers")}
    rows = tables["responses"].sort_values("customer_id", kind="stable", ignore_index=True)
    rng = np.random.default_rng(3)
    named = 0
    for _ in range(runs):
        # scores move between texts by whole customers of equal many texts: links stay, meaning goes
        scores = rows["score"].to_numpy().copy()
        sizes = rows.groupby("customer_id", sort=False)["score"].size().to_numpy()
        starts = np.cumsum(sizes) - sizes
        for size in np.unique(sizes):
            first = starts[sizes == size]
            to = rng.permutation(first)
            for step in range(size):
                scores[first + step] = rows["score"].to_numpy()[to + step]
        shuffled = Study.from_frames(
            {"responses": rows.assign(score=scores)}, observed_until="2024-12-31", instruments={"nps": NPS}
        )
        named += len(theme_impact(themes(shuffled, codebook=book)).sure) > 0
    return named / runs


def test_shuffled_scores_rarely_name_a_theme(make_study, book) -> None:
    assert false_alarms(20, make_study, book) <= 0.2


@pytest.mark.slow
def test_shuffled_scores_name_a_theme_as_often_as_they_may(make_study, book) -> None:
    share = false_alarms(600, make_study, book)
    print("any theme named on shuffled scores:", share)
    assert 0.035 <= share <= 0.065


@pytest.mark.slow
def test_intervals_cover_the_planted_effect(make_study, book) -> None:
    """The truth is that of a million comments, so that its own error is small beside that of a study."""
    large = [make_study(seed=seed, effect=1.0, n=100_000, people=50_000) for seed in range(10)]
    effects = [theme_impact(themes(study, codebook=book), measure="mean").table for study in large]
    truths = pd.concat(effects).groupby("theme")["effect"].mean()
    runs = 1000
    inside = dict.fromkeys(truths.index, 0)
    for seed in range(2000, 2000 + runs):
        found = theme_impact(
            themes(make_study(seed=seed, effect=1.0, n=1_000), codebook=book), measure="mean"
        )
        for row in found.table.to_dict("records"):
            inside[row["theme"]] += (
                not row["low"] > truths[row["theme"]] and not row["high"] < truths[row["theme"]]
            )
    shares = {name: count / runs for name, count in inside.items()}
    print("coverage:", shares)
    assert all(0.93 <= share <= 0.97 for share in shares.values())
