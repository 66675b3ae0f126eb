"""What goes wrong in earnest: processes killed, disks full, ten at once. `latest` stays valid throughout."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from .conftest import (
    Cli,
    assert_latest_is_whole,
    assert_nothing_runs,
    processes,
    wait_for,
    workers_and_kernels,
)

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks at processes through /proc")
SLEEP = "import time; time.sleep({})"
HOLD = "import ctypes; ctypes.PyDLL(None).sleep(60)"  # sleeps without giving the interpreter back


def kernels(cli: Cli) -> list[int]:
    return [
        pid
        for pid, words in workers_and_kernels(cli).items()
        if "cxresearch.reporting.worker.kernel" in words
    ]


def cell_reached(cli: Cli, name: str):
    return lambda: list(cli.shelf().glob(f".staging-*/{name}"))


def test_kill_nine_of_the_runner_takes_worker_and_kernel_along(cli, notebook) -> None:
    path = notebook("open('here', 'w')", HOLD)
    process = cli.start("run", path, "--quiet")
    wait_for(cell_reached(cli, "here"))
    assert len(workers_and_kernels(cli)) == 3  # keeper, worker, kernel
    process.kill()
    process.communicate()
    assert_nothing_runs(cli)
    assert not (cli.shelf() / "latest").exists()
    fine = cli.run("run", notebook("pass"), "--quiet")
    assert (fine.returncode, fine.stdout, fine.stderr) == (0, "", "")
    assert_latest_is_whole(cli.shelf())
    (kept,) = (cli.shelf() / "failed").iterdir()
    assert "killed" in (kept / "failure.json").read_text()
    assert not list(cli.shelf().glob(".staging-*"))


GRANDCHILDREN = (
    "import subprocess, sys\n"
    "code = 'import os, time; os.fork() or os.setsid(); os.fork(); time.sleep(300)  # grandchild'\n"
    "for session in (False, True):\n"
    "    subprocess.Popen([sys.executable, '-c', code], start_new_session=session)\n"
    "time_ = __import__('time'); time_.sleep(1)\n"
)


@pytest.mark.parametrize("end", ["runner", "terminate", "kernel", "done"])
def test_no_grandchild_outlives_its_run(cli, notebook, end) -> None:
    wait = "" if end == "done" else HOLD
    process = cli.start("run", notebook(GRANDCHILDREN + "open('here', 'w')\n" + wait), "--quiet")
    if end != "done":
        wait_for(cell_reached(cli, "here"))
        assert (
            len([words for words in processes(str(cli.temporary)).values() if "grandchild" in str(words)])
            >= 6
        )
    if end == "runner":
        process.kill()
    elif end == "terminate":
        process.terminate()
    elif end == "kernel":
        os.kill(kernels(cli)[0], signal.SIGKILL)
    process.communicate(timeout=60)
    wait_for(lambda: not processes(str(cli.temporary)), 15)


def test_kill_nine_of_the_kernel(cli, notebook) -> None:
    path = notebook("pass", "open('here', 'w')\n" + SLEEP.format(60))
    process = cli.start("run", path, "--quiet")
    wait_for(cell_reached(cli, "here"))
    os.kill(kernels(cli)[0], signal.SIGKILL)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (5, "")
    assert err.count("\n") == 1 and "the kernel died" in err and "cell 3" in err
    assert_nothing_runs(cli)
    assert not (cli.shelf() / "latest").exists()


def test_sigterm_cleans_up(cli, notebook) -> None:
    path = notebook("open('here', 'w')", HOLD)
    process = cli.start("run", path, "--quiet")
    wait_for(cell_reached(cli, "here"))
    process.terminate()
    _, err = process.communicate(timeout=15)
    assert process.returncode == 143
    assert err == "cxresearch: terminated; nothing was published\n"
    assert_nothing_runs(cli)
    assert not list(cli.temporary.iterdir())
    assert not list(cli.shelf().glob(".staging-*"))
    assert not (cli.shelf() / "latest").exists()


def test_deadline_ends_a_cell_that_holds_the_interpreter(cli, notebook) -> None:
    started = time.monotonic()
    done = cli.run("run", notebook(HOLD), "--quiet", "--deadline", 4)
    assert done.returncode == 124
    assert time.monotonic() - started < 12
    assert done.stderr.count("\n") == 1 and "deadline" in done.stderr
    assert_nothing_runs(cli)


@pytest.mark.slow
def test_cell_timeout(cli, notebook) -> None:
    done = cli.run("run", notebook(HOLD), "--cell-timeout", 1)
    assert done.returncode == 3
    assert "a cell took longer" in done.stderr and "cell 2" in done.stderr
    assert_nothing_runs(cli)


@pytest.mark.slow
def test_a_cell_that_ends_the_kernel_by_force(cli, notebook) -> None:
    done = cli.run("run", notebook("import os; os._exit(0)"))
    assert done.returncode == 5
    assert_nothing_runs(cli)


def run_at_once(cli: Cli, path: Path, count: int) -> list[int]:
    crowd = [cli.start("run", path, "--quiet") for _ in range(count)]
    codes = [process.wait(timeout=200) for process in crowd]
    for process in crowd:
        process.communicate()
    return sorted(codes)


def test_two_at_once_one_is_made_the_other_is_told_to_wait(cli, notebook) -> None:
    assert run_at_once(cli, notebook(SLEEP.format(1.5)), 2) == [0, 75]
    assert_latest_is_whole(cli.shelf())
    assert len(list(cli.shelf().glob("*/manifest.json"))) == 2  # the run, and latest


@pytest.mark.slow
def test_ten_at_once(cli, notebook) -> None:
    assert run_at_once(cli, notebook(SLEEP.format(8)), 10) == [0] + [75] * 9
    assert_latest_is_whole(cli.shelf())
    assert_nothing_runs(cli)


@pytest.mark.slow
def test_ten_at_once_with_parameters_of_their_own(cli, notebook) -> None:
    path = notebook(parameters="number: int = 0")
    crowd = [cli.start("run", path, "--quiet", "--set", f"number={number}") for number in range(10)]
    assert [process.wait(timeout=200) for process in crowd] == [0] * 10
    for process in crowd:
        assert process.communicate() == ("", "")
    shelves = [pointer.parent for pointer in cli.output.glob("faulty/*/latest.json")]
    assert len(shelves) == 10
    for shelf in shelves:
        assert_latest_is_whole(shelf)


def watch(shelf: Path, stop: threading.Event, seen: set[str], faults: list[str]) -> None:
    """Look at `latest` as fast as possible: by both doors it is always a whole run."""
    while not stop.is_set():
        try:
            by_file = json.loads((shelf / "latest.json").read_text())["run"]
            link = os.readlink(shelf / "latest")
            for run in (by_file, link):
                manifest = json.loads((shelf / run / "manifest.json").read_text())
                missing = [
                    name for name in manifest["content"]["files"] if not (shelf / run / name).is_file()
                ]
                if missing:
                    faults.append(f"{run} lacks {missing}")
                seen.add(run)
        except (OSError, ValueError, KeyError) as error:
            faults.append(repr(error))
        time.sleep(0.002)


def test_a_reader_always_finds_latest_whole(cli, notebook) -> None:
    path = notebook()
    assert cli.run("run", path, "--quiet").returncode == 0
    stop, seen, faults = threading.Event(), set(), []
    reader = threading.Thread(target=watch, args=(cli.shelf(), stop, seen, faults))
    reader.start()
    codes = [cli.run("run", path, "--quiet", "--force").returncode for _ in range(2)]
    stop.set()
    reader.join()
    assert codes == [0, 0]
    assert not faults
    assert len(seen) == 3


def killed_at_random(cli: Cli, path: Path, rng: random.Random, victim: str) -> None:
    process = cli.start("run", path, "--quiet", "--force")
    time.sleep(rng.uniform(0.05, 4.5))
    if victim == "runner":
        process.kill()
    else:
        for pid in kernels(cli):
            os.kill(pid, signal.SIGKILL)
    process.communicate(timeout=60)
    assert process.returncode in ({-9, 0} if victim == "runner" else {0, 5}), process.returncode


@pytest.mark.slow
@pytest.mark.parametrize("victim", ["runner", "kernel"])
def test_twenty_kills_at_random_moments(cli, notebook, victim) -> None:
    path = notebook(SLEEP.format(0.5))
    assert cli.run("run", path, "--quiet").returncode == 0
    stop, seen, faults = threading.Event(), set(), []
    reader = threading.Thread(target=watch, args=(cli.shelf(), stop, seen, faults))
    reader.start()
    rng = random.Random(7)
    published: set[str] = set()
    for _ in range(20):
        killed_at_random(cli, path, rng, victim)
        assert_nothing_runs(cli)
        now = {folder.parent.name for folder in cli.shelf().glob("2*/manifest.json")}
        assert published <= now  # nothing that was published is lost
        published = now
    stop.set()
    reader.join()
    assert not faults
    assert cli.run("run", path, "--quiet", "--force").returncode == 0
    assert not list(cli.shelf().glob(".staging-*"))
    assert_latest_is_whole(cli.shelf())


@pytest.fixture
def small_disk(tmp_path: Path):
    """A file system of 64 MB in memory; skips where it may not be mounted."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", folder],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip(f"a tmpfs cannot be mounted here: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def test_a_full_disk_leaves_the_earlier_run_as_it_was(cli, notebook, small_disk) -> None:
    cli.output = small_disk / "reports"
    cli_words = ("--output", cli.output)
    assert cli.run("run", notebook(), *cli_words).returncode == 0
    before = (cli.shelf() / "latest.json").read_bytes()
    done = cli.run("run", notebook("open('big', 'wb').write(b'x' * 80_000_000)"), *cli_words, "--force")
    assert done.returncode == 6
    assert "No space left" in done.stderr
    assert (cli.shelf() / "latest.json").read_bytes() == before
    assert_latest_is_whole(cli.shelf())
    filler = small_disk / "filler"
    with pytest.raises(OSError), filler.open("wb") as file:
        while True:
            file.write(b"x" * 1_000_000)
    done = cli.run("run", notebook(), *cli_words, "--force")
    assert done.returncode == 6
    assert_latest_is_whole(cli.shelf())


def test_a_folder_that_may_not_be_written(cli, notebook, tmp_path) -> None:
    assert cli.run("run", notebook()).returncode == 0
    locked = cli.shelf()
    if os.getuid() == 0:
        made = subprocess.run(["chattr", "+i", locked], capture_output=True, text=True, check=False)
        if made.returncode:
            pytest.skip(f"root may write anywhere, and chattr does not work here: {made.stderr.strip()}")
    else:
        locked.chmod(0o500)
    try:
        done = cli.run("run", notebook(), "--force")
    finally:
        if os.getuid() == 0:
            subprocess.run(["chattr", "-i", locked], check=True)
        locked.chmod(0o755)
    assert done.returncode == 6
    assert "cannot write" in done.stderr and done.stderr.count("\n") == 1
    assert_latest_is_whole(cli.shelf())


def test_a_place_where_no_folder_can_be_made(cli, notebook, tmp_path) -> None:
    (tmp_path / "file").write_text("in the way")
    done = cli.run("run", notebook(), "--output", tmp_path / "file" / "reports")
    assert done.returncode == 6
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "words",
    [
        ["--set", "__import__('os').system('touch pwned')=1"],
        ["--set", "x\nimport os; os.mknod('pwned')\ny=1"],
        ["--set", "number=1; __import__('os').mknod('pwned')"],
        ["--set", "=1"],
        ["--set", "number"],
        ["--set", "api_token=abc"],
        ["--set", "number=1", "--set", "number=2"],
    ],
)
def test_hostile_settings_are_refused_before_anything_starts(cli, notebook, words) -> None:
    started = time.monotonic()
    done = cli.run("run", notebook(parameters="number: int = 0"), *words)
    assert done.returncode == 2
    assert time.monotonic() - started < 10
    assert not cli.output.exists()
    assert not list(cli.output.parent.rglob("pwned"))


def test_a_hostile_text_stays_text(cli, notebook) -> None:
    evil = "'); __import__('os').mknod('pwned'); ('\\\n\"\"\"{{7*7}} $(touch pwned) `touch pwned`"
    path = notebook("assert label == " + ascii(evil), parameters="label: str = ''")
    done = cli.run("run", path, "--quiet", "--set", f"label={evil}")
    assert (done.returncode, done.stderr) == (0, "")
    assert not list(cli.output.parent.rglob("pwned"))


@pytest.mark.slow
def test_leftover_homes_of_killed_runners_are_swept(cli, notebook) -> None:
    stale = cli.temporary / "cxresearch-kernel-stale"
    stale.mkdir()
    old = time.time() - 3600
    os.utime(stale, (old, old))
    assert cli.run("run", notebook()).returncode == 0
    assert not stale.exists()
    assert not list(cli.temporary.glob("cxresearch-kernel-*"))


def test_links_out_of_the_folder_are_not_published(cli, notebook, tmp_path) -> None:
    treasure = tmp_path / "treasure"
    treasure.write_text("kept")
    treasure.chmod(0o600)
    done = cli.run("run", notebook(f"import os; os.symlink({str(treasure)!r}, 'link')"))
    assert done.returncode == 4
    assert "link" in done.stderr
    assert (treasure.stat().st_mode & 0o777, treasure.read_text()) == (0o600, "kept")
