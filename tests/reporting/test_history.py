"""What moved since last time, alerts, verification, differences and pruning."""

from __future__ import annotations

import json
import math
import shutil
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxresearch.errors import StudyError
from cxresearch.reporting.history import prune, read_record
from cxresearch.reporting.outcome import ExitCode, ReportError
from cxresearch.reporting.page.run_index import sparkline
from cxresearch.reporting.shelf.locks import Lock
from cxresearch.reporting.verify_run import altered_files, describe_difference, latest_two, verify_run
from cxresearch.reporting.writing.alerts import evaluate, parse_rule, read_rules
from cxresearch.reporting.writing.changes import compare_headlines

ESTIMATE = (
    "from cxresearch.results.estimate import Estimate\nfrom cxresearch.results.units import Unit\n"
    "nps = Estimate(name='NPS', value={0}, low={0} - 3, high={0} + 3, level=0.95, se=1.5, n=500,"
    " unit=Unit.POINTS, method='by hand')"
)
SAVE_NPS = "present.save_results(finding='NPS is known.', headline=[nps])"
STUDY = """\
[study]
name = "Tiny"
observed_until = 2024-12-31

[[sources]]
table = "customers"
file = "customers.csv"
columns = { customer_id = "customer_id", started_at = "started_at" }
"""


def figure(value: float, *, name: str = "NPS", half: float = 3.0, unit: str = "points") -> dict[str, Any]:
    ends = {"low": value - half, "high": value + half}
    return {"name": name, "value": value, **ends, "level": 0.95, "n": 9, "unit": unit}


def test_change_has_the_interval_of_a_difference_of_independent_estimates() -> None:
    # Symmetric intervals of half width 3 and 4: half width 5 for the difference.
    (change,) = compare_headlines([figure(40.0, half=4.0)], [figure(30.0)])
    assert (change.difference, change.low, change.high) == (10.0, 5.0, 15.0)
    assert change.significant
    assert "more than noise" in change.sentence


def test_mover_limits_for_skewed_intervals_by_hand() -> None:
    now = {**figure(0.30, unit="share"), "low": 0.26, "high": 0.36}
    before = {**figure(0.20, unit="share"), "low": 0.17, "high": 0.25}
    (change,) = compare_headlines([now], [before])
    assert change.low == pytest.approx(0.10 - math.hypot(0.04, 0.05))
    assert change.high == pytest.approx(0.10 + math.hypot(0.06, 0.03))
    assert "change +10.0 [+3.6, +16.7] points, 95 % interval: more than noise." in change.sentence


@given(st.floats(-100, 100), st.floats(-100, 100), st.floats(0.1, 20), st.floats(0.1, 20))
def test_swapping_the_runs_negates_the_change(a: float, b: float, half_a: float, half_b: float) -> None:
    (there,) = compare_headlines([figure(a, half=half_a)], [figure(b, half=half_b)])
    (back,) = compare_headlines([figure(b, half=half_b)], [figure(a, half=half_a)])
    assert there.difference == -back.difference
    assert there.low == pytest.approx(-back.high)
    assert there.significant == back.significant


def test_figures_that_changed_unit_level_or_name_are_not_compared() -> None:
    assert not compare_headlines([figure(1.0)], [figure(1.0, name="CES")])
    assert not compare_headlines([figure(1.0)], [figure(1.0, unit="score")])
    assert not compare_headlines([figure(1.0)], [{**figure(1.0), "level": 0.9}])


def test_a_missing_value_is_said_and_is_no_change() -> None:
    (change,) = compare_headlines([{**figure(1.0), "value": None, "low": None, "high": None}], [figure(1.0)])
    assert not change.significant
    assert "n/a now" in change.sentence


@pytest.mark.parametrize(
    ("rule", "value", "before", "status"),
    [
        ("nps < 20", 19.0, None, "fired"),
        ("nps < 20", 21.0, None, "quiet"),
        ("nps <= 20", 20.0, None, "fired"),
        ("NPS > 20", 21.0, None, "fired"),
        ("nps < 20 significantly", 19.0, None, "quiet"),
        ("nps < 20 significantly", 16.0, None, "fired"),
        ("nps > -5.5", -5.0, None, "fired"),
        ("nps down", 29.0, 30.0, "fired"),
        ("nps down significantly", 29.0, 30.0, "quiet"),
        ("nps down significantly", 20.0, 30.0, "fired"),
        ("nps up significantly", 20.0, 30.0, "quiet"),
        ("nps changed significantly", 20.0, 30.0, "fired"),
        ("nps up", 20.0, None, "quiet"),
        ("churn up", 20.0, 30.0, "unknown"),
    ],
)
def test_alert_rules(rule: str, value: float, before: float | None, status: str) -> None:
    earlier = [] if before is None else [figure(before)]
    assert [item["status"] for item in evaluate([parse_rule(rule)], [figure(value)], earlier)] == [status]


def test_percentages_and_names_with_punctuation() -> None:
    share = figure(0.06, name="Churn (90 days)", unit="share", half=0.005)
    assert evaluate([parse_rule("churn 90 days > 5 %")], [share], [])[0]["status"] == "fired"
    assert evaluate([parse_rule("churn 90 days > 5")], [share], [])[0]["status"] == "unknown"
    missing = {**share, "value": None, "low": None, "high": None}
    assert evaluate([parse_rule("churn 90 days > 5 %")], [missing], [])[0]["status"] == "unknown"


def test_a_rule_for_all_reports_is_passed_over_where_the_figure_is_absent() -> None:
    assert evaluate([parse_rule("churn > 5 %", required=False)], [figure(1.0)], []) == []


@pytest.mark.parametrize("text", ["nps", "nps << 3", "< 3", "nps < twenty", "nps sideways", ""])
def test_rules_that_cannot_be_read_are_refused(text: str) -> None:
    with pytest.raises(StudyError, match="cannot be read"):
        parse_rule(text)


def test_rules_by_report(tmp_path) -> None:
    file = tmp_path / "study.toml"
    file.write_text('[alerts]\nall = ["nps < 20"]\nother = ["ces < 1"]\nsmall = ["csat < 2"]\n')
    assert [(rule.name, rule.required) for rule in read_rules(file, "small")] == [
        ("nps", False),
        ("csat", True),
    ]


@pytest.fixture
def study(tmp_path):
    """A study of three customers, its rules, and how to change its data."""
    folder = tmp_path / "study"
    folder.mkdir()

    def write(customers: int = 3, alerts: str = "") -> str:
        rows = "".join(f"c{number},2024-01-0{number + 1}\n" for number in range(customers))
        (folder / "customers.csv").write_text("customer_id,started_at\n" + rows)
        (folder / "study.toml").write_text(alerts + STUDY)
        return str(folder)

    return write


def rated(notebook):
    """A report whose figure is ten for each customer."""
    cells = ["opened = present.open_study(study)", "count = len(opened.table('customers').collect())"]
    cells += [ESTIMATE.format("10.0 * count"), "present.finding('NPS is known.')"]
    return notebook(cells, save=SAVE_NPS, parameters='study: str = "built-in"')


def test_since_last_time_compares_with_the_last_run_on_other_data(run, notebook, study) -> None:
    path = rated(notebook)
    first = run(path, study=study(3))
    assert "first run on these data" in (first.folder / "report.html").read_text()
    assert run(path, study=study(3)).status == "unchanged"
    second = run(path, study=study(5))
    page = (second.folder / "report.html").read_text()
    assert "+50.0 now, +30.0 last time; change +20.0" in page
    assert "more than noise" in page
    again = run(path, study=study(5), force=True)
    assert (again.folder / "report.html").read_bytes() == (second.folder / "report.html").read_bytes()
    assert again.content_hash == second.content_hash
    manifest = read_record(second.folder).manifest
    assert manifest["content"]["study"]["counts"][0]["rows"] == 5
    assert {source["path"] for source in manifest["provenance"]["sources"]} == {"study.toml", "customers.csv"}


def test_on_the_same_data_the_page_says_what_else_changed(run, notebook, study) -> None:
    path = rated(notebook)
    first = run(path, study=study(3))
    text = path.read_text()
    path.write_text(text.replace("NPS is known.", "NPS is well known."))
    second = run(path, study=study(3))
    page = (second.folder / "report.html").read_text()
    assert f"The data are the same as last time ({read_record(first.folder).day[:10]})" in page
    assert "What changed: the notebook." in page
    assert "All headline figures are as they were." in page
    assert "within noise" not in page
    path.write_text(text.replace("10.0 * count", "11.0 * count"))
    third = (run(path, study=study(3)).folder / "report.html").read_text()
    assert "NPS: +33.0 now, +30.0 last time, on the same data." in third
    assert "not from customers" in third
    assert "change +22.0" in (run(path, study=study(5)).folder / "report.html").read_text()


def test_alerts_of_the_study_file_fire_and_set_the_exit_code(run, notebook, study) -> None:
    outcome = run(rated(notebook), study=study(1, 'alerts = ["nps < 20", "nps > 90", "churn > 5 %"]\n'))
    assert outcome.code is ExitCode.ALERT
    assert len(outcome.alerts) == 1 and "NPS is +10.0" in outcome.alerts[0]
    assert "NPS is +10.0" in (outcome.folder / "report.html").read_text()
    assert "NPS is +10.0" in (outcome.folder / "email.html").read_text()
    rules = json.loads((outcome.folder / "alert.json").read_text())["rules"]
    assert [rule["status"] for rule in rules] == ["fired", "quiet"]


def test_a_broken_rule_is_refused_before_a_kernel_starts(run, notebook, study, tmp_path) -> None:
    with pytest.raises(StudyError):
        run(rated(notebook), study=study(1, 'alerts = ["nps sideways"]\n'))
    assert not (tmp_path / "reports").exists()


def test_a_new_file_under_a_pattern_counts_as_changed(run, notebook, tmp_path) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    (folder / "study.toml").write_text(STUDY.replace("customers.csv", "customers-*.csv"))
    (folder / "customers-1.csv").write_text("customer_id,started_at\na,2024-01-01\n")
    path = rated(notebook)
    run(path, study=folder)
    assert run(path, study=folder).status == "unchanged"
    (folder / "customers-2.csv").write_text("customer_id,started_at\nb,2024-01-02\n")
    assert run(path, study=folder).status == "published"


def test_verify_finds_the_same_and_diff_says_what_moved(run, notebook, study, tmp_path) -> None:
    path = rated(notebook)
    first = run(path, study=study(3))
    second = run(path, study=study(5))
    assert verify_run(second.folder).same
    lines = describe_difference(read_record(first.folder), read_record(second.folder))
    assert lines[0].startswith("NPS: +50.0 now, +30.0 last time")
    assert "The data were changed." in lines
    assert [folder.name for folder in latest_two(tmp_path / "reports", "small")] == [first.run, second.run]
    (second.folder / "results.json").write_text(
        (second.folder / "results.json").read_text().replace("50.0", "90.0")
    )
    assert altered_files(read_record(second.folder)) == ("results.json",)


def test_prune_keeps_the_newest_and_what_latest_points_at(run, notebook, tmp_path) -> None:
    path = notebook()
    runs = [run(path).run for _ in range(4)]
    shelf = tmp_path / "reports" / "small" / "default"
    removed = prune(tmp_path / "reports", keep=2)
    assert sorted(folder.name for folder in removed) == runs[:2]
    assert sorted(folder.parent.name for folder in shelf.glob("2*/manifest.json")) == runs[2:]
    assert (shelf / "latest" / "report.html").is_file()
    with pytest.raises(ReportError):
        prune(tmp_path / "reports", keep=0)


def test_latest_is_repaired_if_the_runner_died_between_publishing_and_pointing(
    run, notebook, tmp_path
) -> None:
    path = notebook(["study = present.open_study('built-in', customers=200)"])
    first = run(path)
    shelf = tmp_path / "reports" / "small" / "default"
    before = (shelf / "latest.json").read_bytes()
    second = run(path, force=True)
    (shelf / "latest.json").write_bytes(before)
    assert first.run.encode() in before
    outcome = run(path)
    assert (outcome.status, outcome.run) == ("unchanged", second.run)


def test_lock_is_free_again_when_removed_or_released(tmp_path) -> None:
    lock, other = Lock(tmp_path / "lock"), Lock(tmp_path / "lock")
    lock.acquire()
    with pytest.raises(ReportError) as caught:
        other.acquire()
    assert caught.value.code is ExitCode.BUSY
    lock.remove()
    lock.release()
    with other, pytest.raises(ReportError):
        lock.acquire()


def test_sparkline_holds_what_there_is() -> None:
    assert sparkline([]) is None
    late = sparkline([None, figure(3.0)])
    assert late is not None
    assert len(late.points) == 1
    line = sparkline([figure(float(value)) for value in range(5)])
    assert line is not None
    assert len(line.bars) == 5
    assert line.label == "5 runs, from -3 to 7"
    heights = [height for _, height in line.points]
    assert heights == sorted(heights, reverse=True)  # larger is further up


def test_the_page_of_a_report_draws_the_sparkline(run, notebook) -> None:
    run(notebook([ESTIMATE.format(3.0)], save=SAVE_NPS))
    folder = run(notebook([ESTIMATE.format(4.0)], save=SAVE_NPS)).folder
    page = (folder.parent / "index.html").read_text(encoding="utf-8")
    assert page.count("<circle") == 1
    assert page.count('stroke-width="3"') == 2


def test_verify_runs_no_notebook_from_elsewhere(run, notebook, study, tmp_path) -> None:
    outcome = run(rated(notebook), study=study(3))
    # As unpacked somewhere by somebody: the manifest still names a notebook of this machine.
    elsewhere = tmp_path / "downloads" / "reports" / "small" / "default" / outcome.run
    shutil.copytree(outcome.folder, elsewhere)
    with pytest.raises(ReportError, match="none of the package's") as error:
        verify_run(elsewhere)
    assert error.value.code == ExitCode.USAGE and "--notebook" in str(error.value)
    named = json.loads((elsewhere / "manifest.json").read_text())["provenance"]["notebook"]
    assert verify_run(elsewhere, notebook=named).same
