"""Whether a target was met, as far as the interval tells."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import pandas as pd

from cxresearch.results.units import Unit, format_value


def reading_of(row: Mapping[Hashable, Any], target: float, good: str) -> str:
    """Return "met", "missed", or "cannot tell" where the interval holds the target.

    A count that is no sample has no interval: its value alone decides.

    Examples
    --------
    >>> reading_of({"value": 31.0, "low": 28.0, "high": 34.0}, 35.0, "high")
    'missed'
    >>> reading_of({"value": 31.0, "low": 28.0, "high": 36.0}, 35.0, "high")
    'cannot tell'
    """
    low, high = row["low"], row["high"]
    if pd.isna(row["value"]):
        return "not known"
    # A ledger is no sample.
    if pd.isna(low) and pd.isna(high):
        low = row["value"]
        high = row["value"]
    worst, best = low, high
    # -x >= -t where x <= t is wanted.
    if good == "low":
        worst, best = -high, -low
        target = -target
    # Met or missed only where no value within the interval says otherwise.
    if worst >= target:
        return "met"
    if best < target:
        return "missed"
    return "cannot tell"


def target_text(row: Mapping[Hashable, Any], target: float | None, good: str) -> str:
    """Return target and reading for a cell; empty without a target."""
    if target is None or row["suppressed"]:
        return ""
    return f"{format_value(target, Unit(row['unit']))}: {reading_of(row, target, good)}"
