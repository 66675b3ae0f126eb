"""The command line: what it prints, and where."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from cxresearch.cli import main
from cxresearch.reporting.notebook.catalogue import find_report, list_reports, slug
from cxresearch.reporting.outcome import ExitCode, ReportError

DOCS = Path(__file__).resolve().parents[2] / "docs" / "scheduling.md"


def test_every_exit_code_is_documented() -> None:
    table = DOCS.read_text(encoding="utf-8").split("## Exit codes")[1].split("##")[0]
    documented = {
        int(code) for cell in re.findall(r"^\| ([\d, ]+) \|", table, re.MULTILINE) for code in cell.split(",")
    }
    assert documented == set(map(int, ExitCode))


def test_list_and_describe_name_reports_and_parameters(capsys) -> None:
    assert main(["list"]) == 0
    assert "ces-vs-nps" in capsys.readouterr().out
    assert main(["describe", "ces-vs-nps"]) == 0
    shown = capsys.readouterr().out
    assert "horizon_days: int = 180" in shown
    assert find_report("ces-vs-nps").title in shown


def test_help_says_what_set_does_and_where_names_come_from(capsys) -> None:
    with pytest.raises(SystemExit):
        main(["run", "--help"])
    said = " ".join(capsys.readouterr().out.split())
    assert "--set NAME=VALUE give a parameter of the report a value" in said
    assert "`cxresearch list` names the reports, `cxresearch describe REPORT` their parameters" in said


def test_reports_of_the_package_can_all_be_planned() -> None:
    from cxresearch.reporting.plan import plan_run

    assert {"ces-vs-nps"} <= {report.name for report in list_reports()}
    for report in list_reports():
        plan = plan_run(report.name)
        assert plan.values.get("study") == "built-in", report.name
        assert report.title and report.summary


@pytest.mark.parametrize("name", ["ces-vs-np", "nowhere.ipynb", "", "../../etc/passwd"])
def test_unknown_reports(name: str, capsys) -> None:
    assert main(["run", name]) == ExitCode.USAGE
    captured = capsys.readouterr()
    assert captured.out == "" and captured.err.count("\n") == 1


@pytest.mark.parametrize(
    "content", ["", "{}", "[]", '{"nbformat": 3}', '{"nbformat": 4, "cells": [{}]}', "\xff"]
)
def test_files_that_are_no_notebook(content: str, tmp_path) -> None:
    path = tmp_path / "broken.ipynb"
    path.write_bytes(content.encode("latin-1"))
    with pytest.raises(ReportError) as caught:
        find_report(path)
    assert caught.value.code is ExitCode.USAGE


def test_underscores_and_capitals_in_a_name_are_forgiven() -> None:
    assert find_report("CES_vs_NPS").name == "ces-vs-nps"
    assert slug("../../etc/passwd") == "etc-passwd"
    assert slug("...") == "report"


def test_dry_run_says_what_was_checked_and_leaves_nothing(notebook, tmp_path, capsys) -> None:
    path = notebook(parameters='study: str = "built-in"\ndays: int = 3')
    output = tmp_path / "reports"
    assert main(["run", str(path), "--dry-run", "--set", "days=5", "--output", str(output)]) == 0
    shown = capsys.readouterr().out
    assert "days = 5" in shown and "study = 'built-in' (default)" in shown
    assert "GB free" in shown and re.search(r"lock +free", shown)
    assert not output.exists()


def test_dry_run_reads_the_study(notebook, tmp_path, capsys) -> None:
    (tmp_path / "customers.csv").write_text("id,since\na,2024-01-05\n")
    (tmp_path / "study.toml").write_text(
        'alerts = ["nps < 3"]\n[study]\nname = "Tiny"\nobserved_until = 2024-12-31\n[[sources]]\n'
        'table = "customers"\nfile = "customers.csv"\n'
        'columns = { customer_id = "id", started_at = "since" }\n'
    )
    path, output = notebook(parameters='study: str = "built-in"'), str(tmp_path / "reports")
    words = ["run", str(path), "--dry-run", "--study", str(tmp_path), "--output", output]
    assert main(words) == 0
    shown = capsys.readouterr().out
    assert "customers: 1 rows, 0 set aside; customer_id, started_at" in shown
    assert "nps < 3" in shown
    (tmp_path / "customers.csv").unlink()
    assert main(words) == ExitCode.DATA_REFUSED
    assert capsys.readouterr().err.count("\n") == 1


STUDY = """[study]
name = "Small"
observed_until = 2024-12-31
[instruments]
nps = "nps"
[[sources]]
table = "customers"
file = "customers.csv"
columns = { customer_id = "id", started_at = "since", ended_at = "until", region = "region" }
[[sources]]
table = "responses"
file = "answers.csv"
columns = { customer_id = "id", responded_at = "day", score = "score", instrument = "question" }
"""


def small_study(folder: Path, *, leavers: int) -> str:
    """A study of 120 customers who all answered one question in spring; some left in August."""
    people = [f"c{n},2023-01-01,{'2024-08-01' if n < leavers else ''},{'ns'[n % 2]}" for n in range(120)]
    answers = [f"c{n},2024-03-01,nps,{n % 11}" for n in range(120)]
    (folder / "customers.csv").write_text("\n".join(["id,since,until,region", *people]))
    (folder / "answers.csv").write_text("\n".join(["id,day,question,score", *answers]))
    (folder / "study.toml").write_text(STUDY)
    return str(folder)


def rehearsed(tmp_path: Path, report: str, *settings: str, leavers: int = 30) -> int:
    words = ["run", report, "--dry-run", "--study", small_study(tmp_path, leavers=leavers)]
    for setting in settings:
        words += ["--set", setting]
    return main([*words, "--output", str(tmp_path / "reports")])


@pytest.mark.parametrize(
    ("report", "setting", "said"),
    [
        ("score-vs-churn", "every=quarter", "210 rows with an answer to NPS, 30 leavers"),
        ("churn-curves", "by=region", "a curve of 120 customers"),
        ("scorecard", "metrics=nps", "responses: 120 rows"),
    ],
)
def test_dry_run_tries_what_would_run(report: str, setting: str, said: str, tmp_path, capsys) -> None:
    assert rehearsed(tmp_path, report, setting) == ExitCode.DONE
    assert said in capsys.readouterr().out


@pytest.mark.parametrize(
    ("report", "setting", "said"),
    [
        ("ces-vs-nps", "margin=0.02", "there are answers to 1"),
        ("score-vs-churn", "score=ces", "unknown instrument 'ces'"),
        ("score-vs-churn", "horizon_days=20", "nobody churned within 20 days"),
        ("scorecard", "by=plan", "no table has such a column"),
        ("scorecard", "metrics=npss", "npss"),
        ("churn-curves", "segment=region=w", "no customer has region"),
        ("churn-risk", "every=quarter", "at least 18 of each"),
    ],
)
def test_dry_run_says_what_would_be_refused(report: str, setting: str, said: str, tmp_path, capsys) -> None:
    leavers = {"churn-risk": 3}.get(report, 30)
    assert rehearsed(tmp_path, report, setting, leavers=leavers) == ExitCode.DATA_REFUSED
    captured = capsys.readouterr().err
    assert "would be refused: " in captured and said in captured


def test_dry_run_says_every_fault_at_once(tmp_path, capsys) -> None:
    assert rehearsed(tmp_path, "ces-vs-nps", "contestants=ces,csat") == ExitCode.DATA_REFUSED
    assert capsys.readouterr().err.count("would be refused: ") == 2


def test_a_finding_with_a_minus_sign_is_no_crash_on_a_terminal_of_few_letters(notebook, tmp_path) -> None:
    save = "present.save_results(finding='Down by \u22123 \x1b[31m points.', headline=[], results={})"
    command = [sys.executable, "-m", "cxresearch.cli", "run", str(notebook(save=save))]
    done = subprocess.run(
        [*command, "--output", str(tmp_path / "reports")],
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": "latin-1"},
        check=True,
    )
    assert done.stdout.startswith(b"Down by ?3 [31m points.\npublished: ")


def test_dry_run_finds_a_busy_report(notebook, tmp_path) -> None:
    from cxresearch.reporting.shelf.locks import Lock

    shelf = tmp_path / "reports" / "small" / "default"
    shelf.mkdir(parents=True)
    with Lock(shelf / ".lock"):
        assert (
            main(["run", str(notebook()), "--dry-run", "--output", str(tmp_path / "reports")])
            == ExitCode.BUSY
        )


def test_check_and_init(tmp_path, capsys) -> None:
    (tmp_path / "customers.csv").write_text("customer_id,started_at\na,2024-01-05\n")
    assert main(["init", str(tmp_path)]) == 0
    assert "study.toml" in capsys.readouterr().out
    assert main(["init", str(tmp_path)]) == ExitCode.DATA_REFUSED  # never overwritten
    assert main(["check", str(tmp_path)]) == ExitCode.DATA_REFUSED  # observed_until is to be decided
    assert "observed_until" in capsys.readouterr().err


def test_the_finding_and_the_page_are_printed_and_progress_is_told_without_a_terminal(
    notebook, tmp_path, capsys
) -> None:
    path, output = str(notebook()), tmp_path / "reports"
    assert main(["run", path, "--output", str(output)]) == 0
    captured = capsys.readouterr()
    assert re.fullmatch(r"All is well\.\npublished: \S+report\.html\n", captured.out)
    assert re.search(r"^cell 2 of 3, \d+ s\n", captured.err) and "cell 3 of 3" in captured.err
    assert "\r" not in captured.err
    assert main(["run", path, "--output", str(output), "--quiet", "--force"]) == 0
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "")
    run = next(output.glob("small/default/2*/manifest.json")).parent
    assert main(["verify", str(run)]) == 0
    assert "verified" in capsys.readouterr().out
    (run / "report.html").write_text("another")
    manifest = json.loads((run / "manifest.json").read_text())
    assert manifest["provenance"]["base"] == os.getcwd()
    assert main(["diff", str(run), str(run)]) == 0
    assert "same content" in capsys.readouterr().out
    assert main(["prune", "--keep", "1", "--output", str(output)]) == 0
    assert capsys.readouterr().out == ""


def test_check_into_a_closed_pipe_ends_quietly(tmp_path) -> None:
    (tmp_path / "customers.csv").write_text("id,start\na,2024-01-01\n")
    (tmp_path / "study.toml").write_text(
        '[study]\nobserved_until = 2024-12-31\n[[sources]]\ntable = "customers"\nfile = "customers.csv"\n'
        'columns = { customer_id = "id", started_at = "start" }\n'
    )
    reader, writer = os.pipe()
    os.close(reader)  # as `head` does when it has read enough
    command = [sys.executable, "-m", "cxresearch.cli", "check", str(tmp_path)]
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writer)
    assert (done.returncode, done.stderr) == (ExitCode.PIPE_CLOSED, "")


@pytest.mark.parametrize("workers", ["-1", "0"])
def test_fewer_workers_than_one_are_refused(notebook, tmp_path, capsys, workers) -> None:
    words = [
        "run",
        str(notebook()),
        "--each",
        "plan",
        f"--workers={workers}",
        "--output",
        str(tmp_path / "out"),
    ]
    assert main(words) == ExitCode.USAGE
    assert f"--workers is {workers}" in capsys.readouterr().err
