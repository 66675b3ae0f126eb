"""The list of unhappy customers: who is on it, what is known of them, who is silent, what a file holds."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

import cxresearch as cx
from cxresearch.scales import CES1, CES2, CSAT, NPS

CUT = pd.Timestamp("2024-12-31")


def small_study(rows: list[tuple[str, float, str]], **customers: list[object]) -> cx.Study:
    people = sorted({name for name, _, _ in rows})
    frame = pd.DataFrame({"customer_id": people, "started_at": pd.Timestamp("2023-01-01")} | customers)
    answers = pd.DataFrame(rows, columns=["customer_id", "score", "responded_at"])
    answers["responded_at"] = pd.to_datetime(answers["responded_at"])
    return cx.Study.from_frames(
        {"customers": frame, "responses": answers.assign(instrument="nps")},
        observed_until="2024-12-30",
        instruments={"nps": NPS},
        currency="EUR",
    )


def listed(study: cx.Study, **options: object) -> list[str]:
    table = cx.unhappy_customers(study, risk="none", **options).table  # type: ignore[arg-type]
    return sorted(table["customer_id"])


def test_only_the_last_answer_counts() -> None:
    study = small_study(
        [
            ("stays", 3, "2024-05-01"),
            ("back", 3, "2024-05-01"),
            ("back", 10, "2024-06-01"),
            ("lost", 10, "2024-05-01"),
            ("lost", 2, "2024-06-01"),
            ("neutral", 2, "2024-05-01"),
            ("neutral", 8, "2024-06-01"),
            ("happy", 9, "2024-05-01"),
        ]
    )
    assert listed(study) == ["lost", "stays"]


def test_a_happy_answer_at_the_same_moment_is_in_doubt_and_not_listed() -> None:
    study = small_study([("both", 3, "2024-05-01"), ("both", 10, "2024-05-01"), ("other", 2, "2024-05-01")])
    assert listed(study) == ["other"]


def test_the_stretch_begins_with_the_first_unhappy_answer_since_the_last_happy_one() -> None:
    study = small_study(
        [
            ("a", 2, "2024-01-01"),
            ("a", 10, "2024-02-01"),
            ("a", 5, "2024-03-01"),
            ("a", 4, "2024-04-01"),
        ]
    )
    row = cx.unhappy_customers(study, risk="none").table.iloc[0]
    assert row["unhappy_since"] == pd.Timestamp("2024-03-01")
    assert row["last_score"] == 4
    assert row["answers"] == 4
    assert row["days_since"] == pytest.approx((study.observed_until - pd.Timestamp("2024-04-01")).days, abs=1)


def test_who_has_left_is_not_listed() -> None:
    study = small_study(
        [("gone", 2, "2024-05-01"), ("here", 2, "2024-05-01")], ended_at=[pd.Timestamp("2024-06-01"), pd.NaT]
    )
    assert listed(study) == ["here"]


@pytest.mark.parametrize(
    ("scale", "bottom"),
    [(NPS, tuple(range(7))), (CSAT, (1, 2)), (CES2, (1, 2, 3)), (CES1, (4, 5))],
)
def test_what_is_unhappy_is_declared_on_the_scale(scale: cx.Scale, bottom: tuple[int, ...]) -> None:
    assert scale.bottom == bottom
    people = [f"c{level}" for level in scale.levels]
    frame = pd.DataFrame({"customer_id": people, "started_at": pd.Timestamp("2023-01-01")})
    answers = frame.assign(
        instrument="asked", score=list(map(float, scale.levels)), responded_at=pd.Timestamp("2024-01-01")
    ).drop(columns="started_at")
    study = cx.Study.from_frames(
        {"customers": frame, "responses": answers}, observed_until="2024-02-01", instruments={"asked": scale}
    )
    assert listed(study) == sorted(f"c{level}" for level in bottom)


def test_an_own_scale_declares_its_unhappy_answers() -> None:
    own = cx.Scale(name="q", label="Q", low=1, high=5, direction="high_is_good", bottom=(1, 2, 3))
    assert own.bottom == (1, 2, 3)
    with pytest.raises(cx.errors.ArgumentError, match="both in top and in bottom"):
        cx.Scale(name="q", label="Q", low=1, high=5, direction="high_is_good", bottom=(4,))
    with pytest.raises(cx.errors.ArgumentError, match="bottom answers \\(0,\\) of scale 'q' lie outside it"):
        cx.Scale(name="q", label="Q", low=1, high=5, direction="high_is_good", bottom=(0,))


def test_revenue_tickets_and_owner_are_those_of_the_cut(company: SimpleNamespace) -> None:
    frames = company.frames(customers=400)
    people = frames["customers"]
    someone = people.loc[people["ended_at"].isna(), "customer_id"].iloc[0]
    people["owner"] = np.where(people.index % 2 == 0, "Ada", "Bea")
    frames["tickets"] = pd.DataFrame(
        {
            "ticket_id": ["t1", "t2", "t3"],
            "customer_id": someone,
            "created_at": pd.to_datetime(["2024-01-01", "2024-02-01", "2024-03-01"]),
            "resolved_at": pd.to_datetime(["2024-01-02", None, None]),
        }
    )
    frames["responses"] = pd.concat(
        [
            frames["responses"],
            pd.DataFrame(
                {
                    "customer_id": [someone],
                    "instrument": "nps",
                    "score": [1.0],
                    "responded_at": pd.Timestamp("2024-12-01"),
                }
            ),
        ]
    )
    result = cx.unhappy_customers(company.of(frames), risk="none")
    row = result.table.set_index("customer_id").loc[someone]
    assert row["open_tickets"] == 2
    assert row["owner"] == people.set_index("customer_id").loc[someone, "owner"]
    revenue = frames["revenue"].drop_duplicates("customer_id").set_index("customer_id")["mrr"]
    assert row["mrr"] == revenue.loc[someone]
    assert result.table["mrr"].is_monotonic_decreasing


def test_what_cannot_be_known_is_said() -> None:
    result = cx.unhappy_customers(small_study([("a", 2, "2024-05-01"), ("b", 9, "2024-05-01")]))
    notes = " ".join(result.notes)
    assert "no revenue table" in notes
    assert "no tickets table" in notes
    assert "risk of leaving n/a:" in notes
    assert "at least 30 of each are needed" in notes
    assert result.silent.empty


def test_nobody_answered_is_a_sentence(company: SimpleNamespace) -> None:
    frames = company.frames(customers=100)
    frames["responses"] = frames["responses"].head(0)
    result = cx.unhappy_customers(company.of(frames), risk="none")
    assert result.finding.startswith("None of ")
    assert result.table.empty


def test_a_risk_of_leaving_comes_from_the_classifier() -> None:
    study = cx.synthetic.company_study(seed=1, customers=900)
    marks = cx.landmark(study, horizon_days=180, keep_silent=True)
    model = cx.fit_churn(marks, members=0)
    table = cx.unhappy_customers(study, risk=model).table
    known = table["risk_of_leaving"].dropna()
    assert len(known)
    assert known.between(0, 1).all()


# --- the silent -----------------------------------------------------------------------------------


def silent_study(*, effect: float, seed: int = 1, customers: int = 2400) -> tuple[cx.Study, pd.Series]:
    """Half answer; a ticket raises the logit of being unhappy by ``effect``; the truth of all is known."""
    rng = np.random.default_rng(seed)
    tickets = rng.poisson(1.0, customers)
    chance = 1 / (1 + np.exp(1.0 - effect * (tickets - 1)))
    unhappy = rng.random(customers) < chance
    people = pd.DataFrame(
        {"customer_id": [f"c{k:05d}" for k in range(customers)], "started_at": pd.Timestamp("2023-01-01")}
    )
    asked = rng.random(customers) < 0.5
    answers = pd.DataFrame(
        {
            "customer_id": people["customer_id"][asked],
            "instrument": "nps",
            "score": np.where(unhappy[asked], 3.0, 9.0),
            "responded_at": pd.Timestamp("2024-11-15"),
        }
    )
    opened = people["customer_id"].repeat(tickets).reset_index(drop=True)
    support = pd.DataFrame(
        {
            "ticket_id": [f"t{k}" for k in range(len(opened))],
            "customer_id": opened,
            "created_at": pd.Timestamp("2024-10-20"),
            "resolved_at": pd.Timestamp("2024-10-21"),
        }
    )
    study = cx.Study.from_frames(
        {"customers": people, "responses": answers, "tickets": support},
        observed_until="2024-12-30",
        instruments={"nps": NPS},
    )
    return study, pd.Series(unhappy, index=people["customer_id"])[~asked]


def test_the_silent_are_predicted_with_calibrated_chances() -> None:
    study, truth = silent_study(effect=1.2)
    result = cx.unhappy_customers(study, risk="none")
    assert result.n_silent == len(truth)
    assert result.auc is not None
    assert result.auc.low > 0.6
    chance = result.silent.set_index("customer_id")["chance"]
    happened = truth.reindex(chance.index)
    assert chance.sum() == pytest.approx(happened.sum(), rel=0.15)
    likely = chance >= chance.quantile(0.75)
    assert chance[likely].mean() == pytest.approx(happened[likely].mean(), abs=0.08)
    assert "Predicted, not said." in result.notes[-1]


def test_where_the_model_cannot_tell_nobody_is_predicted() -> None:
    empty = [cx.unhappy_customers(silent_study(effect=0.0, seed=seed)[0], risk="none") for seed in range(4)]
    assert sum(result.silent.empty for result in empty) >= 3
    quiet = next(result for result in empty if result.silent.empty)
    assert "the model cannot tell (AUC" in quiet.notes[-1]


# --- a file for a spreadsheet ---------------------------------------------------------------------


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t"])
def test_text_a_spreadsheet_would_run_is_quoted(start: str, tmp_path: Path) -> None:
    hostile = f"{start}HYPERLINK(1)"
    study = small_study([("a", 2, "2024-05-01")], owner=[hostile])
    path = cx.unhappy_customers(study, risk="none").to_csv(tmp_path / "list.csv")
    owner = pd.read_csv(path)["owner"].iloc[0]
    assert owner.startswith("'")
    assert hostile.strip() in owner


def test_the_file_has_every_row_and_column(company: SimpleNamespace, tmp_path: Path) -> None:
    result = cx.unhappy_customers(company.study(customers=300), risk="none")
    again = pd.read_csv(result.to_csv(tmp_path / "list.csv"))
    assert list(again.columns) == list(result.table.columns)
    assert len(again) == len(result.table)


def test_ids_stay_off_the_page() -> None:
    result = cx.unhappy_customers(small_study([("secret-id", 2, "2024-05-01")]), risk="none")
    assert "secret-id" not in result._repr_html_()
    assert "secret-id" in set(result.to_frame()["customer_id"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"owner": "boss"}, "owner 'boss' is no column of customers"),
        ({"risk": "maybe"}, "'fit' or 'none'"),
        ({"score": "ces"}, "score 'ces' is not available"),
        ({"window_days": 0}, "window_days"),
    ],
)
def test_what_is_not_there_is_refused(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(cx.errors.ArgumentError, match=message):
        cx.unhappy_customers(small_study([("a", 2, "2024-05-01")]), **arguments)  # type: ignore[arg-type]
