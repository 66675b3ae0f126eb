"""The Jupyter kernel of a report: IPython's own, tied to the life of the process that started it."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Any

from cxresearch.reporting.worker.signals import die_with_parent


def prepare(folder: str, environment: Mapping[str, str], *, used: bool) -> None:
    """Ready the kernel for a notebook: its folder, its environment and, in a used kernel, a clean slate.

    Parameters
    ----------
    folder : str
        Staging folder, the working folder of the notebook.
    environment : mapping
        Variables to set.
    used : bool
        Whether another notebook ran in this kernel: its names and pictures are cleared, modules stay loaded.
    """
    os.chdir(folder)  # first: the folder of the notebook before may be gone
    if used:
        from IPython import get_ipython

        shell: Any = get_ipython()
        shell.reset(new_session=True, aggressive=False)
        if "matplotlib.pyplot" in sys.modules:
            sys.modules["matplotlib.pyplot"].close("all")
    os.environ.update(environment)


def main() -> None:
    """Start the kernel named by the connection file in the arguments."""
    die_with_parent(int(os.environ["JPY_PARENT_PID"]))
    from ipykernel.kernelapp import IPKernelApp

    app: Any = IPKernelApp
    app.launch_instance()


if __name__ == "__main__":
    main()
