"""The command line: what it prints, and where."""

from __future__ import annotations

import json
import os
import re
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


def test_quiet_when_fine_and_the_page_by_verbose(notebook, tmp_path, capsys) -> None:
    path, output = str(notebook()), tmp_path / "reports"
    assert main(["run", path, "--output", str(output), "-v"]) == 0
    captured = capsys.readouterr()
    assert re.fullmatch(r"published: \S+report\.html\n", captured.out) and captured.err == ""
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
