"""Faults that published wrong things without a word: files replaced meanwhile, names, clocks, alerts."""

# ruff: noqa: F811 - fixtures of another file are imported by name

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cxresearch.reporting import run_report as running
from cxresearch.reporting.history import read_record
from cxresearch.reporting.inputs import sha256_of
from cxresearch.reporting.outcome import ExitCode, ReportError
from cxresearch.reporting.page.finish_run import strike_secrets
from cxresearch.reporting.page.run_index import write_indexes
from cxresearch.reporting.run_report import settle_alerts
from cxresearch.reporting.shelf.shelf import Shelf
from cxresearch.reporting.writing.alerts import evaluate, parse_rule

from .test_history import ESTIMATE, SAVE_NPS, figure, rated, study  # noqa: F401 - a fixture

GROW = (
    "import pathlib\nfile = pathlib.Path({0!r})\nmark = pathlib.Path({1!r})\n"
    "left = int(mark.read_text()) if mark.exists() else {2}\n"
    "if left:\n    mark.write_text(str(left - 1))\n"
    "    file.write_text(file.read_text() + f'd{{left}},2024-01-09\\n')"
)


def replaced(notebook, tmp_path: Path, times: int) -> Path:
    """A report during whose run its data grow by a row, as often as told."""
    cells = ["opened = present.open_study(study)", "count = len(opened.table('customers').collect())"]
    cells += [GROW.format(str(tmp_path / "study" / "customers.csv"), str(tmp_path / "mark"), times)]
    cells += [ESTIMATE.format("10.0 * count")]
    return notebook(cells, save=SAVE_NPS, parameters='study: str = "built-in"')


def test_a_file_replaced_during_a_run_is_read_again(run, notebook, study, tmp_path) -> None:
    outcome = run(replaced(notebook, tmp_path, 1), study=study(3))
    record = read_record(outcome.folder)
    assert record.results["headline"][0]["value"] == 40.0  # of the file as it is now, not as it was
    hashes = {source["path"]: source["sha256"] for source in record.manifest["provenance"]["sources"]}
    assert hashes["customers.csv"] == sha256_of(tmp_path / "study" / "customers.csv")


def test_a_file_that_goes_on_changing_is_refused(run, notebook, study, tmp_path) -> None:
    with pytest.raises(ReportError, match="changed while they were read") as error:
        run(replaced(notebook, tmp_path, 5), study=study(3))
    assert error.value.code is ExitCode.DATA_REFUSED
    assert not list(tmp_path.glob("reports/*/*/latest*"))


def test_a_notebook_replaced_during_a_run_stands_under_its_old_fingerprint(
    run,
    notebook,
    study,
    tmp_path,
) -> None:
    path = rated(notebook)
    old = sha256_of(path)
    text = path.read_text()
    cells = json.loads(text)
    cells["cells"].insert(
        2,
        {
            "cell_type": "code", "metadata": {}, "execution_count": None, "outputs": [],
            "source": f"open({str(path)!r}, 'a').write(' ')",
        },
    )  # fmt: skip
    path.write_text(json.dumps(cells))
    old = sha256_of(path)
    outcome = run(path, study=study(3))
    causes = read_record(outcome.folder).manifest["content"]["causes"]
    assert causes["notebook_sha256"] == old != sha256_of(path)
    assert run(path, study=study(3)).status == "published"  # the notebook is another now


@pytest.mark.parametrize(
    ("rule", "fires"),
    [
        ("Оценка < 20", ["Оценка"]),
        ("満足度 < 20", []),
        ("कि < 20", []),
        ("का < 20", ["का"]),
        ("NPS (neu) < 20", ["NPS (neu)"]),
    ],
)
def test_a_rule_fires_on_its_own_figure_in_any_script(rule, fires) -> None:
    values = {"Оценка": 10, "満足度": 90, "कि": 90, "का": 10, "NPS neu": 90, "NPS (neu)": 10}
    figures = [figure(value, name=name) for name, value in values.items()]
    (judged,) = evaluate([parse_rule(rule)], figures, [])
    assert (judged["status"] == "fired") == bool(fires)
    assert all(name in judged["sentence"] for name in fires)


def test_notebooks_of_one_name_do_not_overwrite_each_other(run, notebook, tmp_path) -> None:
    paths = [notebook(name=name) for name in ("отчёт.ipynb", "報告.ipynb", "a b.ipynb", "a_b.ipynb")]
    other = tmp_path / "other"
    other.mkdir()
    paths.append(other / "a_b.ipynb")
    paths[-1].write_text(paths[-2].read_text())
    shelves = [run(path).folder.parent for path in paths]
    assert len(set(shelves)) == 5
    assert [run(path).folder.parent for path in paths] == shelves
    for path, shelf in zip(paths, shelves, strict=True):
        assert len(Shelf(shelf).lines()) == 2
        assert json.loads((shelf / "latest.json").read_text())["notebook"] == str(path)


def test_a_notebook_that_was_moved_goes_on_with_its_history(run, notebook, tmp_path) -> None:
    path = notebook()
    shelf = run(path).folder.parent
    (tmp_path / "moved").mkdir()
    moved = path.rename(tmp_path / "moved" / path.name)
    assert run(moved).folder.parent == shelf


def test_a_clock_once_ahead_does_not_move_latest_back(run, notebook, tmp_path, monkeypatch) -> None:
    path = notebook()

    class Ahead(running.datetime):
        @classmethod
        def now(cls, zone=None):
            return super().now(zone).replace(year=2090)

    with monkeypatch.context() as patch:
        patch.setattr(running, "datetime", Ahead)
        ahead = run(path)
    assert ahead.run.startswith("2090")
    after = run(path)
    failing = notebook(["1 / 0"])
    with pytest.raises(ReportError):
        run(failing)
    shelf = after.folder.parent
    assert os.readlink(shelf / "latest") == after.run
    assert json.loads((shelf / "latest.json").read_text())["run"] == after.run
    (shelf / "runs.jsonl").unlink()  # the order stands in the manifests, too
    last = run(notebook())
    assert [line["run"] for line in Shelf(shelf).lines()] == [ahead.run, after.run, last.run]


def test_an_alert_is_owed_until_it_was_told(run, notebook, study) -> None:
    path = rated(notebook)
    first = run(path, study=study(1, 'alerts = ["nps < 20"]\n'))
    assert first.code is ExitCode.ALERT
    again = run(path, study=study(1, 'alerts = ["nps < 20"]\n'))  # whoever should tell it was killed
    assert (again.status, again.code, again.alerts) == ("unchanged", ExitCode.ALERT, first.alerts)
    quiet = run(path, study=study(5, 'alerts = ["nps < 20"]\n'))
    assert (quiet.status, quiet.alerts) == ("published", first.alerts)
    settle_alerts(quiet)
    assert run(path, study=study(5, 'alerts = ["nps < 20"]\n')).code is ExitCode.DONE


@pytest.mark.parametrize("encoding", ["latin-1", "ascii"])
def test_an_alert_on_a_negative_figure_is_told_in_few_letters(
    notebook,
    study,
    tmp_path,
    encoding,
) -> None:
    cells = ["present.open_study(study)", ESTIMATE.format("-10.0")]
    path = notebook(cells, save=SAVE_NPS, parameters='study: str = "built-in"')
    words = [
        sys.executable,
        "-m",
        "cxresearch.cli",
        "run",
        str(path),
        "--study",
        study(3, 'alerts = ["nps < 0"]\n'),
    ]
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    codes = [
        subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, check=False, timeout=120)
        for _ in range(2)
    ]
    assert [done.returncode for done in codes] == [10, 0]
    assert b"10.0" in codes[0].stdout


def test_an_alert_that_could_not_be_printed_is_owed(notebook, study, tmp_path) -> None:
    path = rated(notebook)
    words = [sys.executable, "-m", "cxresearch.cli", "run", str(path), "--quiet", "--study"]
    words.append(study(1, 'alerts = ["nps < 20"]\n'))
    with Path("/dev/full").open("w") as full:
        lost = subprocess.run(
            words, cwd=tmp_path, stdout=full, stderr=subprocess.PIPE, check=False, timeout=120
        )
    assert lost.returncode not in (0, 1)
    told = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120)
    assert told.returncode == 10 and "NPS is" in told.stdout
    assert subprocess.run(words, cwd=tmp_path, check=False, timeout=120).returncode == 0


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("import os; os.mkfifo('pipe')", "a pipe"),
        ("import os; os.mkfifo('results.json')", "a pipe"),
        ("import os; os.link({0!r}, 'private.txt')", "a second name"),
        ("import socket; socket.socket(socket.AF_UNIX).bind('s')", "a pipe, socket"),
    ],
)
def test_what_is_no_file_of_its_own_is_not_published(run, notebook, tmp_path, source, kind) -> None:
    private = tmp_path / "private.txt"
    private.write_text("mine")
    private.chmod(0o600)
    began = time.monotonic()
    with pytest.raises(ReportError, match=kind) as error:
        run(notebook([source.format(str(private))], save="" if "results" in source else _SAVE))
    assert error.value.code is ExitCode.INCOMPLETE
    assert time.monotonic() - began < 20
    assert private.stat().st_mode & 0o777 == 0o600


_SAVE = "present.save_results(finding='All is well.', headline=[], results={'answer': 42})"
SECRET = "a&b<c>\"d'e\\f ü%"


def test_a_secret_of_signs_is_struck_from_everything(run, notebook, monkeypatch, tmp_path) -> None:
    from cxresearch.reporting.plan import plan_run
    from cxresearch.reporting.worker.worker_process import WorkerProcess

    monkeypatch.setenv("CRM_TOKEN", SECRET)
    cells = [
        "token = present.secret('CRM_TOKEN')",
        "print(token)\ntoken",
        "import pandas as pd\nframe = pd.DataFrame({'a': [token]})\nframe",
        "present.finding(token)",
        "open('mine.txt', 'w').write(token); frame.to_csv('mine.csv'); frame.to_json('mine.json')",
        "open('mine.html', 'w').write(frame.to_html())",
        "open('mine.bin', 'wb').write(b'\\xff' + token.encode())",
    ]
    plan = plan_run(notebook(cells), output=tmp_path / "reports")
    with WorkerProcess() as worker:
        folder = running.execute_plan(plan, worker).folder
    for path in folder.rglob("*"):
        content = path.read_bytes() if path.is_file() else b""
        for part in (b"a&b<c", b"a&amp;b", b"a\\u0026b", SECRET.encode()):
            assert part not in content, (path.name, part)


def test_secrets_are_struck_in_every_form() -> None:
    assert strike_secrets('x a&amp;b "a&b"', {"T": "a&b"}) == 'x [T] "[T]"'


def test_a_long_past_is_not_read_again(run, notebook, monkeypatch) -> None:
    folder = run(notebook()).folder
    shelf = Shelf(folder.parent)
    (line,) = shelf.lines()
    for number in range(300):
        copy = shelf.folder / f"20200101T{number:012d}Z-abcdef"
        copy.mkdir()
        for name in ("manifest.json", "results.json"):
            (copy / name).write_text(
                "{" if name == "results.json" else "{}"
            )  # unread, or they would be set aside
    with (shelf.folder / "runs.jsonl").open("a") as file:
        for number in range(300):
            file.write(json.dumps({**line, "run": f"20200101T{number:012d}Z-abcdef", "order": 0}) + "\n")
    began = time.process_time()
    assert shelf.sweep() == []
    assert len(shelf.lines()) == 301
    write_indexes(shelf)
    assert time.process_time() - began < 2.0
    assert shelf.latest() == folder
