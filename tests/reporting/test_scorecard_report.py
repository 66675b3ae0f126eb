"""The scorecard report runs on the built-in study and says on its first page what moved."""

import json
from pathlib import Path
from runpy import run_path

import pandas as pd
import pytest

from cxresearch.reporting.outcome import ExitCode
from cxresearch.reporting.run_report import run_report
from cxresearch.reporting.verify_run import verify_run


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
    assert (">Revenue</h2>" in page) is pictured is (">Support</h2>" in page)


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
    assert ">Revenue</h2>" in page and ">Support</h2>" not in page
    assert ">Groups" not in page  # the study has no segment
    assert page.count("Not shown here") == len(currencies) - 1
    assert (found.folder / "figures" / "bridge.svg").exists() is (len(currencies) == 1)


def planted_folder(folder: Path) -> Path:
    """The planted company as files: DE falls from +25 to -26 on 15 March 2025; the data end in November."""
    beside = Path(__file__).parents[1] / "voice" / "when" / "conftest.py"
    tables = run_path(str(beside))["planted_tables"]()
    answers = tables["responses"]
    unhappy = answers[answers["score"] <= 6].sample(frac=0.6, random_state=1)
    calls = pd.DataFrame(
        {
            "customer_id": unhappy["customer_id"],
            "kind": "call_back",
            "occurred_at": unhappy["responded_at"] + pd.Timedelta(days=3),
        }
    )
    tables["responses"] = answers.assign(team=["north", "south"] * (len(answers) // 2))
    tables["events"] = pd.concat([tables["events"], calls])
    lines = ["[study]", "name = 'Planted'", "observed_until = 2025-11-30", "after_cut = 'leave_out'"]
    lines += ["segments = ['country']", "[instruments]", "nps = 'nps'"]
    lines += ["[targets]", "nps = 30", "[alerts]", "scorecard = ['NPS stepped']"]
    for name, table in tables.items():
        table.to_csv(folder / f"{name}.csv", index=False)
        lines += ["[[sources]]", f"table = '{name}'", f"file = '{name}.csv'", "[sources.columns]"]
        lines += [f"{column} = '{column}'" for column in table]
    (folder / "study.toml").write_text("\n".join(lines), encoding="utf-8")
    return folder


@pytest.mark.slow
def test_eight_months_later_the_first_line_says_who_is_unhappy_and_since_when(tmp_path: Path) -> None:
    study = planted_folder(tmp_path)
    outcome = run_report("scorecard", study=str(study), output=tmp_path / "out")
    assert outcome.finding.startswith("Since 1") and "March 2025" in outcome.finding.split(")")[0]
    assert "customers in DE are unhappy: NPS" in outcome.finding.split(". ")[0]
    assert outcome.code is ExitCode.ALERT and "customers in DE" in outcome.alerts[0]
    page = (outcome.folder / "report.html").read_text(encoding="utf-8")
    assert "Targets missed: NPS (+30.0)." in page and "The loop: unhappy answers followed up" in page
    assert (outcome.folder / "figures" / "since_1.svg").exists()
    loop = pd.read_csv(outcome.folder / "tables" / "loop.csv")
    assert len(loop) == 13 and loop["period"].iloc[-1] == "all"
    teams = pd.read_csv(outcome.folder / "tables" / "loop_groups.csv")
    assert teams["team"].tolist() == ["north", "south", "all"]
    assert verify_run(outcome.folder).same
    # The next night: the same step is not told again.
    answers = pd.read_csv(study / "responses.csv")
    answers.iloc[:-1].to_csv(study / "responses.csv", index=False)
    again = run_report("scorecard", study=str(study), output=tmp_path / "out")
    assert again.code is ExitCode.DONE and again.status == "published"
    assert "customers in DE are unhappy" in again.finding  # it stays on the page
