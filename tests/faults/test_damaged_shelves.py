"""A damaged past never stops the next night: states of a shelf that copies, cuts and old versions leave."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cxresearch.reporting.history import prune
from cxresearch.reporting.outcome import RunOutcome
from cxresearch.reporting.plan import plan_run
from cxresearch.reporting.run_report import execute_plan
from cxresearch.reporting.verify_run import latest_two
from cxresearch.reporting.worker.worker_process import WorkerProcess

from .conftest import assert_latest_is_whole

CELLS = (
    "study: str = 'study.toml'",
    "from cxresearch.reporting import present",
    "from cxresearch.results.estimate import Estimate\nfrom cxresearch.results.units import Unit\n"
    "count = len(present.open_study(study).table('customers').collect())\n"
    "nps = Estimate(name='NPS', value=10.0 * count, low=0.0, high=50.0, level=0.95, se=1.5, n=500,"
    " unit=Unit.POINTS, method='by hand')",
    "present.save_results(finding='NPS is known.', headline=[nps])",
)

FORMS: dict[str, str | bytes | None] = {
    "empty": "",
    "list": "[]",
    "null": "null",
    "number": "7",
    "nested": "[" * 10_000,
    "older": "{}",
    "binary": b"\xff\xfe\x00\x80",
    "truncated": None,
    "folder": None,
}


def write_small_notebook(path: Path) -> None:
    cells = [
        {
            "cell_type": "code",
            "metadata": {"tags": ["parameters"] if number == 0 else []},
            "source": source,
            "outputs": [],
            "execution_count": None,
        }
        for number, source in enumerate(CELLS)
    ]
    path.write_text(json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}))


def newest(shelf: Path) -> Path:
    return max(shelf.glob("2*"))


def oldest(shelf: Path) -> Path:
    return min(shelf.glob("2*"))


def spoil(path: Path, form: str) -> None:
    content = FORMS[form]
    if form == "truncated":
        content = path.read_bytes()[: len(path.read_bytes()) // 2]
    path.unlink()
    if form == "folder":
        path.mkdir()
    elif isinstance(content, bytes):
        path.write_bytes(content)
    else:
        path.write_text(content or "")


def unlisted(shelf: Path) -> None:
    (shelf / "runs.jsonl").unlink()


def damage_of(where: str, file: str, form: str, *, listed: bool) -> Callable[[Path], None]:
    def damage(shelf: Path) -> None:
        folder = {"shelf": shelf, "newest": newest(shelf), "oldest": oldest(shelf)}[where]
        spoil(folder / file, form)
        if not listed:
            unlisted(shelf)

    return damage


def real_latest(shelf: Path) -> None:
    (shelf / "latest").unlink()
    shutil.copytree(oldest(shelf), shelf / "latest")


def text_latest(shelf: Path) -> None:
    (shelf / "latest").unlink()
    (shelf / "latest").write_text(oldest(shelf).name)


def dangling_latest(shelf: Path) -> None:
    (shelf / "latest").unlink()
    (shelf / "latest").symlink_to("nowhere")


def disagreeing(shelf: Path) -> None:
    (shelf / "latest").unlink()
    (shelf / "latest").symlink_to(oldest(shelf).name)


def linked_failures(shelf: Path) -> None:
    treasure = shelf.parent / "treasure"
    treasure.mkdir()
    (treasure / "kept").mkdir()
    (shelf / "failed").symlink_to(treasure)
    (shelf / ".staging-20240101T000000000000Z-abcdef").mkdir()


STATES: dict[str, Callable[[Path], None]] = {
    f"{where}-{file}-{form}": damage_of(where, file, form, listed=True)
    for where, file in [
        ("shelf", "latest.json"),
        ("shelf", "runs.jsonl"),
        ("newest", "manifest.json"),
        ("newest", "results.json"),
        ("newest", "alert.json"),
    ]
    for form in FORMS
}
STATES |= {
    f"oldest-{file}-{form}-unlisted": damage_of("oldest", file, form, listed=False)
    for file in ("manifest.json", "results.json")
    for form in FORMS
}
STATES |= {
    "latest-real-folder": real_latest,
    "latest-text": text_latest,
    "latest-dangling": dangling_latest,
    "latest-disagrees": disagreeing,
    "latest-missing": lambda shelf: (shelf / "latest").unlink(),
    "pointer-missing": lambda shelf: (shelf / "latest.json").unlink(),
    "newest-gone": lambda shelf: shutil.rmtree(newest(shelf)),
    "oldest-gone": lambda shelf: shutil.rmtree(oldest(shelf)),
    "all-gone": lambda shelf: [shutil.rmtree(folder) for folder in shelf.glob("2*")],
    "newest-without-manifest": lambda shelf: (newest(shelf) / "manifest.json").unlink(),
    "newest-without-results": lambda shelf: (newest(shelf) / "results.json").unlink(),
    "newest-without-page": lambda shelf: (newest(shelf) / "report.html").unlink(),
    "newest-without-mail": lambda shelf: (newest(shelf) / "email.eml").unlink(),
    "failed-is-a-link": linked_failures,
    "failed-is-a-file": lambda shelf: (shelf / "failed").write_text(""),
    "lock-is-a-folder": lambda shelf: ((shelf / ".lock").unlink(), (shelf / ".lock").mkdir()),
    "owner-is-junk": lambda shelf: (
        (shelf / ".lock.owner").write_text("["),
        os.utime(shelf / ".lock.owner", (1, 1)),
    ),
    "owed-is-junk": lambda shelf: (shelf / "owed.json").write_text("[[["),
    "owed-is-a-folder": lambda shelf: (shelf / "owed.json").mkdir(),
    "damaged-is-a-file": lambda shelf: ((shelf / "damaged").write_text(""), real_latest(shelf)),
    "list-torn": lambda shelf: (shelf / "runs.jsonl").write_bytes((shelf / "runs.jsonl").read_bytes()[:-40]),
    "list-missing": unlisted,
}
FAST = (
    "shelf-latest.json-nested",
    "shelf-latest.json-folder",
    "shelf-runs.jsonl-binary",
    "newest-manifest.json-truncated",
    "newest-results.json-older",
    "oldest-results.json-list-unlisted",
    "latest-real-folder",
    "newest-without-page",
    "failed-is-a-link",
    "list-torn",
    "lock-is-a-folder",
)


@pytest.fixture(scope="module")
def worker() -> Iterator[WorkerProcess]:
    with WorkerProcess(warm=True) as process:
        yield process


@pytest.fixture(scope="module")
def whole(worker: WorkerProcess, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a notebook, a study of its own and three runs of it."""
    place = tmp_path_factory.mktemp("whole")
    (place / "study.toml").write_text(
        '[study]\nname = "Tiny"\nobserved_until = 2024-12-31\n[alerts]\nall = ["nps > 90"]\n[[sources]]\n'
        'table = "customers"\nfile = "customers.csv"\ncolumns = { customer_id = "id", started_at = "at" }\n'
    )
    for customers in (1, 2, 3):
        rows = "".join(f"c{number},2024-01-01\n" for number in range(customers))
        (place / "customers.csv").write_text("id,at\n" + rows)
        write_small_notebook(place / "small.ipynb")
        again(place, worker)
    return place


def again(place: Path, worker: WorkerProcess) -> RunOutcome:
    plan = plan_run(place / "small.ipynb", output=place / "reports", base=place)
    return execute_plan(plan, worker, deadline=60.0)


def pointers_agree(shelf: Path) -> bool:
    return os.readlink(shelf / "latest") == json.loads((shelf / "latest.json").read_text())["run"]


def survived(name: str, whole: Path, worker: WorkerProcess, tmp_path: Path) -> None:
    place = tmp_path / "place"
    shutil.copytree(whole, place, symlinks=True)
    # The copy is the same notebook: what stands elsewhere would be another of its name.
    for path in place.rglob("*.json*"):
        path.write_text(path.read_text().replace(str(whole), str(place)))
    (shelf,) = (place / "reports" / "small").iterdir()
    for manifest in shelf.glob("2*/manifest.json"):
        assert str(whole) not in manifest.read_text()
    before = {folder.name for folder in shelf.glob("2*")}
    STATES[name](shelf)
    other = place / "reports" / "other" / "default"
    other.mkdir(parents=True)
    (other / "latest.json").write_text("")  # of another report: no reason to fail here
    outcome = again(place, worker)
    assert outcome.code == 0
    assert (outcome.folder / "report.html").is_file()
    assert_latest_is_whole(shelf)
    assert pointers_agree(shelf)
    gone = before if "gone" in name else set()
    left = {folder.name for folder in shelf.glob("2*")}
    aside = {folder.name for folder in shelf.glob("damaged*/2*")}
    assert before - left <= aside | gone  # moved, never deleted
    compared = outcome.folder / "previous.json"  # absent where no whole run is left
    previous = json.loads(compared.read_text()) if compared.is_file() else {}
    assert not previous or previous["run"] in before - aside
    second = again(place, worker)
    assert (second.status, second.remarks) == ("unchanged", ())
    prune(place / "reports", keep=1)
    assert_latest_is_whole(shelf)


@pytest.mark.parametrize("name", FAST)
def test_a_damaged_shelf_does_not_stop_the_next_run(name, whole, worker, tmp_path) -> None:
    survived(name, whole, worker, tmp_path)
    if name == "failed-is-a-link":
        assert (tmp_path / "place/reports/small/treasure/kept").is_dir()


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in STATES if name not in FAST])
def test_every_damaged_shelf_does_not_stop_the_next_run(name, whole, worker, tmp_path) -> None:
    survived(name, whole, worker, tmp_path)


def test_there_are_as_many_states_as_were_tried_by_hand() -> None:
    assert len(STATES) >= 79


def test_the_two_newest_runs_are_those_of_the_order_of_publishing(whole) -> None:
    first, second = latest_two(whole / "reports", "small")
    assert first.name < second.name
