"""The mood of texts is learnt where words tell it, and nothing is said where they do not."""

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from cxresearch.data.study import Study
from cxresearch.errors import ArgumentError, DataError
from cxresearch.scales import NPS
from cxresearch.stats.text.mood_model import fit_mood
from cxresearch.voice.why.mood import mood

GOOD = ["great", "lovely", "fast", "helpful", "thanks", "kind"]
BAD = ["terrible", "slow", "broken", "rude", "refund", "angry"]


def study_with(told: float, seed: int = 0, n: int = 600) -> Study:
    """Comments whose words tell an unhappy score as strongly as `told`; and tickets."""
    rng = np.random.default_rng(seed)

    def said(unhappy: np.ndarray) -> list[str]:
        return [
            " ".join(
                rng.choice(BAD if rng.random() < 0.5 + told * (0.5 if bad else -0.5) else GOOD)
                for _ in range(4)
            )
            for bad in unhappy
        ]

    unhappy = rng.random(n) < 0.4
    answers = pd.DataFrame(
        {
            "customer_id": [f"c{at}" for at in rng.integers(0, n // 2, n)],
            "instrument": "nps",
            "score": np.where(unhappy, 3.0, 9.0),
            "responded_at": pd.Timestamp("2024-03-01") + pd.to_timedelta(np.arange(n), unit="h"),
            "comment": said(unhappy),
        }
    )
    billing = rng.random(n) < 0.5
    angry = rng.random(n) < np.where(billing, 0.8, 0.2)
    tickets = pd.DataFrame(
        {
            "ticket_id": [f"t{at}" for at in range(n)],
            "customer_id": [f"c{at}" for at in rng.integers(0, n // 2, n)],
            "created_at": pd.Timestamp("2024-03-01"),
            "category": np.where(billing, "billing", "other"),
            "body": said(angry),
        }
    )
    return Study.from_frames(
        {"responses": answers, "tickets": tickets}, observed_until="2024-12-31", instruments={"nps": NPS}
    )


def test_unhappy_tickets_are_told_by_their_words() -> None:
    found = mood(study_with(0.9), by="category")
    table = found.table.set_index("group")
    assert found.can_tell and found.auc > 0.95
    assert table.loc["billing", "unhappy"] == pytest.approx(0.8, abs=0.08)
    assert table.loc["other", "unhappy"] == pytest.approx(0.2, abs=0.08)
    assert "most in billing" in found.finding


def test_words_that_tell_nothing_keep_it_silent() -> None:
    found = mood(study_with(0.0), by="category")
    assert not found.can_tell
    assert not len(found.table)
    assert "nothing is said" in found.finding


def test_no_word_leaves_with_the_figures() -> None:
    found = mood(study_with(0.9))
    for shown in (json.dumps(found.to_dict()), str(found), found._repr_html_()):
        assert not any(word in shown for word in ("terrible", "lovely"))


def test_the_auc_is_that_of_scikit_learn_and_cross_fitted() -> None:
    rng = np.random.default_rng(3)
    texts = [" ".join(rng.choice([f"w{chr(97 + at)}x" for at in range(20)], 5)) for _ in range(300)]
    unhappy = rng.random(300) < 0.5
    model = fit_mood(texts, unhappy, np.arange(300))
    assert model.auc == pytest.approx(roc_auc_score(unhappy, model.risk))
    assert model.auc_low < 0.5 < model.auc_high  # no leak: words without meaning tell nothing


def test_texts_of_one_customer_do_not_leak() -> None:
    # each customer has a word of their own and one mood: learnt words tell nothing of other customers
    rng = np.random.default_rng(4)
    who = np.repeat(np.arange(60), 5)
    kind = (rng.random(60) < 0.5)[who]
    texts = [f"my word is q{chr(97 + at // 26)}{chr(97 + at % 26)}z" for at in who]
    model = fit_mood(texts, kind, who)
    assert model.auc < 0.7


def test_too_few_or_wrong_texts_are_refused() -> None:
    with pytest.raises(DataError, match="50 of each"):
        mood(study_with(0.9, n=60))
    with pytest.raises(ArgumentError, match="no score"):
        mood(study_with(0.9), text="body")
    with pytest.raises(ArgumentError, match="no column"):
        mood(study_with(0.9), by="nothing")
