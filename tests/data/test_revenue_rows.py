"""What a row of revenue is: a level, a snapshot, a subscription or a movement; declared, not guessed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import cxresearch as cx
from cxresearch.data.starter.write_starter import write_starter_study
from cxresearch.errors import StudyError
from tests.data.test_contradictions import bridge_table

HEAD = '[study]\nobserved_until = {cut}\n\n[[sources]]\ntable = "revenue"\nfile = "r.csv"\n{keys}\n'


def revenue(folder: Path, rows: str, keys: str, columns: str, cut: str = "2024-12-31") -> cx.Study:
    (folder / "r.csv").write_text(rows, encoding="utf-8")
    (folder / "study.toml").write_text(
        HEAD.format(cut=cut, keys=keys) + "[sources.columns]\n" + columns + "\n", encoding="utf-8"
    )
    return cx.read_study(folder)


def bridge(study: cx.Study) -> pd.DataFrame:
    return bridge_table(cx.revenue.mrr_bridge(study)).set_index("period")


def levels(study: cx.Study) -> list[tuple[str, str, float]]:
    rows = study.table("revenue").collect().to_pandas().sort_values(["customer_id", "effective_at"])
    days = rows["effective_at"].dt.strftime("%Y-%m-%d")
    return list(zip(rows["customer_id"], days, rows["mrr"].round(6), strict=True))


SNAPSHOTS = """who,day,mrr
u1,2025-07-31,20
u2,2025-07-31,50
u3,2025-07-31,30
u5,2025-07-31,15
u6,2025-07-31,25
u7,2025-07-31,40
u2,2025-08-31,50
u3,2025-08-31,20
u4,2025-08-31,15
u6,2025-08-31,35
"""
PLAIN = 'customer_id = "who"\neffective_at = "day"\nmrr = "mrr"'


def test_who_is_missing_from_a_snapshot_has_left(tmp_path: Path) -> None:
    study = revenue(tmp_path, SNAPSHOTS, 'rows = "snapshots"', PLAIN, "2025-08-31")
    august = bridge(study).loc["2025-08-01"]
    assert august[["opening", "new", "expansion", "contraction", "churn", "closing"]].tolist() == [
        180,
        15,
        10,
        10,
        75,
        120,
    ]
    assert august["churn_customers"] / august["opening_customers"] == 0.5
    flags = study.flags().set_index("flag")["rows"]
    assert flags["customers missing from a snapshot, level 0"] == 3


def test_the_check_doubts_snapshots_read_as_levels(tmp_path: Path) -> None:
    study = revenue(tmp_path, SNAPSHOTS, "", PLAIN, "2025-08-31")
    assert bridge(study).loc["2025-08-01", "churn"] == 0
    flags = cx.check_study(study).flags.set_index("flag")["rows"]
    assert flags["looks like snapshots"] == 3


def test_one_snapshot_says_nothing_of_who_left(tmp_path: Path) -> None:
    one = "\n".join(line for line in SNAPSHOTS.splitlines() if "08-31" not in line) + "\n"
    study = revenue(tmp_path, one, 'rows = "snapshots"', PLAIN, "2025-08-31")
    assert len(levels(study)) == 6


PERIODS = """id,who,start,end,mrr
1,a,2024-01-01,2024-01-31,10
2,a,2024-02-01,2024-02-29,10
3,a,2024-03-01,2024-03-31,10
4,a,2024-04-01,2024-04-30,10
5,b,2024-01-01,2024-02-29,20
6,b,2024-03-01,,20
7,c,2024-01-01,2024-03-31,30
"""
PERIOD = 'customer_id = "who"\neffective_at = "start"\nends_at = "end"\nmrr = "mrr"'
SUBSCRIPTIONS = 'rows = "subscriptions"\nends = "{}"'


@pytest.mark.parametrize("clock", ["", " 23:59:59"])
def test_the_last_paid_day_is_paid(tmp_path: Path, clock: str) -> None:
    rows = "\n".join(
        ",".join(
            cell + clock if i == 3 and cell.startswith("2") else cell
            for i, cell in enumerate(line.split(","))
        )
        for line in PERIODS.splitlines()
    )
    months = bridge(revenue(tmp_path, rows + "\n", SUBSCRIPTIONS.format("inclusive"), PERIOD, "2024-05-15"))
    assert months["opening"].tolist() == [0, 60, 60, 60, 30]
    assert months["churn"].tolist() == [0, 0, 0, 30, 10]
    assert months["reactivation"].sum() == 0


def test_a_day_between_two_subscriptions_is_bridged_where_declared(tmp_path: Path) -> None:
    keys = SUBSCRIPTIONS.format("exclusive")
    apart = bridge(revenue(tmp_path, PERIODS, keys, PERIOD, "2024-05-15"))
    assert apart["churn"].tolist() == [0, 20, 30, 0, 0]
    assert apart["reactivation"].tolist() == [0, 0, 20, 0, 0]
    bridged = bridge(revenue(tmp_path, PERIODS, keys + "\nbridge_gaps_days = 1", PERIOD, "2024-05-15"))
    assert bridged["churn"].tolist() == [0, 0, 30, 10, 0]
    assert bridged["reactivation"].sum() == 0


def test_an_inclusive_end_is_a_local_day(tmp_path: Path) -> None:
    rows = "who,start,end,mrr\na,2024-01-01,2024-01-31,10\n"
    keys = SUBSCRIPTIONS.format("inclusive") + '\ntimezone = "America/New_York"'
    study = revenue(tmp_path, rows, keys, PERIOD)
    ends = study.table("revenue").collect().to_pandas()["effective_at"].max()
    assert ends == pd.Timestamp("2024-02-01 05:00")


def test_upgrades_are_no_churn(tmp_path: Path) -> None:
    rows = (
        "id,who,price,state,start,end\n1,a,29,Upgraded,2024-01-01,2024-03-10\n2,a,79,Active,2024-03-10,\n"
        "3,b,79,Cancelled,2024-01-01,2024-03-15\n4,c,199,Active,2024-01-01,\n"
    )
    columns = PERIOD.replace('"mrr"', '"price"')
    march = bridge(revenue(tmp_path, rows, SUBSCRIPTIONS.format("exclusive"), columns, "2024-03-31"))
    assert march.loc["2024-03-01", ["expansion", "churn", "closing", "churn_customers"]].tolist() == [
        50,
        79,
        278,
        1,
    ]


def test_trials_intervals_seats_and_statuses(tmp_path: Path) -> None:
    rows = (
        "who,start,end,trial_end,amount,interval,seats,state\n"
        "a,2024-01-05,,,399,month,1,active\n"
        "b,2024-01-10,,,1200,year,1,active\n"
        "c,2024-01-15,2024-04-15,,39900,3 months,2,canceled\n"
        "d,2024-03-01,2024-03-10,2024-03-15,1010,year,1,canceled\n"
        "e,2024-05-25,,2024-06-08,1010,year,1,trialing\n"
        "f,2024-05-01,,2024-05-15,90,quarterly,1,active\n"
    )
    columns = (
        'customer_id = "who"\neffective_at = "start"\nends_at = "end"\ntrial_ends_at = "trial_end"\n'
        'mrr = { column = "amount", per_column = "interval", times = "seats" }\n'
        'status = { column = "state", values = { canceled = "cancelled", trialing = "trial" } }'
    )
    study = revenue(tmp_path, rows, SUBSCRIPTIONS.format("exclusive"), columns)
    assert levels(study) == [
        ("a", "2024-01-05", 399.0),
        ("b", "2024-01-10", 100.0),
        ("c", "2024-01-15", 26600.0),
        ("c", "2024-04-15", 0.0),
        ("e", "2024-06-08", 0.0),
        ("f", "2024-05-15", 30.0),
    ]
    flags = study.flags().set_index("flag")["rows"]
    assert flags["subscriptions that never paid (over at their start, or within a trial)"] == 1
    assert flags["subscriptions on trial or unpaid, level 0"] == 1


@pytest.mark.parametrize(
    ("row", "rule"),
    [
        ("a,2024-01-01,,10,fortnight,active", "unknown_interval:mrr"),
        ("a,2024-01-01,,x,month,active", "not_a_number:mrr"),
        ("a,2024-01-01,,10,month,past_due", "unknown_status:status"),
        ("a,2024-01-01,,10,month,cancelled", "cancelled_without_end:ends_at"),
        ("a,2024-03-01,2024-01-01,10,month,active", "end_before_start:ends_at"),
    ],
)
def test_what_a_period_cannot_be_is_set_aside(tmp_path: Path, row: str, rule: str) -> None:
    rows = f"who,start,end,mrr,interval,state\nb,2024-01-01,,12,year,active\n{row}\n"
    columns = PERIOD.replace(
        'mrr = "mrr"', 'mrr = { column = "mrr", per_column = "interval" }\nstatus = "state"'
    )
    study = revenue(tmp_path, rows, SUBSCRIPTIONS.format("exclusive"), columns)
    assert study.summary("revenue").rejected == {rule: 1}
    assert study.summary("revenue").valid == 1


@pytest.mark.parametrize(
    ("column", "level"),
    [
        ('{ column = "mrr", per = "year" }', 2.0),
        ('{ column = "mrr", multiply = 0.01 }', 0.24),
        ('{ column = "mrr", per = "quarter", multiply = 0.01 }', 0.08),
        ('{ column = "mrr", per = "week" }', 24 * 52 / 12),
    ],
)
def test_yearly_prices_and_cents(tmp_path: Path, column: str, level: float) -> None:
    study = revenue(tmp_path, "who,day,mrr\na,2024-01-01,24\n", "", PLAIN.replace('"mrr"', column))
    assert study.table("revenue").collect().to_pandas()["mrr"].tolist() == pytest.approx([level])


def test_movements_add_up(tmp_path: Path) -> None:
    rows = "who,day,mrr\na,2024-01-01,50\na,2024-02-01,25\na,2024-03-01,-75\nb,2024-01-01,-5\n"
    study = revenue(tmp_path, rows, 'rows = "movements"', PLAIN)
    assert study.summary("revenue").rejected == {"negative_value:mrr": 1}
    valid = study.checked.valid("revenue").collect().to_pandas().sort_values("effective_at")
    assert valid["mrr"].tolist() == [50, 75, 0]


def test_losses_written_as_positive_amounts_are_told_apart_by_init(tmp_path: Path) -> None:
    (tmp_path / "mrr_movements.csv").write_text(
        "customer_id,change_date,mrr_change,type\na,2024-01-01,50,new\na,2024-02-01,20,expansion\n"
        "a,2024-03-01,30,contraction\nb,2024-01-01,10,new\nb,2024-04-01,10,churn\n"
    )
    path = write_starter_study(tmp_path)
    path.write_text(path.read_text().replace("# observed_until = 2024-04-01", "observed_until = 2024-12-31"))
    assert levels(cx.read_study(path)) == [
        ("a", "2024-01-01", 50.0),
        ("a", "2024-02-01", 70.0),
        ("a", "2024-03-01", 40.0),
        ("b", "2024-01-01", 10.0),
        ("b", "2024-04-01", 0.0),
    ]


def test_periods_give_the_levels_of_a_count_day_by_day(tmp_path: Path) -> None:
    random = np.random.default_rng(3)
    start = pd.Timestamp("2024-01-01")
    n = 300
    first = random.integers(0, 200, n)
    length = random.integers(0, 90, n)
    frame = pd.DataFrame(
        {
            "who": random.integers(0, 25, n),
            "start": start + pd.to_timedelta(first, unit="D"),
            "end": start + pd.to_timedelta(first + length, unit="D"),
            "mrr": random.integers(1, 50, n),
        }
    )
    frame.loc[random.random(n) < 0.2, "end"] = pd.NaT
    for ends, extra in (("exclusive", 0), ("inclusive", 1)):
        study = revenue(tmp_path, frame.to_csv(index=False), SUBSCRIPTIONS.format(ends), PERIOD)
        rows = study.table("revenue").collect().to_pandas()
        for day in pd.date_range("2023-12-30", periods=320, freq="7D"):
            stop = frame["end"] + pd.Timedelta(days=extra)
            running = (frame["start"] <= day) & (stop.isna() | (stop > day))
            expected = frame[running].groupby(frame["who"].astype(str))["mrr"].sum()
            by_now = rows[rows["effective_at"] <= day].sort_values("effective_at")
            level = by_now.groupby("customer_id")["mrr"].last()
            assert level[level > 0].to_dict() == expected.to_dict()


@pytest.mark.parametrize(
    ("keys", "columns", "says"),
    [
        ('rows = "subscriptions"', PERIOD, "last paid day, or the first without"),
        (SUBSCRIPTIONS.format("inclusive"), PLAIN, "needs the column ends_at"),
        ("", PERIOD, "'ends_at' is not a column of revenue"),
        ("", PLAIN.replace('"mrr"', '{ column = "mrr", per = "decade" }'), "per is 'decade'"),
        ('rows = "periods"', PLAIN, "rows is 'periods'"),
    ],
)
def test_what_is_not_declared_is_asked(tmp_path: Path, keys: str, columns: str, says: str) -> None:
    with pytest.raises(StudyError, match=says):
        revenue(tmp_path, PERIODS.replace("start", "start"), keys, columns)


def test_levels_beside_parts_of_levels_are_refused(tmp_path: Path) -> None:
    (tmp_path / "l.csv").write_text(SNAPSHOTS)
    second = '[[sources]]\ntable = "revenue"\nfile = "l.csv"\n[sources.columns]\n'
    with pytest.raises(StudyError, match="whole levels of customers and as parts"):
        revenue(tmp_path, PERIODS, SUBSCRIPTIONS.format("inclusive"), f"{PERIOD}\n{second}{PLAIN}")


TOUCHING = (
    PERIODS.replace("2024-01-31", "2024-02-01")
    .replace("2024-02-29", "2024-03-01")
    .replace("a,2024-03-01,2024-03-31", "a,2024-03-01,2024-04-01")
)


@pytest.mark.parametrize(
    ("rows", "line"),
    [
        (PERIODS, 'ends = "inclusive"  # TODO check: after 4 of 6 ends'),
        (
            TOUCHING,
            'ends = "exclusive"',
        ),
        ("id,who,start,end,mrr\n1,a,2024-01-01,2024-02-11,10\n2,b,2024-01-01,,10\n", "# ends = "),
        (
            "id,who,start,end,mrr\n1,a,2024-01-01,2024-02-11 23:59:59,10\n2,b,2024-01-01,,10\n",
            'ends = "inclusive"',
        ),
    ],
)
def test_init_says_what_an_end_is_or_asks(tmp_path: Path, rows: str, line: str) -> None:
    (tmp_path / "subscriptions.csv").write_text(rows.replace("who", "customer_id"))
    assert line in write_starter_study(tmp_path).read_text()


def test_ends_that_are_not_iso_are_read_as_they_are_written(tmp_path: Path) -> None:
    lines = [line.split(",") for line in PERIODS.replace("who", "customer_id").splitlines()]
    turned = [
        ",".join("-".join(reversed(cell.split("-"))) if cell.startswith("20") else cell for cell in line)
        for line in lines
    ]
    (tmp_path / "subscriptions.csv").write_text("\n".join(turned) + "\n")
    path = write_starter_study(tmp_path)
    text = path.read_text()
    assert 'ends_at = { column = "end", date_format = "%d-%m-%Y" }' in text
    assert 'effective_at = { column = "start", date_format' not in text
    assert "declare its date_format" in text
    assert "# TODO is 'end' the last paid day" in text
    settled = text.replace(
        'effective_at = "start"', 'effective_at = { column = "start", date_format = "%d-%m-%Y" }'
    )
    settled = settled.replace("# ends =", "ends =").replace("[study]", "[study]\nobserved_until = 2024-05-15")
    path.write_text(settled)
    assert bridge(cx.read_study(path))["churn"].tolist() == [0, 0, 0, 30, 10]


def test_init_recognises_snapshots(tmp_path: Path) -> None:
    (tmp_path / "customers.csv").write_text(
        "customer_id,signup_date\n" + "".join(f"u{i},2025-01-0{i}\n" for i in range(1, 8))
    )
    (tmp_path / "mrr.csv").write_text(SNAPSHOTS.replace("who,day", "customer_id,date"))
    path = write_starter_study(tmp_path)
    assert 'rows = "snapshots"  # TODO check' in path.read_text()
