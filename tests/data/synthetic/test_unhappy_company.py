"""What is planted in the unhappy company is what it says, and is found by the function that asks for it."""

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

import cxresearch as cx
from cxresearch.data.engine import collect
from cxresearch.data.synthetic.planted_truth import PlantedTruth
from cxresearch.data.synthetic.unhappy_words import CODEBOOK, PHRASES, THEMES
from cxresearch.stats.text.codebook import read_codebook

N = 9_000


@pytest.fixture(scope="module")
def study() -> cx.Study:
    return cx.synthetic.company_study(seed=3, customers=N, unhappy=True)


@pytest.fixture(scope="module")
def planted() -> PlantedTruth:
    truth = cx.synthetic.company_truth(seed=3, customers=N, unhappy=True).planted
    assert truth is not None
    return truth


def table(study: cx.Study, name: str) -> pd.DataFrame:
    return collect(study.table(name))


def answers(study: cx.Study, instrument: str) -> pd.DataFrame:
    rows = table(study, "responses")
    rows = rows[(rows["instrument"] == instrument) & rows["score"].notna()]
    return rows.merge(table(study, "customers")[["customer_id", "country"]], on="customer_id")


def net(scores: pd.Series) -> float:
    return 100 * float((scores >= 9).mean() - (scores <= 6).mean())


def test_the_same_seed_gives_the_same_tables(study: cx.Study) -> None:
    again = cx.synthetic.company_study(seed=3, customers=N, unhappy=True)
    for name in ("customers", "responses", "tickets", "events"):
        pd.testing.assert_frame_equal(table(study, name), table(again, name))


def test_every_row_is_valid_and_nothing_but_due_dates_lies_after_the_cut(study: cx.Study) -> None:
    assert not study.counts()["rejected"].sum()
    for name in study.tables:
        frame = table(study, name)
        for column in frame.select_dtypes("datetime"):
            if column != "due_at":
                assert not (frame[column] > study.observed_until).any(), (name, column)


def test_without_the_option_nothing_is_planted() -> None:
    assert cx.synthetic.company_truth(seed=3, customers=50).planted is None
    plain = cx.synthetic.company_study(seed=3, customers=50)
    assert "comment" not in plain.table("responses").collect_schema().names()


def test_a_company_cut_before_the_fall_has_no_fall() -> None:
    truth = cx.synthetic.company_truth(seed=3, customers=400, months=18, unhappy=True).planted
    assert truth is not None
    assert truth.nps["after"].isna().all()
    assert truth.events["kind"].tolist() == ["outage"]
    short = cx.synthetic.company_study(seed=3, customers=400, months=18, unhappy=True)
    assert set(table(short, "events")["kind"]) >= {"outage", "call_back", "stage"}
    assert "price_rise" not in set(table(short, "events")["kind"])


def test_answers_counted_by_hand_have_the_planted_level(study: cx.Study, planted: PlantedTruth) -> None:
    rows = answers(study, "nps")
    late = rows["responded_at"].dt.date >= planted.fell_on
    for cell in planted.nps.itertuples():
        for side, expected in ((~late, cell.before), (late, cell.after)):
            scores = rows.loc[(rows["country"] == cell.country) & side, "score"]
            # the standard deviation of one answer's part in the NPS is about 85 points
            assert net(scores) == pytest.approx(expected, abs=4 * 85 / np.sqrt(len(scores)))
    fallen = planted.nps.set_index("country").loc[planted.fallen]
    assert fallen["before"] == pytest.approx(25, abs=8)
    assert fallen["after"] == pytest.approx(-26, abs=8)
    others = planted.nps[planted.nps["country"] != planted.fallen]
    assert (others["after"] - others["before"]).abs().max() < 12


def test_who_names_the_fallen_country_first(study: cx.Study, planted: PlantedTruth) -> None:
    search = cx.who(study, "nps", by=["country", "channel", "device", "segment"], depth=1)
    assert search.unhappy["group"].iloc[0] == f"country {planted.fallen}"
    assert not search.table["group"].str.contains("channel|device").any()


def test_since_when_gives_the_day(study: cx.Study, planted: PlantedTruth) -> None:
    change = cx.since_when(study, "nps", by="country").table.iloc[0]
    assert change["country"] == planted.fallen
    assert change["since_low"].date() <= planted.fell_on <= change["since_high"].date()
    assert change["since_high"] - change["since_low"] < timedelta(days=45)
    assert change["events"].startswith("price_rise")
    truth = planted.nps.set_index("country").loc[planted.fallen]
    assert change["change_low"] < truth["after"] - truth["before"] < change["change_high"]


def test_the_codebook_tells_each_phrase_by_its_theme_and_no_other() -> None:
    book = read_codebook(CODEBOOK)
    for language, phrases in PHRASES.items():
        for theme, texts in phrases.items():
            for text, mentioned in zip(texts, book.match(texts), strict=True):
                told = [name for name, hit in zip(book.names, mentioned, strict=True) if hit]
                assert told == [theme] * bool(theme), (language, text)


def test_themes_have_the_planted_shares_and_effects(study: cx.Study, planted: PlantedTruth) -> None:
    themes = cx.themes(study, codebook=planted.codebook)
    truth = planted.themes.set_index("theme")
    shares = themes.table.set_index("theme")
    assert sorted(shares.index) == sorted(THEMES)
    shares = shares.loc[truth.index]
    error = (shares["value"] - truth["share"]).abs()
    assert (error < 0.8 * (shares["high"] - shares["low"])).all()
    impact = cx.theme_impact(themes, "nps", by=["country"]).table.set_index("theme").loc[truth.index]
    # a mean of differences is not quite a coefficient: 8 points beside the interval
    assert ((impact["low"] - 8 < truth["effect"]) & (truth["effect"] < impact["high"] + 8)).all()
    assert impact.loc["app", "p_adjusted"] > 0.05
    assert (impact.loc[["price", "delivery"], "p_adjusted"] < 0.001).all()


def test_rising_themes_are_dated(study: cx.Study, planted: PlantedTruth) -> None:
    themes = cx.themes(study, codebook=planted.codebook)
    emerging = cx.voice.emerging_themes(themes).table
    rising = emerging[emerging["direction"] == "rising"].sort_values("period")
    app = planted.risen.set_index("theme").loc["app"]
    assert set(rising["theme"]) <= {"app", "price"}
    first = rising.loc[rising["theme"] == "app", "period"].iloc[0]
    assert 0 <= (first - pd.Timestamp(app["since"])).days < 62
    price = planted.risen.set_index("theme").loc["price"]
    change = cx.since_when(themes, "theme:price", by="country").table.iloc[0]
    assert change["country"] == planted.fallen
    assert change["before_low"] < price["before"] < change["before_high"]
    assert change["after_low"] < price["after"] < change["after_high"]
    # weeks are old or new as a whole
    week = pd.Timedelta(days=7)
    assert change["since_low"] - week <= pd.Timestamp(price["since"]) <= change["since_high"] + week


def test_recovery_finds_the_call_and_not_the_credit(study: cx.Study, planted: PlantedTruth) -> None:
    trial = cx.recovery(study, actions=["call_back", "credit"], grace_days=7, horizon_days=110)
    rows = trial.table.set_index(["action", "outcome"])
    truth = planted.actions.set_index("action")
    for action in truth.index:
        score = rows.loc[(action, "score of the next answer")]
        happy = rows.loc[(action, "happy at the next answer")]
        left = rows.loc[(action, "left")]
        gain = truth.loc[action, "happy_with"] - truth.loc[action, "happy_without"]
        assert score["low"] < truth.loc[action, "next_score"] < score["high"]
        assert happy["low"] < gain < happy["high"]
        assert left["low"] < 0 < left["high"]
    call = rows.loc[("call_back", "score of the next answer")]
    assert call["verdict"] == "helps"
    # the called were the unhappier: the plain difference takes off most of what the call did
    assert call["naive"] < truth.loc["call_back", "next_score"] - 0.4


def test_events_of_the_company_do_what_they_did(study: cx.Study, planted: PlantedTruth) -> None:
    outages = planted.events[planted.events["kind"] == "outage"]
    tickets = cx.around_event(study, "outage", "tickets", window_days=7).effect
    assert tickets is not None
    assert tickets.low < outages["effect"].mean() / 7 < tickets.high
    rise = cx.around_event(study, "price_rise", "nps", within={"country": planted.fallen}).effect
    assert rise is not None
    drop = planted.events.set_index("kind").loc["price_rise", "effect"]
    assert rise.low < drop < rise.high
    assert rise.high < 0


def test_reasons_for_leaving_have_the_planted_shares(study: cx.Study, planted: PlantedTruth) -> None:
    reasons = cx.voice.leaving_reasons(study)
    told = reasons.table.set_index("reason")
    for row in planted.reasons.itertuples():
        width = told.loc[row.reason, "high"] - told.loc[row.reason, "low"]
        assert told.loc[row.reason, "value"] == pytest.approx(row.share, abs=width)
    people = table(study, "customers")
    late = (people["country"] == planted.fallen) & (people["notice_at"].dt.date >= planted.fell_on)
    given = people[late & (people["end_kind"] == "voluntary") & people["reason"].notna()]
    share = (given["reason"] == "price").mean()
    assert share == pytest.approx(0.55, abs=4 * np.sqrt(0.55 * 0.45 / len(given)))


def test_answers_know_their_ticket_and_one_agent_is_judged_unhappier(
    study: cx.Study, planted: PlantedTruth
) -> None:
    csat = answers(study, "csat")
    tickets = table(study, "tickets").set_index("ticket_id")
    assert csat["ticket_id"].isin(tickets.index).all()
    linked = tickets.loc[csat["ticket_id"]]
    assert (linked["agent_id"].to_numpy() == csat["agent_id"].to_numpy()).all()
    assert (linked["customer_id"].to_numpy() == csat["customer_id"].to_numpy()).all()
    by_agent = csat.groupby("agent_id")["score"].mean()
    assert by_agent.idxmin() == planted.agent
    ces = answers(study, "ces").groupby("agent_id")["score"].mean()
    assert ces[planted.agent] > ces.min()


def test_stages_goals_and_returns_have_the_planted_shares(study: cx.Study, planted: PlantedTruth) -> None:
    events = table(study, "events")
    people = table(study, "customers")
    until = people["ended_at"].fillna(study.observed_until)
    long = people.loc[until - people["started_at"] > timedelta(days=700), "customer_id"]
    for stage in planted.stages.itertuples():
        rows = events[(events["kind"] == "stage") & (events["note"] == stage.stage)]
        assert long.isin(rows["customer_id"]).mean() == pytest.approx(stage.reached, abs=0.04)
    goal_set = events[events["kind"] == "goal_set"]
    goal_reached = events[events["kind"] == "goal_reached"]
    setters = long[long.isin(goal_set["customer_id"])]
    assert len(setters) / len(long) == pytest.approx(planted.goal_set, abs=0.04)
    assert setters.isin(goal_reached["customer_id"]).mean() == pytest.approx(planted.goal_reached, abs=0.05)
    returned = (events["kind"] == "return").sum() / len(table(study, "orders"))
    assert returned == pytest.approx(planted.returned, abs=0.01)


def test_actions_come_after_unhappy_answers_only_and_the_more_the_unhappier(study: cx.Study) -> None:
    events = table(study, "events")
    nps = answers(study, "nps").sort_values("responded_at")
    for action in ("call_back", "credit"):
        acts = events[events["kind"] == action].sort_values("occurred_at")
        last = pd.merge_asof(
            acts, nps, left_on="occurred_at", right_on="responded_at", by="customer_id", direction="backward"
        )
        assert (last["score"] <= 6).all()
        assert (last["occurred_at"] - last["responded_at"] < timedelta(days=7)).all()
        given = last["score"].value_counts() / nps["score"].value_counts()
        assert given[0] > given[3] > given[6]
