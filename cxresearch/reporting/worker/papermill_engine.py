"""papermill with the gaps closed: our kernel, capped output, nothing taken from the machine's settings."""

from __future__ import annotations

import sys
from typing import Any

from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from jupyter_core.utils import run_sync

# A cell that prints in a loop fills the disk and then the browser: what is shown has an end.
STREAM_CAP = 200_000
DATA_CAP = 8_000_000
CUT = "\n[... output cut here: more than {cap:,} characters from one cell ...]\n"


class ReportKernelManager(AsyncKernelManager):
    """Starts this package's kernel in this interpreter: no kernel spec of the machine plays a part."""

    @property
    def kernel_spec(self) -> KernelSpec:
        """The command of the kernel."""
        module, history = "cxresearch.reporting.worker.kernel", "--HistoryManager.enabled=False"
        argv = [sys.executable, "-m", module, "-f", "{connection_file}", history]
        return KernelSpec(argv=argv, display_name="cxresearch", language="python")


def new_kernel_manager() -> ReportKernelManager:
    """Return a manager whose kernel talks over sockets in the working folder.

    Files, not ports: two runs can never be given the same one, and nobody else on the machine can connect.
    """
    if sys.platform == "win32":
        return ReportKernelManager(connection_file="kernel.json")
    # Sockets in a private folder: on a port of the machine any of its users could send code to the kernel.
    return ReportKernelManager(transport="ipc", ip="socket", connection_file="kernel.json")


def register_engine() -> None:
    """Make papermill know the engine ``cxresearch``. Importing papermill takes a while, hence inside."""
    from papermill.clientwrap import PapermillNotebookClient
    from papermill.engines import Engine, papermill_engines

    class ReportClient(PapermillNotebookClient):  # type: ignore[misc]
        """Executes cells, after a hidden preamble, and caps what each may output."""

        preamble = ""

        def papermill_execute_cells(self) -> None:
            run_sync(self._prepare)()
            super().papermill_execute_cells()

        async def _prepare(self) -> None:
            reply = await self.kc.execute(self.preamble, silent=True, reply=True, timeout=60)
            if reply["content"]["status"] != "ok":
                raise RuntimeError("\n".join(reply["content"].get("traceback", ["the kernel is not usable"])))

        def output(self, outs: Any, msg: Any, display_id: Any, cell_index: int) -> Any:
            return (
                super().output(outs, msg, display_id, cell_index)
                if within_cap(msg, self.nb.cells[cell_index])
                else None
            )

    class ReportEngine(Engine):  # type: ignore[misc]
        """papermill's door to the client; the kernel manager comes ready from the worker."""

        @classmethod
        def execute_managed_notebook(cls, nb_man: Any, kernel_name: str, **options: Any) -> Any:
            client = ReportClient(
                nb_man,
                km=options["km"],
                timeout=options["execution_timeout"],
                startup_timeout=options["start_timeout"],
                iopub_timeout=60,
                kernel_name=kernel_name,
                record_timing=False,
                on_cell_execute=options["on_cell"],
            )
            client.preamble = options["preamble"]
            options["on_start"](nb_man.nb)
            try:
                return client.execute()
            finally:
                if client.kc is not None:
                    client.kc.stop_channels()

    papermill_engines.register("cxresearch", ReportEngine)


def within_cap(msg: Any, cell: Any) -> bool:
    """Cut a message of a cell to what its cap leaves; False if nothing is left to show.

    Parameters
    ----------
    msg : mapping
        A message of the kernel; its text is shortened in place.
    cell : mapping
        The cell with its outputs so far.
    """
    content = msg["content"]
    if msg["msg_type"] == "stream":
        used = sum(len(output["text"]) for output in cell["outputs"] if output["output_type"] == "stream")
        if used >= STREAM_CAP:
            return False
        if used + len(content["text"]) > STREAM_CAP:
            content["text"] = content["text"][: STREAM_CAP - used] + CUT.format(cap=STREAM_CAP)
    elif "data" in content:
        used = sum(_size(output["data"]) for output in cell["outputs"] if "data" in output)
        if used + _size(content["data"]) > DATA_CAP:
            content["data"] = {"text/plain": CUT.format(cap=DATA_CAP).strip()}
    return True


def _size(data: Any) -> int:
    return sum(len(value) if isinstance(value, str) else len(str(value)) for value in data.values())
