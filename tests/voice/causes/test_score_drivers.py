"""The planted driver is named first, categories and tickets among them; shuffled scores name nothing."""

import numpy as np
import pandas as pd
import pytest

from cxresearch.data.study import Study
from cxresearch.errors import ArgumentError
from cxresearch.scales import CSAT
from cxresearch.voice.causes.score_drivers import score_drivers
from cxresearch.voice.why.themes import themes


def study_with(seed: int = 0, *, effect: float = 1.2, both: float = 0.0, n: int = 1_200) -> Study:
    """Price in 40 % of comments costs `effect`; a handed-off ticket costs `both` more with a long wait."""
    rng = np.random.default_rng(seed)
    who = rng.integers(0, n // 2, n)
    price = rng.random(n) < 0.4
    speed = rng.random(n) < 0.2
    handed = rng.random(n) < 0.4
    hours = rng.lognormal(1, 1, n)
    long = np.log2(hours) > np.median(np.log2(hours))
    raw = (
        4.2
        + 0.4 * rng.normal(size=n)[who]
        - effect * price
        - both * (handed & long)
        + 0.7 * rng.normal(size=n)
    )
    created = pd.Timestamp("2024-03-01") + pd.to_timedelta(rng.uniform(0, 200, n), unit="D")
    said = [
        " ".join(["too expensive"] * int(a) + ["slow"] * int(b)) or "fine"
        for a, b in zip(price, speed, strict=True)
    ]
    answers = pd.DataFrame(
        {
            "customer_id": [f"c{at}" for at in who],
            "instrument": "csat",
            "score": np.clip(np.round(raw), 1, 5),
            "responded_at": created + pd.to_timedelta(hours + 1, unit="h"),
            "ticket_id": [f"t{at}" for at in range(n)],
            "comment": said,
            "channel": rng.choice(["mail", "chat", "phone"], n),
        }
    )
    tickets = pd.DataFrame(
        {
            "ticket_id": answers["ticket_id"],
            "customer_id": answers["customer_id"],
            "created_at": created,
            "first_replied_at": created + pd.to_timedelta(hours, unit="h"),
            "handoffs": handed.astype(float),
            "category": rng.choice(["bill", "login"], n),
        }
    )
    return Study.from_frames(
        {"responses": answers, "tickets": tickets}, observed_until="2024-12-31", instruments={"csat": CSAT}
    )


BOOK = {"price": ["expensive"], "speed": ["slow"]}


def test_the_price_in_the_comments_is_named_first() -> None:
    study = study_with()
    found = score_drivers(
        study,
        themes=themes(study, codebook=BOOK),
        by=["channel"],
        tickets=["first_reply_hours", "handed_off", "category"],
    )
    assert found.table["driver"].iloc[0] == "price"
    assert found.table["direction"].iloc[0] == "lowers"
    assert (found.table["p_adjusted"] < 0.05).sum() == 1
    assert found.finding.startswith("Look first at price")
    assert found.table["importance"].sum() == pytest.approx(found.drivers.r_squared)


def test_what_two_do_together_is_found() -> None:
    study = study_with(effect=0.0, both=1.2)
    found = score_drivers(
        study, tickets=["first_reply_hours", "handed_off"], together=[("first reply hours", "handed off")]
    )
    assert "first reply hours x handed off" in set(found.table["driver"])
    assert found.table.set_index("driver").loc["first reply hours x handed off", "p_adjusted"] < 0.05


def false_alarms(runs: int) -> float:
    named = 0
    for seed in range(runs):
        study = study_with(seed, effect=0.0, n=400)
        found = score_drivers(
            study,
            themes=themes(study, codebook=BOOK),
            by=["channel"],
            tickets=["first_reply_hours", "handed_off"],
            seed=seed,
        )
        named += (found.table["p_adjusted"] < 0.05).any()
    return named / runs


def test_nothing_stands_out_where_nothing_is() -> None:
    assert false_alarms(8) <= 0.25
    study = study_with(3, effect=0.0)
    found = score_drivers(study, themes=themes(study, codebook=BOOK), by=["channel"])
    assert found.finding.startswith("Nothing stands out")


@pytest.mark.slow
def test_the_level_over_all_drivers() -> None:
    share = false_alarms(300)
    print("any driver named on unrelated scores:", share)
    assert 0.02 <= share <= 0.08


def test_an_outcome_is_no_driver() -> None:
    with pytest.raises(ArgumentError, match="outcome"):
        score_drivers(study_with(), by=["reason", "channel"])
    with pytest.raises(ArgumentError, match="neither"):
        score_drivers(study_with(), by=["nothing", "channel"])
    with pytest.raises(ArgumentError, match="no driver"):
        score_drivers(study_with(), by=["channel"], together=[("a", "b")])
    with pytest.raises(ArgumentError, match="two or more"):
        score_drivers(study_with(), tickets=["handed_off"])
