"""Several subscriptions of one customer: summed as declared or asked about, never the last one alone."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pandas as pd
import pyarrow as pa
import pytest

import cxresearch as cx

ROWS = [
    ("c1", "s1", "2024-01-01", 100.0),
    ("c1", "s2", "2024-02-01", 50.0),
    ("c1", "s1", "2024-03-01", 0.0),
    ("c1", "s2", "2024-04-01", 70.1),
    ("c1", "s2", "2024-05-01", 0.0),
    ("c2", "s3", "2024-01-01", 10.0),
    ("c2", "s4", "2024-01-01", 20.0),
    ("c2", "s3", "2024-06-01", 5.0),
]
LEVELS = [
    ["c1", "2024-01-01", 100.0],
    ["c1", "2024-02-01", 150.0],
    ["c1", "2024-03-01", 50.0],
    ["c1", "2024-04-01", 70.1],
    ["c1", "2024-05-01", 0.0],
    ["c2", "2024-01-01", 30.0],
    ["c2", "2024-06-01", 25.0],
]
HEAD = '[study]\nobserved_until = 2024-12-31\n[[sources]]\ntable = "revenue"\nfile = "r.csv"\n'
COLUMNS = 'columns = { customer_id = "customer", effective_at = "day", mrr = "mrr"%s }\n'


def frame(rows: list[tuple[str, str, str, float]] = ROWS) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["customer_id", "subscription_id", "effective_at", "mrr"])


def levels(study: cx.Study) -> list[list[object]]:
    rows = study.table("revenue").collect("pandas").to_native().sort_values(["customer_id", "effective_at"])
    assert list(rows.columns) == ["customer_id", "effective_at", "mrr"]
    days = rows["effective_at"].dt.strftime("%Y-%m-%d")
    return [list(row) for row in zip(rows["customer_id"], days, rows["mrr"], strict=True)]


def write(folder: Path, more: str, before: str = "") -> Path:
    lines = [f"{c},{s},{d},{m},p{s}" for c, s, d, m in ROWS]
    (folder / "r.csv").write_text("customer,sub,day,mrr,plan\n" + "\n".join(lines) + "\n")
    (folder / "study.toml").write_text(HEAD + before + COLUMNS % more)
    return folder


def test_levels_of_subscriptions_are_summed(tmp_path: Path) -> None:
    study = cx.read_study(write(tmp_path, ', subscription_id = "sub"'))
    assert levels(study) == LEVELS
    flags = study.flags().set_index("flag")["rows"]
    assert flags.to_dict() == {"levels of subscriptions at one moment, summed": 1}
    assert int(study.counts()["rows"].iloc[0]) + 1 == len(ROWS)


def test_frames_are_summed_too_and_row_order_is_irrelevant() -> None:
    for rows in (frame(), frame().sample(frac=1, random_state=1)):
        study = cx.Study.from_frames({"revenue": rows}, observed_until="2024-12-31", instruments={})
        assert levels(study) == LEVELS


def test_the_same_as_the_sum_over_days_written_out() -> None:
    """Against the definition: on each day the sum of each subscription's last level."""
    study = cx.Study.from_frames({"revenue": frame()}, observed_until="2024-12-31", instruments={})
    found = pd.DataFrame(levels(study), columns=["customer_id", "day", "mrr"])
    rows = frame()
    for day in pd.date_range("2024-01-01", "2024-07-01", freq="7D").strftime("%Y-%m-%d"):
        then = rows[rows["effective_at"] <= day]
        last = then.sort_values("effective_at").groupby(["customer_id", "subscription_id"])["mrr"].last()
        expected = last.groupby("customer_id").sum()
        mine = found[found["day"] <= day].groupby("customer_id")["mrr"].last()
        pd.testing.assert_series_equal(mine, expected, check_exact=False, atol=1e-9)


def test_a_plan_without_a_declaration_is_asked_about(tmp_path: Path) -> None:
    with pytest.raises(cx.errors.StudyError, match=r"level of the plan or of the customer.*subscription_id"):
        cx.read_study(write(tmp_path, ', plan = "plan"'))
    with pytest.raises(cx.errors.StudyError, match="level_of is 'plan'"):
        cx.read_study(write(tmp_path, ', plan = "plan"', 'level_of = "plan"\n'))
    declared = cx.read_study(write(tmp_path, ', plan = "plan"', 'level_of = "customer"\n'))
    assert declared.counts()[["rows", "valid"]].values.tolist() == [[8, 6]]  # two levels at once stay rejects


@pytest.mark.parametrize(
    ("more", "before", "says"),
    [
        (', subscription_id = "sub", plan = "plan"', "", "'plan' cannot be kept"),
        (', subscription_id = "sub"', 'level_of = "customer"\n', "exclude each other"),
        (', subscription_id = "sub", currency = { constant = "EUR" }', "", "'currency' cannot be kept"),
    ],
)
def test_what_cannot_be_summed_is_refused(tmp_path: Path, more: str, before: str, says: str) -> None:
    with pytest.raises(cx.errors.StudyError, match=says):
        cx.read_study(write(tmp_path, more, before))


def test_faulty_rows_are_set_aside_and_counted() -> None:
    rows = [*ROWS, ("c1", "s9", "2024-02-10", 7.0), ("c1", "s9", "2024-02-10", 8.0)]
    rows += [("c1", None, "2024-02-11", 1.0), ("c2", "s3", "2024-07-01", -4.0), ("c2", "s3", None, 4.0)]  # type: ignore[list-item]
    study = cx.Study.from_frames(
        {"revenue": frame(rows)}, observed_until="2024-12-31", instruments={}, on_reject="set_aside"
    )
    assert levels(study) == LEVELS
    rejects = study.rejects()
    assert sorted(rejects["rule"]) == [
        "missing_value",
        "missing_value",
        "negative_value",
        "two_levels_at_once",
        "two_levels_at_once",
    ]
    assert int(study.counts()["rows"].iloc[0]) + 1 == len(rows)


def test_frames_keep_no_plan_of_a_sum() -> None:
    with pytest.raises(cx.errors.StudyError, match="'plan' cannot be kept"):
        cx.Study.from_frames(
            {"revenue": frame().assign(plan="pro")}, observed_until="2024-12-31", instruments={}
        )


def test_an_engine_that_cannot_sum_says_so() -> None:
    relation = duckdb.from_arrow(
        pa.Table.from_pandas(frame().assign(effective_at=pd.Timestamp("2024-01-01")))
    )
    with pytest.raises(cx.errors.StudyError, match="not summed on this engine"):
        cx.Study.from_frames({"revenue": relation}, observed_until="2024-12-31", instruments={})
