"""What was planted before customers turned unhappy is found; what was not is not."""

import json

import numpy as np
import pandas as pd
import pytest

import cxresearch as cx
from cxresearch.errors import ArgumentError

START = pd.Timestamp("2024-01-01")


def study_of(*, ratio: float = 1.0, seed: int = 1, people: int = 900, fine: bool = True) -> cx.Study:
    """Customers asked every 30 to 90 days; late tickets come ``ratio`` times as often before a turn."""
    rng = np.random.default_rng(seed)
    answers, tickets, events = [], [], []
    for person in range(people):
        moments = np.cumsum(rng.uniform(30, 90, 7))
        unhappy = rng.random(7) < 0.12
        answers += [
            (f"c{person}", day, 3.0 if bad else 10.0) for day, bad in zip(moments, unhappy, strict=True)
        ]
        for place in range(6):
            start, end = moments[place], moments[place + 1]
            turn = unhappy[place + 1] and not unhappy[place]
            late = rng.poisson(0.012 * (ratio if turn else 1.0) * (end - start))
            quick = rng.poisson(0.02 * (end - start))
            tickets += [(f"c{person}", rng.uniform(start, end), 100.0) for _ in range(late)]
            tickets += [(f"c{person}", rng.uniform(start, end), 3.0) for _ in range(quick)]
            events += [
                (f"c{person}", rng.uniform(start, end)) for _ in range(rng.poisson(0.005 * (end - start)))
            ]
    table = pd.DataFrame(tickets, columns=["customer_id", "day", "hours"])
    created = START + pd.to_timedelta(table["day"], unit="D")
    frames = {
        "customers": pd.DataFrame(
            {"customer_id": [f"c{k}" for k in range(people)], "started_at": pd.Timestamp("2023-01-01")}
        ),
        "responses": pd.DataFrame(
            {
                "customer_id": [who for who, _, _ in answers],
                "instrument": "nps",
                "score": [score for _, _, score in answers],
                "responded_at": START + pd.to_timedelta([day for _, day, _ in answers], unit="D"),
            }
        ),
        "tickets": pd.DataFrame(
            {
                "ticket_id": [f"t{k}" for k in range(len(table))],
                "customer_id": table["customer_id"],
                "created_at": created,
                "resolved_at": created + pd.to_timedelta(table["hours"], unit="h"),
            }
        ),
        "events": pd.DataFrame(
            {
                "occurred_at": START + pd.to_timedelta([day for _, day in events], unit="D"),
                "kind": "owner change",
                "customer_id": [who for who, _ in events],
            }
        ),
    }
    return cx.Study.from_frames(frames, observed_until="2026-01-01", instruments={"nps": cx.NPS})


@pytest.fixture(scope="module")
def study() -> cx.Study:
    return study_of(ratio=3.0)


def test_what_went_before_is_named_with_its_ratio(study) -> None:
    found = cx.turning_points(study)
    rows = found.table.set_index("kind")
    late = rows.loc["ticket not resolved within 48 h"]
    assert late["low"] <= 3 <= late["high"]
    assert late["verdict"] == "more often"
    assert rows.loc["event: owner change", "verdict"] == "no difference seen"
    assert "ticket not resolved within 48 h 3." in found.finding or "48 h 2." in found.finding
    json.dumps(found.to_dict())


def test_counts_are_those_of_a_plain_loop(study) -> None:
    found = cx.turning_points(study, most_days=10_000)
    responses = study.table("responses").collect("pandas").to_native()
    tickets = study.table("tickets").collect("pandas").to_native()
    by_customer = {who: rows["created_at"].to_numpy() for who, rows in tickets.groupby("customer_id")}
    turned = stayed = before_turn = 0
    for who, rows in responses.sort_values("responded_at").groupby("customer_id"):
        moments, happy = rows["responded_at"].to_numpy(), (rows["score"] >= 9).to_numpy()
        for place in range(len(rows) - 1):
            if not happy[place]:
                continue
            if happy[place + 1]:
                stayed += 1
                continue
            turned += 1
            opened = by_customer.get(who, np.array([], dtype="datetime64[us]"))
            before_turn += int(((opened > moments[place]) & (opened < moments[place + 1])).sum())
    assert (found.n_turned, found.n_stayed) == (turned, stayed)
    assert found.table.set_index("kind").loc["ticket", "events"] == pytest.approx(before_turn, abs=3)


def test_nothing_planted_says_what_would_have_been_seen() -> None:
    found = cx.turning_points(study_of(ratio=1.0, seed=2))
    assert set(found.table["verdict"]) == {"no difference seen"}
    assert found.finding.startswith("Nothing on record happened more or less often")
    assert "would have been seen four times in five" in found.finding
    assert (found.table["visible"] > 1).all()


def test_few_turns_are_a_sentence() -> None:
    found = cx.turning_points(study_of(people=15))
    assert not len(found.table)
    assert "cannot be judged" in found.finding
    assert found._repr_html_()


def test_tickets_by_a_column_and_price_changes() -> None:
    study = cx.synthetic.company_study(seed=1, customers=3_000)
    found = cx.turning_points(study, "csat", tickets_by="category")
    kinds = set(found.table["kind"])
    assert {"ticket", "ticket reopened", "pays more", "event: outage"} <= kinds
    assert any(kind.startswith("ticket, category ") for kind in kinds)
    assert any("around_event" in note for note in found.notes)


def test_wrong_arguments_are_named(study) -> None:
    with pytest.raises(ArgumentError, match="not declared"):
        cx.turning_points(study, "csat")
    with pytest.raises(ArgumentError, match="no column 'colour'"):
        cx.turning_points(study, tickets_by="colour")
    with pytest.raises(ArgumentError, match="most_days"):
        cx.turning_points(study, most_days=1)
    bare = cx.Study.from_frames(
        {
            "customers": study.table("customers").collect("pandas").to_native(),
            "responses": study.table("responses").collect("pandas").to_native(),
        },
        observed_until="2026-01-01",
        instruments={"nps": cx.NPS},
    )
    with pytest.raises(ArgumentError, match="nothing is on record"):
        cx.turning_points(bare)


def test_the_picture_names_every_kind_judged(study) -> None:
    ax = cx.plot(cx.turning_points(study))
    assert next(text.get_text() for text in ax.get_yticklabels()).startswith("ticket not resolved")
    assert ax.get_title(loc="left") == "Before a turn of NPS"


@pytest.mark.slow
def test_false_alarms_over_all_kinds() -> None:
    hits = [
        (cx.turning_points(study_of(seed=seed, people=300)).table["p_adjusted"] <= 0.05).any()
        for seed in range(400)
    ]
    print(f"\nany kind named without a cause: {np.mean(hits):.1%}")
    assert np.mean(hits) <= 0.07
