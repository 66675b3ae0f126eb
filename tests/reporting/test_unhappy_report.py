"""The report of the four questions: planted truth on its first screen, answers alone, nobody named."""

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cxresearch.data.synthetic.unhappy_words import PHRASES
from cxresearch.reporting.run_report import run_report

SECTIONS = ("Who", "Since when", "Why", "What helps")


def page_of(folder: Path) -> str:
    return (folder / "report.html").read_text(encoding="utf-8")


def test_planted_truth_stands_on_the_first_screen_and_nobody_is_named(tmp_path: Path) -> None:
    run = run_report("unhappy", parameters={"customers": 3000}, output=tmp_path)
    page = page_of(run.folder)
    first = page[: page.index(">Who</h2>")]
    assert re.search(r"Since \d+ March 2024 .* customers in DE are unhappy: NPS \+\d+ → −\d+", first)
    assert "They write about price (" in first
    assert "EUR a month" in first
    places = [page.index(f">{section}</h2>") for section in SECTIONS]
    assert places == sorted(places)
    for picture in ("who", "since_when", "themes_since", "themes", "what_helps"):
        assert (run.folder / "figures" / f"{picture}.svg").exists()
    published = [page, (run.folder / "results.json").read_text(encoding="utf-8")]
    published += [path.read_text(encoding="utf-8") for path in (run.folder / "tables").glob("*.csv")]
    for text in published:
        assert not re.search(r"\bC00\d{4}\b", text)
        assert not any(phrase in text for said in PHRASES["de"].values() for phrase in said)


@pytest.mark.slow
def test_as_of_a_day_before_the_fall_there_is_none_and_the_opt_in_lists_customers(tmp_path: Path) -> None:
    choices = {"customers": 2500, "as_of": "2024-02-29", "list_customers": True}
    run = run_report("unhappy", parameters=choices, output=tmp_path)
    results = json.loads((run.folder / "results.json").read_text(encoding="utf-8"))
    assert "would have been seen four times in five" in results["finding"]
    assert re.search(r"\bC00\d{4}\b", page_of(run.folder))


@pytest.mark.slow
def test_answers_alone_make_a_page(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    moments = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 360 * 24, 900), unit="h")
    rows = {
        "customer_id": np.arange(900),
        "instrument": "csat",
        "score": rng.integers(1, 6, 900),
        "responded_at": moments,
    }
    pd.DataFrame(rows).to_csv(tmp_path / "answers.csv", index=False)
    lines = ["[study]", "name = 'trial'", "observed_until = '2024-12-31'", "timezone = 'UTC'"]
    lines += ["[instruments]", "csat = 'csat'", "[[sources]]", "table = 'responses'", "file = 'answers.csv'"]
    lines += ["[sources.columns]", *(f"{name} = '{name}'" for name in rows)]
    (tmp_path / "study.toml").write_text("\n".join(lines), encoding="utf-8")
    run = run_report("unhappy", study=str(tmp_path), output=tmp_path / "out")
    page = page_of(run.folder)
    assert all(f">{section}</h2>" in page for section in SECTIONS)
    assert "Reasons of those who left" not in page
    assert "CSAT" in page
