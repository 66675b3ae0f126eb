"""File systems that lack something: each call fails as NFS, SMB, FUSE and vfat let it fail."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cxresearch.reporting.outcome import ExitCode, ReportError
from cxresearch.reporting.plan import plan_run
from cxresearch.reporting.run_report import execute_plan
from cxresearch.reporting.shelf import locks
from cxresearch.reporting.shelf.locks import Lock
from cxresearch.reporting.worker.worker_process import WorkerProcess

from .conftest import assert_latest_is_whole

CALLS = ("fsync", "chmod", "flock", "rename", "replace", "symlink", "mkdir", "unlink")
ERRORS = ("EIO", "ESTALE", "EINVAL", "ENOTSUP", "EPERM", "EXDEV", "EBUSY", "ENOSPC")
KINDS = [(call, error) for call in CALLS for error in ERRORS]
FAST = [("fsync", "EINVAL"), ("fsync", "EIO"), ("chmod", "EPERM"), ("flock", "ENOTSUP"), ("symlink", "EPERM")]
FAST += [("rename", "EXDEV"), ("replace", "EBUSY")]
#: What has a documented fallback: the run is published.
FALLBACK = {
    *(("fsync", error) for error in ("EINVAL", "ENOTSUP", "EPERM")),
    *(("chmod", error) for error in ("EINVAL", "ENOTSUP", "EPERM")),
    *(("flock", error) for error in ("EIO", "ESTALE", "EINVAL", "ENOTSUP", "EPERM")),
    *(("symlink", error) for error in ERRORS),
}


@pytest.fixture(scope="module")
def worker() -> Iterator[WorkerProcess]:
    with WorkerProcess(warm=True) as process:
        yield process


def shim(monkeypatch: pytest.MonkeyPatch, call: str, error: str, below: Path) -> None:
    """Make a system call fail for everything below a folder."""
    import fcntl

    module: Any = fcntl if call == "flock" else os
    real: Callable[..., Any] = getattr(module, call)

    def failing(first: Any, *rest: Any, **options: Any) -> Any:
        place = os.readlink(f"/proc/self/fd/{first}") if isinstance(first, int) else os.fspath(first)
        places = [place, *(os.fspath(item) for item in rest if isinstance(item, str | os.PathLike))]
        if any(str(item).startswith(str(below)) for item in places):
            raise OSError(getattr(errno, error), os.strerror(getattr(errno, error)), place)
        return real(first, *rest, **options)

    monkeypatch.setattr(module, call, failing)


def attempt(place: Path, notebook: Path, worker: WorkerProcess) -> int:
    plan = plan_run(notebook, output=place / "reports", base=place)
    try:
        return int(execute_plan(plan, worker, deadline=60.0).code)
    except ReportError as error:
        assert str(error).count("\n") == 0
        return int(error.code)


def fares(call: str, error: str, first: bool, notebook, tmp_path, worker, monkeypatch) -> int:
    path = notebook()
    if not first:
        assert attempt(tmp_path, path, worker) == 0
    with monkeypatch.context() as patch:
        shim(patch, call, error, tmp_path / "reports")
        code = attempt(tmp_path, path, worker)
    shelf = tmp_path / "reports" / "faulty" / "default"
    pointer, link = shelf / "latest.json", shelf / "latest"
    if pointer.is_file():
        assert_latest_is_whole(shelf)
        if link.is_symlink():
            assert os.readlink(link) == json.loads(pointer.read_text())["run"]
    assert attempt(tmp_path, path, worker) == 0
    assert_latest_is_whole(shelf)
    assert os.readlink(link) == json.loads(pointer.read_text())["run"]
    return code


@pytest.mark.parametrize(("call", "error"), FAST)
def test_a_call_that_fails_has_a_fallback_or_a_line(
    call, error, notebook, tmp_path, worker, monkeypatch
) -> None:
    code = fares(call, error, False, notebook, tmp_path, worker, monkeypatch)
    assert code == (0 if (call, error) in FALLBACK else 6)


@pytest.mark.slow
@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize(("call", "error"), KINDS)
def test_every_call_that_fails_has_a_fallback_or_a_line(
    call, error, first, notebook, tmp_path, worker, monkeypatch
) -> None:
    code = fares(call, error, first, notebook, tmp_path, worker, monkeypatch)
    assert code in ((0,) if (call, error) in FALLBACK else (0, 6))


def test_where_locks_are_not_shared_the_heartbeat_tells_who_is_there(tmp_path, monkeypatch) -> None:
    path = tmp_path / ".lock"
    holder, other = Lock(path, beats=True), Lock(path, beats=True)
    monkeypatch.setattr(
        locks, "_lock", lambda handle: None
    )  # everybody gets it, as over an NFS without locks
    with holder:
        monkeypatch.setattr(locks, "_machine", lambda: "another machine")
        with pytest.raises(ReportError) as error:
            other.acquire()
        assert error.value.code is ExitCode.BUSY
        assert holder.is_held()
        stale = (1.0, 1.0)
        os.utime(tmp_path / ".lock.owner", stale)  # its machine died long ago
        with other:
            assert other.is_held()
            assert not holder.is_held()
    assert not list(tmp_path.glob(".lock.owner*"))


def test_the_lock_of_a_dead_process_of_this_machine_is_free_at_once(tmp_path, monkeypatch) -> None:
    path = tmp_path / ".lock"
    (tmp_path / ".lock.owner").write_text(
        json.dumps({"machine": locks._machine(), "process": 2**22 + 1, "token": "x"})
    )

    def lacks(handle: int) -> None:
        raise OSError(errno.ENOTSUP, "not supported")

    monkeypatch.setattr(locks, "_lock", lacks)
    with Lock(path, beats=True), pytest.raises(ReportError):  # this process lives
        Lock(path, beats=True).acquire()


def test_the_lock_serves_the_group_of_a_shared_folder(tmp_path) -> None:
    tmp_path.chmod(0o2770)
    with Lock(tmp_path / ".lock", beats=True):
        assert (tmp_path / ".lock").stat().st_mode & 0o777 == 0o660
    tmp_path.chmod(0o755)
    with Lock(tmp_path / ".other", beats=True):
        assert (tmp_path / ".other").stat().st_mode & 0o777 == 0o600
