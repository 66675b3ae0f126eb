"""Shared fixtures: where the reference data lie, and the tests they allow."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pytest

mpl.use("Agg")

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder of public data and reference numbers beside the project; skips where it is absent."""
    if not (SHARED / "data").is_dir():
        pytest.skip("the reference data folder ../shared is not beside the project")
    return SHARED


@pytest.fixture(scope="session")
def r_reference(shared: Path) -> dict[str, Any]:
    """Reference numbers computed in R: {case: {dataset, call, notes, values}}."""
    return json.loads((shared / "oracles" / "r_reference.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def oracle_data(shared: Path) -> Path:
    """Folder with the inputs of the reference cases."""
    return shared / "oracles" / "data"
