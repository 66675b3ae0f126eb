"""The four answers find what is planted, say what could have been seen where nothing is, and name nobody."""

import json
from datetime import date

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

import cxresearch as cx
from cxresearch.data.engine import collect
from cxresearch.data.synthetic.unhappy_words import CODEBOOK, PHRASES
from cxresearch.errors import ArgumentError
from cxresearch.voice.answers.standing_fall import searchable, standing_fall
from cxresearch.voice.answers.themes_around import themes_around


@pytest.fixture(scope="module")
def study() -> cx.Study:
    return cx.synthetic.company_study(seed=3, customers=9000, unhappy=True)


@pytest.fixture(scope="module")
def answers(study: cx.Study) -> cx.voice.FourAnswers:
    return cx.voice.four_answers(study, codebook=CODEBOOK)


def frames(study: cx.Study, *names: str) -> dict[str, pd.DataFrame]:
    return {name: collect(study.table(name)) for name in names}


def shuffled(study: cx.Study, seed: int) -> cx.Study:
    """The same answers, each customer's moved to another customer and another day."""
    tables = frames(study, "customers", "responses")
    rng = np.random.default_rng(seed)
    rows = tables["responses"]
    rows = rows[(rows["instrument"] == "nps") & rows["score"].notna()].reset_index(drop=True)
    rows["score"] = rows["score"].to_numpy()[rng.permutation(len(rows))]
    people = tables["customers"].drop(columns=["reason"])
    return cx.Study.from_frames(
        {"customers": people, "responses": rows.drop(columns=["comment"])},
        observed_until=study.observed_until,
        instruments={"nps": cx.NPS},
        segments=("segment", "country"),
    )


def test_the_planted_truth_stands_in_the_finding(answers: cx.voice.FourAnswers) -> None:
    assert answers.fell
    fall = answers.fall
    assert fall is not None
    assert fall.row is not None
    assert (fall.column, fall.group) == ("country", "DE")
    assert fall.row["since_low"].date() <= date(2024, 3, 15) <= fall.row["since_high"].date()
    assert answers.sentences[0].startswith("Since ")
    assert "customers in DE are unhappy: NPS +" in answers.sentences[0]
    assert "price rise on 15 March 2024" in answers.sentences[0]
    assert "They write about price (" in answers.finding
    assert "about app" not in answers.finding  # written of more often too, and harmless
    assert "Call back within 7 days brought back +" in answers.finding
    assert not answers.missing


def test_every_question_has_its_answer(answers: cx.voice.FourAnswers) -> None:
    assert answers.table["question"].tolist() == ["who", "since when", "why", "what helps"]
    assert "country DE" in answers.answer("who")
    assert answers.answer("since when") == answers.sentences[0]
    assert "goes with the worst NPS" in answers.answer("why")
    assert "Credit within 7 days" in answers.answer("what helps")
    with pytest.raises(ArgumentError, match="there is no question 'how'"):
        answers.answer("how")


def test_people_and_money_are_those_of_the_group_counted_by_hand(
    study: cx.Study, answers: cx.voice.FourAnswers
) -> None:
    tables = frames(study, "customers", "responses", "revenue")
    people = tables["customers"]
    people = people[people["ended_at"].isna() & (people["country"] == "DE")]
    nps = tables["responses"].query("instrument == 'nps' and score == score").sort_values("responded_at")
    last = nps.drop_duplicates("customer_id", keep="last").set_index("customer_id")["score"]
    unhappy = people["customer_id"][people["customer_id"].map(last) <= 6]
    mrr = tables["revenue"].sort_values("effective_at").groupby("customer_id")["mrr"].last()
    money = mrr.reindex(unhappy).sum()
    assert (
        f"{len(unhappy):,} customers in DE are unhappy by their last NPS answer: {money:,.0f} EUR a month."
        in answers.finding
    )


def test_shares_before_and_since_are_those_counted_by_hand(
    study: cx.Study, answers: cx.voice.FourAnswers
) -> None:
    tables = frames(study, "customers", "responses")
    rows = tables["responses"].dropna(subset=["comment"]).merge(tables["customers"], on="customer_id")
    rows = rows[rows["country"] == "DE"]
    fall = answers.fall
    assert fall is not None
    assert fall.row is not None
    late = rows["responded_at"] >= fall.row["since"]
    words = "price|preis|teuer|expensive"
    said = rows["comment"].str.contains(words, case=False, regex=True)
    price = answers.around.set_index("theme").loc["price"]
    assert price["before"] == pytest.approx(said[~late].mean())
    assert price["after"] == pytest.approx(said[late].mean())
    assert price["change"] == pytest.approx(price["after"] - price["before"])
    assert price["low"] < price["change"] < price["high"]


def test_nobody_and_no_word_of_anybody_is_in_the_dictionary(answers: cx.voice.FourAnswers) -> None:
    text = json.dumps(answers.to_dict(), ensure_ascii=False, default=str)
    assert not any(f'"C{number:06d}"' in text for number in range(1, 9001))
    for phrases in PHRASES.values():
        assert not any(phrase in text for texts in phrases.values() for phrase in texts)


def test_headline_names_do_not_depend_on_what_is_found(answers: cx.voice.FourAnswers) -> None:
    names = [figure.name for figure in answers.headline]
    assert names[:3] == ["NPS", "NPS of those who fell", "Happy again by themselves"]
    assert len(set(names)) == len(names)


def test_nothing_found_says_how_large_a_fall_would_have_been_seen(study: cx.Study) -> None:
    nothing = cx.voice.four_answers(shuffled(study, seed=1))
    assert not nothing.fell
    assert "No change of NPS found" in nothing.answer("since when")
    assert "would have been seen four times in five" in nothing.finding
    assert {"themes", "recovery"} <= set(nothing.missing)
    assert nothing.answer("why")
    assert nothing.answer("what helps")


def test_answers_alone_make_four_sentences(study: cx.Study) -> None:
    rows = frames(study, "responses")["responses"]
    rows = rows.loc[rows["instrument"] == "nps", ["customer_id", "instrument", "score", "responded_at"]]
    bare = cx.Study.from_frames(
        {"responses": rows.dropna()}, observed_until=study.observed_until, instruments={"nps": cx.NPS}
    )
    result = cx.voice.four_answers(bare)
    assert result.people is None
    assert result.recovery is None
    assert all(result.table["answer"].str.endswith("."))
    assert searchable(bare) == ()


def test_a_fall_needs_to_stand(study: cx.Study) -> None:
    rng = np.random.default_rng(2)
    days = pd.date_range("2024-01-01", periods=600)
    moments = days.repeat(4)
    low = (moments >= "2024-06-01") & (moments < "2024-11-01")
    scores = np.where(rng.random(2400) < np.where(low, 0.35, 0.75), 10, 4)
    rows = pd.DataFrame({"customer_id": range(2400), "responded_at": moments, "score": scores})
    over = standing_fall(rows, "nps", ())
    assert over.row is None
    stands = standing_fall(rows[rows["responded_at"] < "2024-10-15"], "nps", ())
    assert stands.row is not None
    assert abs((stands.row["since"] - pd.Timestamp("2024-06-01")).days) < 20


def test_too_few_texts_give_no_row(study: cx.Study) -> None:
    themes = cx.themes(study, codebook=CODEBOOK)
    assert not len(themes_around(themes, pd.Timestamp("2030-01-01")))
    assert not len(themes_around(themes, pd.Timestamp("2024-03-15"), column="country", group="XX"))


def test_the_picture_of_themes_names_group_day_and_shares(answers: cx.voice.FourAnswers) -> None:
    axes = cx.plot(answers)
    texts = " ".join(text.get_text() for text in axes.figure.findobj(plt.Text))
    price = answers.around.set_index("theme").loc["price"]
    assert f"{100 * price['before']:.0f} → {100 * price['after']:.0f} %" in texts
    assert "country DE" in texts
    assert "comments before" in texts
    plt.close(axes.figure)


@pytest.mark.slow
def test_a_fall_is_found_in_five_percent_of_studies_without_one() -> None:
    """600 studies of constant scores, three columns of groups: the error over all four searches together."""
    found = 0
    runs = 600
    for seed in range(runs):
        rng = np.random.default_rng(seed)
        n, people = 1500, 600
        owner = rng.integers(0, people, n)
        mood = 0.6 * rng.standard_normal(people)[owner] + 0.8 * rng.standard_normal(n)
        rows = pd.DataFrame(
            {
                "customer_id": owner,
                "instrument": "nps",
                "responded_at": pd.Timestamp("2024-01-01")
                + pd.to_timedelta(rng.integers(0, 500 * 24, n), unit="h"),
                "score": np.clip(np.round(8 + 2 * mood), 0, 10),
            }
        )
        customers = pd.DataFrame({"customer_id": range(people), "started_at": pd.Timestamp("2023-12-01")})
        for name, groups in (("plan", 3), ("country", 5), ("size", 2)):
            customers[name] = np.array(list("abcde"))[rng.integers(0, groups, people)]
        study = cx.Study.from_frames(
            {"responses": rows, "customers": customers},
            observed_until="2025-06-30",
            instruments={"nps": cx.NPS},
        )
        fall = standing_fall(study, "nps", ("plan", "country", "size"), seed=seed)
        found += fall.row is not None
    # at most 5 %, for falls are half of all changes: three standard errors of 600 runs above
    assert found / runs < 0.05 + 3 * np.sqrt(0.05 * 0.95 / runs)
    print(f"falls found where there is none: {found} of {runs}")
