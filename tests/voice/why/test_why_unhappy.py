"""The planted theme is named with its effect and its date, and nothing is named where nothing is."""

import json

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

import cxresearch as cx
from cxresearch.data.study import Study
from cxresearch.errors import ArgumentError, DataError
from cxresearch.scales import NPS

#: The first day of the planted rise.
RISE = pd.Timestamp("2023-01-01") + pd.Timedelta(days=330)


def test_the_planted_theme_is_told_with_its_date_and_effect(make_study, book) -> None:
    study = make_study(1, effect=2.5)
    why = cx.voice.why_unhappy(cx.themes(study, codebook=book), "nps")
    row = why.table.iloc[0]
    assert row["theme"] == "price"
    assert row["since_low"] <= RISE <= row["since_high"]
    assert (row["since_high"] - row["since_low"]).days <= 60
    assert (row["before"], row["after"]) == (pytest.approx(0.10, abs=0.03), pytest.approx(0.35, abs=0.05))
    assert row["high"] < 0
    assert why.finding.startswith("What goes most with unhappy answers is price: ")
    assert "they write more about price (" in why.finding
    assert f"{row['since']:%B %Y}" in why.finding
    assert why.table["since"].notna().sum() == 1
    json.dumps(why.to_dict())  # plain, and without a text
    assert "too expensive" not in json.dumps(why.to_dict())


#: What people write in the place of the phrases of the planted study.
WAYS = {
    "too expensive": "expensive price cost pay bill fee subscription",
    "slow app": "slow loading crash freeze app screen",
    "fine thanks": "friendly helpful agent staff kind answer",
    "fax": "fax",
}


def in_own_words(study: Study) -> Study:
    """The same answers, each phrase said in three of its words, among words that say nothing."""
    rng = np.random.default_rng(5)
    tables = {name: study.table(name).collect("pandas").to_native() for name in study.tables}
    idle = [f"well{at}" for at in range(80)]

    def said(phrase: str) -> list[str]:
        words = WAYS[phrase].split()
        return list(rng.choice(words, min(3, len(words)), replace=False))

    tables["responses"]["comment"] = [
        " ".join([*(word for phrase in text.split(" and ") for word in said(phrase)), *rng.choice(idle, 4)])
        for text in tables["responses"]["comment"]
    ]
    return Study.from_frames(
        tables, observed_until="2024-12-31", instruments={"nps": NPS}, revenue_ends="at_ended_at"
    )


def test_the_planted_theme_is_found_without_a_codebook(make_study) -> None:
    why = cx.voice.why_unhappy(cx.themes(in_own_words(make_study(1, effect=2.5))), "nps")
    row = why.table.iloc[0]
    assert set(row["label"].split(", ")) <= set(WAYS["too expensive"].split())
    assert row["since_low"] <= RISE <= row["since_high"]
    assert row["high"] < 0
    assert f"they write more about {row['label']} (" in why.finding


def test_nothing_is_said_where_nothing_is(make_study, book) -> None:
    why = cx.voice.why_unhappy(cx.themes(make_study(2, rise=0.0), codebook=book), "nps")
    assert why.finding.startswith("No theme goes with a worse NPS beyond chance")
    assert "No theme rises beyond chance" in why.finding
    with pytest.raises(DataError, match="no theme rises"):
        cx.plot(why, kind="trend")


def test_its_pictures_are_those_of_its_parts(make_study, book) -> None:
    why = cx.voice.why_unhappy(cx.themes(make_study(1, effect=2.5), codebook=book))
    assert "mention it" in cx.plot(why).get_xlabel()
    trend = cx.plot(why, kind="trend")
    assert any("price" in text for text in (trend.get_title(loc="left"), trend.get_ylabel(), why.finding))
    plt.close("all")
    with pytest.raises(ArgumentError, match="kind"):
        cx.plot(why, kind="nothing")
