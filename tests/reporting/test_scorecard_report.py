"""The scorecard report runs on the built-in study and says on its first page what moved."""

import json
from pathlib import Path

import pandas as pd
import pytest

from cxresearch.reporting.run_report import run_report


@pytest.mark.slow
@pytest.mark.parametrize(
    "choices", [{}, {"every": "quarter", "by": "term", "metrics": ["nps", "csat_top_2_box"]}]
)
def test_scorecard_report(tmp_path: Path, choices: dict[str, object]) -> None:
    found = run_report("scorecard", parameters={"customers": 1500, **choices}, output=tmp_path)
    results = json.loads((found.folder / "results.json").read_text(encoding="utf-8"))
    assert "2024" in results["finding"] and results["headline"][0]["name"] == "NPS"
    page = (found.folder / "report.html").read_text(encoding="utf-8")
    assert results["finding"].split(":")[0] in page and "within noise" in page
    assert (found.folder / "tables" / "glance.csv").exists()
    assert (found.folder / "figures" / "trend_nps.svg").exists()
    pictured = (found.folder / "figures" / "bridge.svg").exists()
    assert pictured is ("metrics" not in choices)
    assert ("<h2>Revenue</h2>" in page) is pictured is ("<h2>Support</h2>" in page)


@pytest.mark.slow
@pytest.mark.parametrize("currencies", [["EUR"], ["EUR", "USD"]])
def test_a_question_nobody_answered_and_revenue_in_two_currencies(
    tmp_path: Path, currencies: list[str]
) -> None:
    names = [f"c{number}" for number in range(60)]
    when = pd.to_datetime(["2024-01-10", "2024-02-10"] * 30)
    answers = {"customer_id": names, "instrument": "nps", "score": [9, 6] * 30, "responded_at": when}
    levels = {"customer_id": names, "effective_at": when, "mrr": 10.0, "currency": (currencies * 60)[:60]}
    lines = ["[study]", "name = 'trial'", "observed_until = '2024-03-01T00:00:00'", "timezone = 'UTC'"]
    lines += ["currency = 'EUR'", "[instruments]", "nps = 'nps'", "csat = 'csat'"]
    for table, columns in (("responses", answers), ("revenue", levels)):
        pd.DataFrame(columns).to_csv(tmp_path / f"{table}.csv", index=False)
        lines += ["[[sources]]", f"table = '{table}'", f"file = '{table}.csv'", "[sources.columns]"]
        lines += [f"{name} = '{name}'" for name in columns]
    (tmp_path / "study.toml").write_text("\n".join(lines), encoding="utf-8")
    found = run_report("scorecard", study=str(tmp_path), output=tmp_path / "out")
    page = (found.folder / "report.html").read_text(encoding="utf-8")
    assert "Declared or asked for, but without any answer: CSAT." in page
    assert (found.folder / "figures" / "trend_nps.svg").exists()
    assert "<h2>Revenue</h2>" in page and "<h2>Support</h2>" not in page
    assert "<h2>Groups" not in page  # the study has no segment
    assert page.count("Not shown here") == len(currencies) - 1
    assert (found.folder / "figures" / "bridge.svg").exists() is (len(currencies) == 1)
