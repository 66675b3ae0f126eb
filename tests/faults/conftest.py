"""Runs of the command line that are made to fail."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

SAVE = "present.save_results(finding='All is well.', headline=[])"


@pytest.fixture
def notebook(tmp_path: Path) -> Callable[..., Path]:
    """Write a notebook of code cells, the last of which saves."""

    def make(*cells: str, name: str = "faulty.ipynb", parameters: str = "") -> Path:
        sources = ["from cxresearch.reporting import present", *cells, SAVE]
        tagged = [(parameters, ["parameters"])] if parameters else []
        content = {
            "nbformat": 4,
            "nbformat_minor": 5,
            "metadata": {},
            "cells": [
                {
                    "cell_type": "code",
                    "metadata": {"tags": tags},
                    "source": source,
                    "outputs": [],
                    "execution_count": None,
                }
                for source, tags in [*tagged, *((source, []) for source in sources)]
            ],
        }
        path = tmp_path / name
        path.write_text(json.dumps(content), encoding="utf-8")
        return path

    return make


class Cli:
    """Starts the command line in a process of its own, in a folder for temporary files of its own."""

    def __init__(self, tmp_path: Path) -> None:
        self.output = tmp_path / "reports"
        self.temporary = tmp_path / "tmp"
        self.temporary.mkdir()
        self.environment = {**os.environ, "TMPDIR": str(self.temporary)}

    def start(self, *words: object, **options: Any) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "cxresearch.cli", *map(str, words)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=self.environment,
            cwd=self.output.parent,
            **options,
        )

    def run(self, *words: object, **options: Any) -> subprocess.CompletedProcess[str]:
        process = self.start(*words, **options)
        out, err = process.communicate(timeout=120)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def shelf(self, report: str = "faulty") -> Path:
        return self.output / report / "default"


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    return Cli(tmp_path)


def processes(mark: str) -> dict[int, list[str]]:
    """Return the command lines of living processes whose environment or words hold a mark."""
    found: dict[int, list[str]] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            state = (entry / "stat").read_text().rsplit(")", 1)[1].split()[0]
            text = (entry / "environ").read_bytes() + (entry / "cmdline").read_bytes()
            words = (entry / "cmdline").read_bytes().decode().split("\0")
        except (OSError, IndexError):
            continue
        if mark.encode() in text and state != "Z":
            found[int(entry.name)] = words
    return found


def workers_and_kernels(cli: Cli) -> dict[int, list[str]]:
    mark = f"TMPDIR={cli.temporary}"
    return {
        pid: words
        for pid, words in processes(mark).items()
        if any("cxresearch.reporting" in w for w in words)
    }


def wait_for(condition: Callable[[], Any], seconds: float = 30.0) -> Any:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError("waited in vain")


def assert_nothing_runs(cli: Cli) -> None:
    wait_for(lambda: not workers_and_kernels(cli), 15)


def assert_latest_is_whole(shelf: Path) -> None:
    """Every file of the manifest is there with its hash, and both pointers agree."""
    import hashlib

    run = json.loads((shelf / "latest.json").read_text())["run"]
    manifest = json.loads((shelf / run / "manifest.json").read_text())
    for name, digest in manifest["content"]["files"].items():
        assert hashlib.sha256((shelf / run / name).read_bytes()).hexdigest() == digest
