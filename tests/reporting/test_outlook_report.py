"""The report of what is ahead: bands, the past it was tried on, scenario, values, costs; nobody named."""

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import cxresearch as cx
from cxresearch.errors import StudyError
from cxresearch.reporting.run_report import run_report


def test_the_page_says_what_is_ahead_and_how_it_fared(tmp_path: Path) -> None:
    run = run_report("outlook", parameters={"customers": 900, "months": 6}, output=tmp_path)
    page = (run.folder / "report.html").read_text(encoding="utf-8")
    results = json.loads((run.folder / "results.json").read_text(encoding="utf-8"))
    assert "In 6 months: " in results["finding"]
    names = [figure["name"] for figure in results["headline"]]
    assert names == ["Customers in 6 months", "Recurring revenue in 6 months", "New customers a month"]
    for heading in ("The months ahead", "Would it have been right?", "If fewer of the unhappy left"):
        assert f">{heading}</h2>" in page
    for picture in ("ahead_customers", "ahead_mrr", "backtest_customers", "backtest_mrr"):
        assert (run.folder / "figures" / f"{picture}.svg").exists()
    assert "What costs leave of it" not in page
    assert not re.search(r"\bC00\d{4}\b", page)


def write_study(folder: Path, costs: str) -> Path:
    rng = np.random.default_rng(2)
    start = pd.Timestamp("2022-01-01") + pd.to_timedelta(rng.integers(0, 1000, 400), unit="D")
    end = start + pd.to_timedelta(rng.exponential(700, 400).astype(int) + 1, unit="D")
    people = pd.DataFrame(
        {"id": np.arange(400), "since": start, "until": end.where(end < pd.Timestamp("2024-12-31"))}
    )
    people.to_csv(folder / "people.csv", index=False)
    levels = pd.DataFrame({"id": np.arange(400), "day": start, "mrr": 50.0})
    levels.to_csv(folder / "levels.csv", index=False)
    lines = ["[study]", 'name = "Trial"', "observed_until = 2024-12-31", 'currency = "EUR"']
    lines += ["[revenue]", 'ends = "at_ended_at"', costs]
    for table, columns in (
        ("customers", "customer_id = 'id', started_at = 'since', ended_at = 'until'"),
        ("revenue", "customer_id = 'id', effective_at = 'day', mrr = 'mrr'"),
    ):
        file = {"customers": "people", "revenue": "levels"}[table]
        lines += ["[[sources]]", f"table = '{table}'", f"file = '{file}.csv'", f"columns = {{ {columns} }}"]
    (folder / "study.toml").write_text("\n".join(lines), encoding="utf-8")
    return folder


def test_declared_costs_make_a_table_of_profit(tmp_path: Path) -> None:
    folder = write_study(tmp_path, "[costs]\ngross_margin = '75 %'\nacquire = 120\nserve_a_month = 2.5")
    study = cx.read_study(folder)
    assert study.costs == cx.study.Costs(gross_margin=0.75, acquire=120, serve_a_month=2.5)
    choices = {"months": 3, "what": ["customers", "mrr"]}
    run = run_report("outlook", study=str(folder), parameters=choices, output=tmp_path / "out")
    page = (run.folder / "report.html").read_text(encoding="utf-8")
    assert ">What costs leave of it</h2>" in page and "winning new customers" in page
    assert "who is unhappy is not known" in page  # the scenario, which needs answers


@pytest.mark.parametrize(
    ("costs", "problem"),
    [
        ("[costs]\ngross_margin = 75", "gross_margin is 75"),
        ("[costs]\nacquire = -1", "acquire is -1"),
        ("[costs]\nacquire = 'much'", "acquire is 'much'"),
        ("[costs]\naquire = 100", "'aquire' is not known"),
        ("[costs]\ndiscount = 8", "discount is 8"),
    ],
)
def test_costs_that_cannot_be_meant_are_refused(tmp_path: Path, costs: str, problem: str) -> None:
    with pytest.raises(StudyError, match=re.escape(problem)) as refusal:
        cx.read_study(write_study(tmp_path, costs))
    assert "[costs]" in str(refusal.value)
