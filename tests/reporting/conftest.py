"""Small notebooks written for a test, and the public door to run them."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

SAVE = (
    "from cxresearch.reporting import present\n"
    "present.save_results(finding='All is well.', headline=[], results={'answer': 42})"
)
NotebookMaker = Callable[..., Path]


def cell(source: str, *tags: str, kind: str = "code") -> dict[str, object]:
    code = {"execution_count": None, "outputs": []} if kind == "code" else {}
    return {"cell_type": kind, "metadata": {"tags": list(tags)}, "source": source, **code}


@pytest.fixture
def notebook(tmp_path: Path) -> NotebookMaker:
    """Write a report notebook: parameters, code cells, and a last cell that saves unless told otherwise."""

    def make(
        cells: Sequence[str] = (), *, parameters: str = "", name: str = "small.ipynb", save: str = SAVE
    ) -> Path:
        content = {
            "nbformat": 4,
            "nbformat_minor": 5,
            "metadata": {},
            "cells": [
                cell("# A small report\n\nFor tests.", kind="markdown"),
                *([cell(parameters, "parameters")] if parameters else []),
                *[cell(source) for source in cells],
                *([cell(save)] if save else []),
            ],
        }
        path = tmp_path / name
        path.write_text(json.dumps(content), encoding="utf-8")
        return path

    return make
