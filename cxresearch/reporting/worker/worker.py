"""The process that executes notebooks: jobs come by standard input, one JSON object a line, answers likewise.

It holds papermill and one kernel, lives in a private folder of its own and dies with the process that started
it. Deadlines are kept from outside: whatever hangs in here is killed.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import traceback
from importlib import import_module
from pathlib import Path
from typing import Any

from cxresearch.reporting.worker.keeper import keep
from cxresearch.reporting.worker.signals import die_with_parent

# Optional to papermill and jsonschema, for notebooks on HDFS and for checks of addresses: two seconds saved.
_NOT_NEEDED = ("pyarrow", "rfc3986_validator", "rfc3987_syntax")
_NEEDED_LATER = (
    "cxresearch.reporting.page.finish_run",
    "mistune",
    "nh3",
    "PIL.Image",
)


class Worker:
    """One kernel at a time, and papermill to drive it."""

    def __init__(self, answers: Any) -> None:
        self._answers = answers
        self._manager: Any = None
        self._used = False
        self._start_kernel()
        _load()

    def say(self, **message: Any) -> None:
        """Send one answer."""
        self._answers.write(json.dumps(message) + "\n")
        self._answers.flush()

    def _start_kernel(self) -> None:
        from jupyter_core.utils import run_sync

        from cxresearch.reporting.worker.papermill_engine import new_kernel_manager

        self._manager = new_kernel_manager()
        # A fixed hash seed: the order of sets is the same in every run, and so is the page.
        environment = {**os.environ, "PYTHONHASHSEED": "0", "IPYTHONDIR": str(Path.cwd() / "ipython")}
        run_sync(self._manager.start_kernel)(env=environment, cwd=str(Path.cwd()))
        self._used = False
        self.say(kernel=self._manager.provisioner.pid)

    def _stop_kernel(self) -> None:
        from jupyter_core.utils import run_sync

        if self._manager is not None:
            run_sync(self._manager.shutdown_kernel)(now=True)
            self._manager = None

    def recover(self) -> None:
        """Get rid of a kernel in an unknown state."""
        with contextlib.suppress(Exception):
            self._stop_kernel()
        self._manager = None

    def run(self, job: dict[str, Any]) -> dict[str, Any]:
        """Execute one notebook, tidy it and render its page; the answer says how it ended."""
        if self._manager is None:
            self._start_kernel()
        executed: list[Any] = []
        answer = self._execute(job, executed)
        if executed:
            self._finish(job, executed[0], answer)
        if not (job["warm"] and answer["status"] == "ok"):
            self.recover()
        return answer

    def _execute(self, job: dict[str, Any], executed: list[Any]) -> dict[str, Any]:
        from jupyter_core.utils import run_sync
        from nbclient.exceptions import CellTimeoutError, DeadKernelError
        from papermill.exceptions import PapermillExecutionError
        from papermill.execute import execute_notebook

        code = "__import__('cxresearch.reporting.worker.kernel', fromlist=['prepare']).prepare"
        place = [-1]

        def on_cell(cell: Any, cell_index: int) -> None:  # noqa: ARG001 - nbclient passes both by name
            place[0] = cell_index
            self.say(cell=cell_index)

        try:
            execute_notebook(
                job["notebook"],
                None,
                engine_name="cxresearch",
                kernel_name="python3",
                request_save_on_cell_execute=False,
                progress_bar=False,
                execution_timeout=job["cell_timeout"],
                km=self._manager,
                preamble=f"{code}({job['staging']!a}, {job['environment']!a}, used={self._used})",
                on_cell=on_cell,
                on_start=executed.append,
            )
        except PapermillExecutionError as error:
            return {"status": "error", "cell": error.cell_index, "name": error.ename, "text": error.evalue}
        except DeadKernelError:
            return {"status": "dead", "cell": place[0]}
        except CellTimeoutError:
            return {"status": "timeout", "cell": place[0]}
        except RuntimeError as error:  # the client's word for a kernel that died before its first answer
            if run_sync(self._manager.is_alive)():
                raise
            return {"status": "dead", "cell": place[0], "text": str(error)}
        finally:
            self._used = True
        return {"status": "ok"}

    def _finish(self, job: dict[str, Any], notebook: Any, answer: dict[str, Any]) -> None:
        from cxresearch.reporting.page.finish_run import finish

        self.say(finishing=True)
        finish(notebook, job, ok=answer["status"] == "ok")


def _load() -> None:
    """Load what the work needs while the kernel starts."""
    for name in _NOT_NEEDED:
        sys.modules.setdefault(name, None)  # type: ignore[arg-type]
    from cxresearch.reporting.worker.papermill_engine import register_engine

    register_engine()
    for name in _NEEDED_LATER:
        import_module(name)


def main() -> None:
    """Serve jobs until standard input closes."""
    if hasattr(os, "fork"):
        keep(int(sys.argv[2]))
    else:  # pragma: no cover - Windows
        die_with_parent(int(sys.argv[1]))
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever a library prints goes to the log, not among the answers
    worker = Worker(answers)
    for line in sys.stdin:
        try:
            answer = worker.run(json.loads(line))
        except OSError as error:
            answer = {"status": "disk", "text": str(error)}
            traceback.print_exc()
            worker.recover()
        except Exception as error:
            answer = {"status": "internal", "text": f"{type(error).__name__}: {error}"}
            traceback.print_exc()
            worker.recover()
        worker.say(done=answer)
    worker._stop_kernel()


if __name__ == "__main__":
    main()
