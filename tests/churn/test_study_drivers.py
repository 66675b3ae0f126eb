"""The planted driver is named first, categories and tickets among them; shuffled scores name nothing."""

import numpy as np
import pandas as pd
import pytest

import cxresearch as cx
from cxresearch.data.study import Study
from cxresearch.errors import ArgumentError
from cxresearch.scales import CSAT
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
    marked = themes(study_with(), codebook=BOOK)
    found = cx.key_drivers(marked, "csat", ["channel", "first_reply_hours", "handed_off", "tickets.category"])
    table = found.table.set_index("driver")
    assert found.look_first == "theme:price"
    assert table.loc["theme:price", "direction"] == -1
    assert (table["p_adjusted"] < 0.05).sum() == 1
    assert found.finding.startswith("Look first at price: ")
    assert "with nothing else beyond chance" in found.finding
    assert table["importance"].sum() == pytest.approx(found.r_squared)
    # 40 % complain: performance 60 of 100, and nobody performs in a channel
    assert table.loc["theme:price", "performance"] == pytest.approx(60, abs=4)
    assert {"channel: chat", "channel: mail", "channel: phone"} & set(table.index)
    assert (table.filter(like="channel", axis=0)["quadrant"] == "not placed").all()


def test_what_two_do_together_is_found() -> None:
    study = study_with(effect=0.0, both=1.2)
    pair = ("first_reply_hours", "handed_off")
    found = cx.key_drivers(study, "csat", [*pair, pair])
    table = found.table.set_index("driver")
    assert table.loc["first_reply_hours x handed_off", "p_adjusted"] < 0.05
    level = cx.key_drivers(study, "csat", ["handed_off", "channel", ("channel: mail", "handed_off")], runs=20)
    both = level.table.set_index("driver").loc["channel: mail x handed_off", "how_often"]
    rows = study.table("responses").collect("pandas").to_native()
    tickets = study.table("tickets").collect("pandas").to_native()
    rows = rows.merge(tickets, on="ticket_id")
    assert both == pytest.approx(((rows["channel"] == "mail") & (rows["handoffs"] > 0)).mean())


def test_praise_is_not_where_to_look_first() -> None:
    praise = study_with(effect=-0.8, both=0.9)  # whoever writes of price is the happier
    found = cx.key_drivers(themes(praise, codebook=BOOK), "csat", ["handed_off"])
    table = found.table.set_index("driver")
    assert table["importance"].idxmax() == "theme:price"
    assert found.look_first == "handed_off"
    assert table.loc["theme:price", "performance"] == pytest.approx(40, abs=4)


def test_the_shares_are_those_of_least_squares() -> None:
    study = study_with()
    found = cx.key_drivers(study, "csat", ["channel", "handed_off"], runs=20)
    rows = study.table("responses").collect("pandas").to_native()
    rows = rows.merge(study.table("tickets").collect("pandas").to_native(), on="ticket_id")
    levels = pd.get_dummies(rows["channel"], drop_first=True).to_numpy(float)
    X = np.column_stack([np.ones(len(rows)), levels, rows["handoffs"]])
    y = rows["score"].to_numpy(float)
    left = y - X @ np.linalg.lstsq(X, y, rcond=None)[0]
    assert found.r_squared == pytest.approx(1 - left.var() / y.var())


def false_alarms(runs: int) -> float:
    named = 0
    for seed in range(runs):
        marked = themes(study_with(seed, effect=0.0, n=400), codebook=BOOK)
        asked = ["channel", "first_reply_hours", "handed_off"]
        named += cx.key_drivers(marked, "csat", asked, seed=seed, runs=20).look_first != ""
    return named / runs


def test_nothing_stands_out_where_nothing_is() -> None:
    assert false_alarms(8) <= 0.25
    marked = themes(study_with(3, effect=0.0), codebook=BOOK)
    found = cx.key_drivers(marked, "csat", ["channel"])
    assert found.finding.startswith("Nothing stands out")


@pytest.mark.slow
def test_the_level_over_all_drivers() -> None:
    share = false_alarms(600)
    print("any driver named on unrelated scores:", share)
    assert 0.035 <= share <= 0.065


def test_an_outcome_is_no_driver() -> None:
    study = study_with()
    with pytest.raises(ArgumentError, match="outcome"):
        cx.key_drivers(study, "csat", ["reason", "channel"])
    with pytest.raises(ArgumentError, match="neither"):
        cx.key_drivers(study, "csat", ["nothing", "channel"])
    with pytest.raises(ArgumentError, match="no driver"):
        cx.key_drivers(study, "csat", ["channel", ("channel", "channel: mail")])
    with pytest.raises(ArgumentError, match="only 'handed_off'"):
        cx.key_drivers(study, "csat", ["handed_off"])
    with pytest.raises(ArgumentError, match="no themes of comments"):
        cx.key_drivers(study, "csat", ["theme:price", "channel"])
    with pytest.raises(ArgumentError, match="there is no theme"):
        cx.key_drivers(themes(study, codebook=BOOK), "csat", ["theme:nothing", "channel"])
    with pytest.raises(ArgumentError, match="nps"):
        cx.key_drivers(study, "nps", ["channel"])


def test_a_rare_theme_is_named_as_not_judged() -> None:
    marked = themes(study_with(), codebook=BOOK | {"rare": ["never said"]})
    found = cx.key_drivers(marked, "csat", runs=20)
    assert found.left_out == ("rare",)
    assert any("rare" in note for note in found.notes)
