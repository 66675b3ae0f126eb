"""The scorecard report runs on the built-in study and says on its first page what moved."""

import json
from pathlib import Path

import pytest

from cxresearch.reporting.run import run_report


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
