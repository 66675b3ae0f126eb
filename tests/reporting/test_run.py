"""A run publishes everything or nothing, and says which in its exit code."""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
from datetime import date
from pathlib import Path

import pytest

from cxresearch.reporting.outcome import ExitCode, ReportError, RunOutcome
from cxresearch.reporting.page.report_page import script_hash
from cxresearch.reporting.plan import plan_run
from cxresearch.reporting.run_report import execute_plan

from .conftest import write_notebook

ESTIMATE = (
    "from cxresearch.results.estimate import Estimate\nfrom cxresearch.results.units import Unit\n"
    "nps = Estimate(name='NPS', value={value}, low={value} - 3, high={value} + 3, level=0.95, se=1.5, n=500,"
    " unit=Unit.POINTS, method='by hand')"
)
SAVE_NPS = "present.save_results(finding='NPS is known.', headline=[nps])"
FULL = [
    "import matplotlib.pyplot as plt, pandas as pd",
    ESTIMATE.format(value=30.0),
    "present.finding('NPS is known.', detail='It is thirty.')",
    "present.tiles([nps])",
    "present.show(plt.subplots(figsize=(4, 3))[1], name='empty', caption='Nothing, n 0')",
    "present.table(pd.DataFrame({'who': ['a'], 'nps': [30.0]}), caption='One row', name='one')",
    "present.left_out(pd.DataFrame({'reason': [], 'rows': []}))",
    "present.facts(share=0.125)\npresent.caveats(['It is a test.'])\npresent.caveats([])",
    "present.table(nps, name='two')\npresent.show(None, name='none', caption='')\npresent.table(None)",
    "print(object())",
]


@pytest.fixture(scope="module")
def full(warm_worker, tmp_path_factory) -> tuple[Path, RunOutcome]:
    """A report with every block, and its run."""
    folder = tmp_path_factory.mktemp("full")
    prose = "One in eight is {{ share | share }}, not {{ unknown }}."
    path = write_notebook(folder / "small.ipynb", FULL, save=SAVE_NPS, prose=prose)
    return path, execute_plan(plan_run(path, output=folder / "reports"), warm_worker)


def failure(run, path: Path, **options) -> ReportError:
    with pytest.raises(ReportError) as caught:
        run(path, **options)
    return caught.value


def test_publishes_everything_and_points_latest_at_it(full) -> None:
    outcome = full[1]
    assert (outcome.code, outcome.status) == (ExitCode.DONE, "published")
    files = {
        path.relative_to(outcome.folder).as_posix() for path in outcome.folder.rglob("*") if path.is_file()
    }
    assert files == {
        "email.eml",
        "email.html",
        "figures/empty.png",
        "figures/empty.svg",
        "manifest.json",
        "notebook.ipynb",
        "report.html",
        "results.json",
        "tables/one.csv",
        "tables/two.columns.csv",
        "tables/two.csv",
    }
    shelf = outcome.folder.parent
    assert (shelf / "latest").resolve() == outcome.folder.resolve()
    pointer = json.loads((shelf / "latest.json").read_text())
    assert pointer["run"] == outcome.run
    assert pointer["content_hash"] == outcome.content_hash
    assert not [path for path in shelf.iterdir() if path.name.startswith(".staging")]
    assert "NPS is known" in (shelf / "index.html").read_text()
    assert "NPS is known" in (shelf.parent.parent / "index.html").read_text()


def test_manifest_holds_hashes_of_what_is_there(full) -> None:
    path, outcome = full
    manifest = json.loads((outcome.folder / "manifest.json").read_text())
    for name, digest in manifest["content"]["files"].items():
        assert hashlib.sha256((outcome.folder / name).read_bytes()).hexdigest() == digest
    assert manifest["content"]["causes"]["notebook_sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert {"cxresearch", "numpy", "pandas", "python"} <= set(manifest["provenance"]["versions"])
    assert manifest["volatile"]["seconds"] > 0


def test_page_has_no_code_one_script_of_ours_and_nothing_from_elsewhere(full) -> None:
    page = (full[1].folder / "report.html").read_text()
    assert page.lower().count("<script") == 1
    (script,) = re.findall(r"<script>(.*?)</script>", page, flags=re.DOTALL)
    assert f"script-src '{script_hash(script)}'" in page
    assert "present.finding" not in page
    asked = re.findall(r"(?:src|href)=[\"']?(?!data:)([^\"'#>]+)", page)
    assert all(url.startswith(("../", "tables/")) for url in asked), asked
    assert "default-src 'none'" in page
    for text in (
        "A small report",
        "It is thirty.",
        "Nothing, n 0",
        "One row",
        "by hand",
        "One in eight is 12.5 %, not {{ unknown }}.",
        "Nobody was left out",
    ):
        assert text in page


def test_same_causes_same_bytes_even_by_force_and_elsewhere(run, notebook, tmp_path) -> None:
    path = notebook([*FULL, "present.open_study('built-in', customers=200)"], save=SAVE_NPS)
    first = run(path)
    again = run(path, force=True)
    elsewhere = run(path, output=tmp_path / "other")
    assert again.folder != first.folder
    for name in (
        "report.html",
        "notebook.ipynb",
        "results.json",
        "figures/empty.svg",
        "figures/empty.png",
        "email.eml",
    ):
        content = (first.folder / name).read_bytes()
        assert (again.folder / name).read_bytes() == content, name
        assert (elsewhere.folder / name).read_bytes() == content, name
    assert first.content_hash == again.content_hash == elsewhere.content_hash


def test_unchanged_inputs_are_skipped_unless_forced(run, notebook) -> None:
    path = notebook(["study = present.open_study('built-in', customers=200)"], parameters="days: int = 3")
    first = run(path)
    assert run(path).status == "unchanged"
    assert run(path).folder == first.folder
    assert run(path, force=True).status == "published"
    path.write_text(path.read_text().replace("For tests.", "For other tests."))
    assert run(path).status == "published"


def test_a_report_that_notes_no_inputs_is_never_skipped(run, notebook) -> None:
    path = notebook()
    run(path)
    assert run(path).status == "published"


def test_parameters_reach_the_notebook_with_their_type(run, notebook) -> None:
    path = notebook(
        save="present.save_results(finding='x', headline=[], results={'code': code, 'day': day, 'n': n})",
        parameters="from datetime import date\ncode: str = ''\nday: date = date(2020, 1, 1)\nn: int = 1",
    )
    evil = '007\'; import os; os._exit(9) #\n"""\\'
    outcome = run(path, parameters={"code": evil, "day": "last-month", "n": "21"}, today=date(2024, 5, 15))
    results = json.loads((outcome.folder / "results.json").read_text())["results"]
    assert results == {"code": evil, "day": "2024-04-30", "n": 21}
    assert (
        json.loads((outcome.folder / "manifest.json").read_text())["content"]["causes"]["parameters"]["n"]
        == 21
    )


@pytest.mark.parametrize(
    ("cells", "options", "code", "text"),
    [
        (["1 / 0"], {}, ExitCode.CELL_FAILED, "ZeroDivisionError"),
        (["import sys; sys.exit(0)"], {}, ExitCode.INCOMPLETE, "SystemExit"),
        (["import sys; sys.exit(3)"], {}, ExitCode.INCOMPLETE, "SystemExit"),
        ([], {"save": ""}, ExitCode.INCOMPLETE, "no results.json"),
        (["open('results.json', 'w').write('{')"], {"save": ""}, ExitCode.INCOMPLETE, "not JSON"),
        (
            ["open('results.json', 'w').write('{\"finding\": \"x\"}')"],
            {"save": ""},
            ExitCode.INCOMPLETE,
            "malformed",
        ),
        (
            ['open(\'results.json\',\'w\').write(\'{"finding":"x","headline":[],"results":{"a":NaN}}\')'],
            {"save": ""},
            ExitCode.INCOMPLETE,
            "NaN",
        ),
    ],
)
def test_failures_have_their_code_and_publish_nothing(
    run, notebook, tmp_path, cells, options, code, text
) -> None:
    path = notebook()
    good = run(path)
    error = failure(run, notebook(cells, **options))
    assert error.code is code
    assert text in str(error)
    shelf = tmp_path / "reports" / "small" / "default"
    assert (shelf / "latest").resolve() == good.folder.resolve()
    assert stat.S_IMODE((shelf / "failed").stat().st_mode) == 0o700
    (kept,) = (shelf / "failed").iterdir()
    assert text in json.loads((kept / "failure.json").read_text())["problem"]


def test_refused_data_give_their_own_message_and_leave_nothing(run, notebook, tmp_path) -> None:
    cells = [
        "from cxresearch.errors import DataError\nraise DataError('everyone churned', where='customers')"
    ]
    error = failure(run, notebook(cells))
    assert error.code is ExitCode.DATA_REFUSED
    assert str(error) == "everyone churned (customers)."
    assert not (tmp_path / "reports").exists()


def test_thirty_megabytes_of_print_are_cut(run, notebook) -> None:
    cells = [
        "for _ in range(300): print('x' * 100_000)",
        "from IPython.display import HTML; HTML('y' * 9_000_000)",
    ]
    outcome = run(notebook(cells))
    sizes = {path.name: path.stat().st_size for path in outcome.folder.iterdir()}
    assert sizes["notebook.ipynb"] < 1_000_000
    assert sizes["report.html"] < 1_000_000
    assert "output cut here" in (outcome.folder / "report.html").read_text()


def test_secrets_come_from_the_environment_and_are_struck_out(notebook, tmp_path, monkeypatch) -> None:
    from cxresearch.reporting.run_report import run_report

    monkeypatch.setenv("CRM_KEY", 'open "sesame" 4711')
    cells = ["found = present.secret('CRM_KEY')", "print(found, repr(found))", "assert len(found) == 18"]
    save = "present.save_results(finding='Known: ' + found, headline=[])"
    outcome = run_report(notebook(cells, save=save), output=tmp_path / "reports")
    for path in outcome.folder.rglob("*"):
        if path.is_file():
            assert b"sesame" not in path.read_bytes(), path
    assert "[CRM_KEY]" in (outcome.folder / "report.html").read_text()


def test_a_missing_study_is_refused_before_anything_starts(notebook, tmp_path) -> None:
    from cxresearch.errors import StudyError
    from cxresearch.reporting.run_report import run_report

    path = notebook(parameters='study: str = "built-in"')
    with pytest.raises(StudyError, match="no study"):
        run_report(path, study=tmp_path / "nowhere", output=tmp_path / "reports")
    assert not (tmp_path / "reports").exists()


def test_warm_kernels_forget_names_and_pictures(run, notebook) -> None:
    run(notebook(["leftover = 1\nimport matplotlib.pyplot as plt; plt.figure(77)"], name="one.ipynb"))
    outcome = run(
        notebook(
            ["import matplotlib.pyplot as plt\nassert 'leftover' not in globals() and not plt.get_fignums()"],
            name="two.ipynb",
        )
    )
    cells = json.loads((outcome.folder / "notebook.ipynb").read_text())["cells"]
    assert [cell["execution_count"] for cell in cells if cell["cell_type"] == "code"] == [1, 2, 3]


def test_published_files_are_readable_and_names_are_unchangeable_by_umask(run, notebook) -> None:
    old = os.umask(0o077)
    try:
        folder = run(notebook()).folder
    finally:
        os.umask(old)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o755
    assert stat.S_IMODE((folder / "report.html").stat().st_mode) == 0o644
