"""The report journey says on its first screen where customers are lost, and names nobody."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import cxresearch as cx
from cxresearch.data.checking.report_readiness import report_readiness
from cxresearch.reporting.run_report import run_report

SECTIONS = ("From stage to stage", "How many, and how long", "What comes next", "What is asked where")


@pytest.mark.slow
def test_the_page_says_where_customers_are_lost_and_names_nobody(tmp_path: Path) -> None:
    run = run_report("journey", parameters={"customers": 1500}, output=tmp_path)
    results = json.loads((run.folder / "results.json").read_text(encoding="utf-8"))
    assert results["finding"].startswith("Most are lost between use and maintain: of 100 customers in use")
    assert "would have been seen four times in five" in results["finding"]
    names = [figure["name"] for figure in results["headline"]]
    assert names[:2] == ["pay to use within 90 days", "use to maintain within 90 days"]
    page = (run.folder / "report.html").read_text(encoding="utf-8")
    places = [page.index(f">{section}</h2>") for section in SECTIONS]
    assert places == sorted(places)
    for picture in ("passages", "moves", "fares", "coverage"):
        assert (run.folder / "figures" / f"{picture}.svg").exists()
    tables = [path.read_text(encoding="utf-8") for path in (run.folder / "tables").glob("*.csv")]
    for text in (page, json.dumps(results), *tables):
        assert not re.search(r"\bC00\d{4}\b", text)


def test_readiness_asks_for_stages_and_is_content_with_those_declared() -> None:
    study = cx.synthetic.synthetic_study(tier="B", customers=200, unhappy=True)
    ready = report_readiness(study).set_index("report")
    assert ready.loc["journey", "ready"]
    study.journey = None
    said = report_readiness(study).set_index("report").loc["journey"]
    assert not said["ready"] and "[journey] stages" in said["missing"]
