"""One report for each segment: small ones suppressed, failures apart, resumed where it stopped."""

from __future__ import annotations

import json
import time

import pytest

from cxresearch.reporting.outcome import ExitCode, ReportError
from cxresearch.reporting.run_each import BatchOptions, run_each, worker_count

PARAMETERS = 'study: str = "built-in"\nsegment: str = ""\ncustomers: int = 400'
OPEN = (
    "opened = present.open_study(study, segment=segment, customers=customers)\nname = segment.split('=')[1]"
)
SAVE = "present.save_results(finding=f'{name} has {len(opened.table(\"customers\").collect())}', headline=[])"


def test_each_segment_has_its_report_and_small_ones_none(notebook, tmp_path) -> None:
    path = notebook(
        [OPEN],
        parameters=PARAMETERS,
        save=SAVE,
    )
    done = run_each(
        path, "segment", output=tmp_path / "reports", options=BatchOptions(warm=True, smallest=50)
    )
    found = {outcome.segment: outcome for outcome in done.segments}
    assert done.code is ExitCode.DONE
    assert set(found) == {"segment=smb", "segment=mid"}
    assert (done.suppressed, done.suppressed_customers) == (1, 400 - sum(o.customers for o in done.segments))
    for outcome in done.segments:
        name = outcome.segment.removeprefix("segment=")
        assert outcome.message == f"Only segment {name}: {name} has {outcome.customers}"
        assert (tmp_path / "reports" / outcome.folder / "report.html").is_file()
    page = done.summary.read_text()
    assert "enterprise" not in page and "1 segments are too small" in page
    assert json.loads(done.summary.with_suffix(".json").read_text())["suppressed"] == 1
    again = run_each(
        path, "segment", output=tmp_path / "reports", options=BatchOptions(warm=True, smallest=50)
    )
    assert {outcome.status for outcome in again.segments} == {"unchanged"}


def test_one_failure_leaves_the_rest_and_is_tried_again(notebook, tmp_path, monkeypatch) -> None:
    cells = [OPEN, "import os\nassert name != 'mid' or not os.environ.get('FAIL_MID')"]
    path = notebook(cells, parameters=PARAMETERS, save=SAVE)
    monkeypatch.setenv("FAIL_MID", "1")
    options = BatchOptions(warm=True, sizes={"smb": 100, "mid": 100})
    broken = run_each(path, "segment", output=tmp_path / "reports", options=options)
    assert broken.code is ExitCode.CELL_FAILED
    assert {o.segment: o.status for o in broken.segments} == {
        "segment=smb": "published",
        "segment=mid": "failed",
    }
    monkeypatch.delenv("FAIL_MID")
    mended = run_each(path, "segment", output=tmp_path / "reports", options=options)
    assert mended.code is ExitCode.DONE
    assert {o.segment: o.status for o in mended.segments} == {
        "segment=smb": "unchanged",
        "segment=mid": "published",
    }


@pytest.mark.slow
def test_warm_and_cold_kernels_give_the_same_content(run, notebook, tmp_path) -> None:
    path = notebook([OPEN], parameters=PARAMETERS, save=SAVE)
    options = BatchOptions(sizes={"smb": 100}, workers=1)
    warm_options = BatchOptions(sizes={"smb": 100}, workers=1, warm=True)
    warm = run_each(path, "segment", output=tmp_path / "warm", options=warm_options)
    cold = run_each(path, "segment", output=tmp_path / "cold", options=options)
    pages = [
        (tmp_path / place / done.segments[0].folder / "report.html").read_bytes()
        for place, done in (("warm", warm), ("cold", cold))
    ]
    assert pages[0] == pages[1]


def test_what_cannot_be_fanned_out_is_refused_at_once(notebook, tmp_path) -> None:
    started = time.monotonic()
    with pytest.raises(ReportError, match="no parameter 'segment'"):
        run_each(notebook(), "segment", output=tmp_path / "reports")
    with pytest.raises(ReportError, match="'region' is not a segment"):
        run_each(notebook([OPEN], parameters=PARAMETERS, save=SAVE), "region", output=tmp_path / "reports")
    assert not (tmp_path / "reports").exists()
    assert time.monotonic() - started < 20


def test_workers_fit_the_machine() -> None:
    assert worker_count(1) == 1
    assert 1 <= worker_count(1000) <= 1000
