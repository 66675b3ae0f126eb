"""A theme that begins is named with its period; where none does, one error holds over all of them."""

import numpy as np
import pandas as pd
import pytest

import cxresearch as cx
from cxresearch.errors import ArgumentError
from cxresearch.stats.text.mention_changes import mention_changes
from cxresearch.voice.why.emerging_themes import emerging_themes
from cxresearch.voice.why.themes import themes


def test_the_theme_that_rises_is_named_with_its_month(make_study, book) -> None:
    found = emerging_themes(themes(make_study(n=6_000), codebook=book))
    assert set(found.table["theme"]) == {"price"}
    assert found.table["period"].min() == pd.Timestamp("2023-12-01")  # the rise is on 27 November
    assert found.finding.startswith("price is mentioned more since 2023-12")


def test_a_steady_firm_hears_that_nothing_rises(make_study, book) -> None:
    found = emerging_themes(themes(make_study(n=6_000, rise=0.0), codebook=book))
    assert not len(found.table)
    assert "would usually have shown" in found.finding


def test_since_when_takes_themes(make_study, book) -> None:
    found = cx.since_when(themes(make_study(n=6_000), codebook=book), "theme:price")
    since = pd.Timestamp(found.table["since"].iloc[0])
    assert abs((since - pd.Timestamp("2023-11-27")).days) <= 7


def test_shares_are_plain_shares(make_study, book) -> None:
    marked = themes(make_study(), codebook=book)
    found = emerging_themes(marked, every="quarter").changes
    row = found[(found["theme"] == "price")].iloc[-1]
    moments = marked.rows["moment"]
    start = row["period"]
    inside = (moments >= start) & (moments < start + pd.DateOffset(months=3))
    before = moments < start
    assert row["share"] == pytest.approx(marked.of("price")[inside].mean())
    assert row["before"] == pytest.approx(marked.of("price")[before].mean())


def test_too_few_texts_are_not_judged(make_study, book) -> None:
    found = emerging_themes(themes(make_study(n=60), codebook=book))
    assert not len(found.changes)
    assert "texts enough" in found.finding


def test_an_unknown_period_is_refused(make_study, book) -> None:
    with pytest.raises(ArgumentError, match="every"):
        emerging_themes(themes(make_study(n=60), codebook=book), every="fortnight")


def false_alarms(runs: int, n: int, people: int, linked: float) -> float:
    rng = np.random.default_rng(7)
    named = 0
    for seed in range(runs):
        who = rng.integers(0, people, n)
        base = rng.normal(size=(people, 6))[who]
        noise = rng.normal(size=(n, 6))
        level = np.array([-2.2, -1.8, -1.5, -1.2, -1.0, -0.5])
        flags = np.sqrt(linked) * base + np.sqrt(1 - linked) * noise < level
        named += (mention_changes(flags, rng.integers(0, 12, n), who, seed=seed).p_adjusted < 0.05).any()
    return named / runs


def test_chance_is_rarely_named() -> None:
    assert false_alarms(40, 1_500, 600, 0.4) <= 0.15


@pytest.mark.slow
def test_chance_is_named_as_often_as_it_may() -> None:
    for n, people, linked in ((1_500, 1_500, 0.0), (3_000, 600, 0.4), (6_000, 300, 0.4)):
        share = false_alarms(1_000, n, people, linked)
        print(n, people, linked, share)
        assert 0.03 <= share <= 0.065
