"""What a published report costs over the bare kernel, and eight segments over eight runs of papermill."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from cxresearch.reporting.notebook.catalogue import find_report, read_notebook, source_of

SEGMENTS = 8
NOTEBOOK = [
    'study: str = "built-in"\nsegment: str = ""\n',
    "import cxresearch as cx\nimport matplotlib.pyplot as plt\nfrom cxresearch.reporting import present",
    "opened = present.open_study(study, customers=2000, seed=1 + len(segment))",
    "answers = opened.table('responses').collect().to_pandas().query(\"instrument == 'nps'\")",
    "nps = cx.nps(answers['score'])\naxes = plt.subplots()[1]\naxes.hist(answers['score'])",
    "present.finding(str(nps))\npresent.show(axes, name='scores', caption=f'Scores, n {nps.n:,}')",
    "present.save_results(finding=str(nps), headline=[nps])",
]


def seconds(work: Callable[[], object]) -> float:
    """Return the wall time of one call."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def bare(sources: list[str], folder: Path) -> None:
    """Start a kernel, execute the sources, kill it: what no report can go below."""
    from jupyter_client.manager import start_new_kernel

    manager, client = start_new_kernel(kernel_name="python3", cwd=str(folder))
    for source in sources:
        reply = client.execute_interactive(source, output_hook=lambda _: None, store_history=False)
        assert reply["content"]["status"] == "ok", reply["content"]
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def command(*words: str) -> None:
    """Run one of the programs beside this interpreter."""
    subprocess.run([sys.executable, "-m", *words], check=True, capture_output=True)


def overhead(folder: Path, rounds: int = 5) -> None:
    """Print the wall time of whole reports as multiples of the bare kernel's."""
    small = write_notebook(folder / "small.ipynb")
    for path, times in ((small, rounds), (find_report("ces-vs-nps").path, 2)):
        taken = [both(path, folder) for _ in range(times)]
        kernel, whole = (min(column) for column in zip(*taken, strict=True))
        print(f"{path.stem}: bare kernel {kernel:.2f} s, published report {whole:.2f} s (best of {times})")
        print(f"{path.stem}: published report / bare kernel {whole / kernel:.2f} (wanted at most 1.3)")


def both(path: Path, folder: Path) -> tuple[float, float]:
    """Return the seconds of a notebook's code in a bare kernel, and of the published report."""
    cells = read_notebook(path)["cells"]
    sources = [source_of(cell) for cell in cells if cell["cell_type"] == "code"]
    run = ["cxresearch.cli", "run", str(path), "--force", "--output", str(folder / "reports")]
    return seconds(lambda: bare(sources, folder)), seconds(lambda: command(*run))


def write_notebook(path: Path) -> Path:
    """Write a small report of the built-in study."""
    cells = [
        {
            "cell_type": "code",
            "metadata": {"tags": ["parameters"] if index == 0 else []},
            "source": source,
            "execution_count": None,
            "outputs": [],
        }
        for index, source in enumerate(NOTEBOOK)
    ]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    path.write_text(json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": kernel, "cells": cells}))
    return path


def fan_out(folder: Path) -> None:
    """Print eight segments in one batch beside eight runs of papermill's command line."""
    from cxresearch.reporting.run_each import BatchOptions, run_each, worker_count

    path = write_notebook(folder / "segment.ipynb")
    separate = seconds(
        lambda: [
            command("papermill", str(path), str(folder / f"out{index}.ipynb"), "-p", "study", "built-in")
            for index in range(SEGMENTS)
        ]
    )
    # The built-in study has three segments: eight values of the parameter give eight runs of equal work.
    sizes = {f"segment{index}": 1000 for index in range(SEGMENTS)}
    for warm in (True, False):
        options = BatchOptions(sizes=sizes, warm=warm, force=True)
        output = folder / f"each{warm}"
        taken = seconds(
            lambda options=options, output=output: run_each(path, "segment", output=output, options=options)
        )
        kind = "warm kernels" if warm else "a kernel each"
        wanted = " (wanted at least 3)" if warm else ""
        print(f"{SEGMENTS} segments, {kind}, {worker_count(SEGMENTS)} workers: {taken:.1f} s")
        print(f"{SEGMENTS} papermill runs {separate:.1f} s: {separate / taken:.1f} times faster{wanted}")


def run() -> None:
    """Print both ratios."""
    with tempfile.TemporaryDirectory() as place:
        overhead(Path(place))
        fan_out(Path(place))
