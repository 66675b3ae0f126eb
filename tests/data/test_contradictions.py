"""Tables that contradict each other: counted by the check, refused until declared, settled as declared."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import cxresearch as cx
from cxresearch.cli import main
from cxresearch.data.checking.contradictions import contradictions
from cxresearch.errors import StudyError

MARCH = pd.Timestamp("2024-03-01")
COLUMNS = ["customer_id", "effective_at", "mrr"]


def forty(**options: Any) -> cx.Study:
    """Forty customers at 50 a month, of whom every fourth ended on 15 March; revenue never says so."""
    ids = [f"c{i}" for i in range(1, 41)]
    ends = [pd.Timestamp("2024-03-15") if i % 4 == 0 else pd.NaT for i in range(1, 41)]
    start = pd.Timestamp("2023-06-01")
    customers = pd.DataFrame({"customer_id": ids, "started_at": start, "ended_at": ends})
    revenue = pd.DataFrame({"customer_id": ids, "effective_at": start, "mrr": 50.0})
    tables = {"customers": customers, "revenue": revenue, **options.pop("tables", {})}
    return cx.Study.from_frames(tables, observed_until="2024-06-30", instruments={}, **options)


def flags(study: cx.Study) -> dict[str, int]:
    doubts = contradictions(study)
    return dict(zip(doubts["flag"], doubts["rows"], strict=True))


def bridge_table(bridge: Any) -> pd.DataFrame:
    return getattr(bridge, "table", None) if hasattr(bridge, "table") else bridge.frame


def march(study: cx.Study) -> pd.Series[Any]:
    months = bridge_table(cx.revenue.mrr_bridge(study))
    return months[months["period"] == MARCH].iloc[0]


def test_revenue_that_goes_on_after_the_end_is_counted_and_refused() -> None:
    study = forty()
    assert flags(study) == {"paying after the end": 10}
    check = cx.check_study(study)
    assert not check.usable
    assert "10 of 10 customers who ended go on paying" in check.problems[0]
    with pytest.raises(StudyError, match="at_ended_at"):
        study.table("revenue")


def test_ends_hold_where_declared() -> None:
    bridge = march(forty(revenue_ends="at_ended_at"))
    assert (bridge["opening"], bridge["churn"], bridge["closing"]) == (2000, 500, 1500)


def test_revenue_holds_where_declared() -> None:
    bridge = march(forty(revenue_ends="at_zero"))
    assert (bridge["opening"], bridge["churn"], bridge["closing"]) == (2000, 0, 2000)


def test_levels_after_the_end_are_left_out_and_those_before_stay() -> None:
    rows = [("c4", "2024-02-01", 60.0), ("c4", "2024-04-01", 70.0), ("c1", "2024-04-01", 80.0)]
    changes = pd.DataFrame(rows, columns=COLUMNS).astype({"effective_at": "datetime64[us]"})
    study = forty(tables={"revenue": changes}, revenue_ends="at_ended_at")
    table = study.table("revenue").collect().to_pandas()
    got = sorted(table[COLUMNS].itertuples(index=False, name=None))
    days = {day: pd.Timestamp(day) for day in ("2024-02-01", "2024-03-15", "2024-04-01")}
    assert got == [
        ("c1", days["2024-04-01"], 80.0),
        ("c4", days["2024-02-01"], 60.0),
        ("c4", days["2024-03-15"], 0.0),
    ]


def test_revenue_that_falls_to_zero_contradicts_nothing() -> None:
    rows = [(f"c{i}", "2024-03-15", 0.0) for i in range(4, 41, 4)]
    rows += [(f"c{i}", "2023-06-01", 50.0) for i in range(1, 41)]
    levels = pd.DataFrame(rows, columns=COLUMNS).astype({"effective_at": "datetime64[us]"})
    study = forty(tables={"revenue": levels})
    assert flags(study) == {}
    assert march(study)["churn"] == 500


def test_a_level_of_zero_without_an_end_is_counted() -> None:
    levels = pd.DataFrame([("c1", MARCH, 0.0)], columns=COLUMNS)
    assert flags(forty(tables={"revenue": levels})) == {"stopped without an end": 1}


def customers_with(**columns: Any) -> cx.Study:
    n = 60
    ends = [pd.Timestamp("2024-03-15") if i % 3 == 0 else pd.NaT for i in range(n)]
    frame = pd.DataFrame(
        {"customer_id": range(n), "started_at": pd.Timestamp("2023-01-01"), "ended_at": ends}
    )
    for name, value in columns.items():
        frame[name] = [value(i) for i in range(n)]
    return cx.Study.from_frames({"customers": frame}, observed_until="2024-06-30", instruments={})


def test_an_active_status_beside_an_end_is_counted() -> None:
    study = customers_with(status=lambda i: "Active" if i < 30 or i % 3 else "Cancelled")
    assert study.segments == ()
    assert flags(study) == {"status against ended_at": 10}


def test_a_churn_flag_without_an_end_is_counted() -> None:
    study = customers_with(churned=lambda i: "Yes" if i % 3 < 2 else "No")
    assert flags(study) == {"churned against ended_at": 20}


def test_a_segment_that_knows_who_left_is_named() -> None:
    study = customers_with(health=lambda i: "red" if i % 3 == 0 else "green", plan=lambda i: f"p{i % 4}")
    assert study.segments == ("health", "plan")
    doubts = cx.check_study(study).flags.set_index("flag")
    assert doubts.loc["segment knows who left", "rows"] == 60
    assert doubts.loc["segment knows who left", "detail"].startswith("health knows who left")


def test_ends_on_the_last_day_look_like_the_end_of_watching() -> None:
    study = customers_with(ended_at=lambda i: pd.Timestamp("2024-06-30" if i % 2 else "2024-02-01"))
    assert flags(study) == {"ends on the day of the cut": 30}
    spread = customers_with(ended_at=lambda i: pd.Timestamp("2024-01-01") + pd.Timedelta(days=3 * i))
    assert flags(spread) == {}


def test_a_notice_after_the_end_is_counted() -> None:
    study = customers_with(notice_at=lambda i: pd.Timestamp("2024-04-01") if i == 3 else pd.NaT)
    assert study.summary("customers").flags["notice_after_end"] == 1


def test_init_writes_the_line_with_the_counts(tmp_path: Path) -> None:
    customers = ["customer_id,started_at,ended_at"]
    customers += [f"c{i},2023-06-01,{'2024-03-15' if i % 4 == 0 else ''}" for i in range(1, 41)]
    revenue = ["customer_id,effective_at,mrr", *(f"c{i},2023-06-01,50" for i in range(1, 41))]
    (tmp_path / "customers.csv").write_text("\n".join(customers) + "\n", encoding="utf-8")
    (tmp_path / "revenue.csv").write_text("\n".join(revenue) + "\n", encoding="utf-8")
    assert main(["init", str(tmp_path)]) == 0
    file = tmp_path / "study.toml"
    text = file.read_text(encoding="utf-8")
    assert "# TODO 10 of 10 customers who ended go on paying" in text
    text = text.replace("# observed_until = 2024-03-15", "observed_until = 2024-06-30")
    file.write_text(text.replace("# ends =", "ends ="), encoding="utf-8")
    assert march(cx.read_study(file))["churn"] == 500
