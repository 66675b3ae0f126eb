"""Values declared as targets, and what was reached."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import pandas as pd

from cxresearch.errors import StudyError
from cxresearch.metrics.base.metric import Metric
from cxresearch.metrics.tables.registry import find_metric
from cxresearch.results.units import Unit, format_value


def targets_of(study: Any, shown: Mapping[str, Metric]) -> dict[str, float]:
    """Return the study's targets of the metrics that are shown, by name.

    Raises
    ------
    StudyError
        If a target names no metric of the study, one of which neither more nor less is better, or a share
        that is no share.
    """
    targets = {}
    for name, value in getattr(study, "targets", {}).items():
        metric = _metric(study, name)
        if not metric.good:
            raise StudyError(
                f"{name!r} cannot have a target: neither more nor less of it is better", where="[targets]"
            )
        if metric.unit is Unit.SHARE and not 0 <= value <= 1:
            raise StudyError(
                f"the target of {name!r} is {value:g}",
                where="[targets]",
                wanted=f"a share: '{value:g} %' or a number from 0 to 1",
            )
        if metric.name in shown:
            targets[metric.name] = value
    return targets


def _metric(study: Any, name: str) -> Metric:
    # What a report prints is a name too: "SLA attainment".
    labels = {metric.label.casefold(): metric.name for metric in _listed(study)}
    try:
        return find_metric(study, labels.get(name.casefold(), name))
    except Exception as error:
        raise StudyError(f"a target names {name!r}: {error}", where="[targets]") from None


def _listed(study: Any) -> list[Metric]:
    from cxresearch.metrics.tables.registry import metrics_of

    return list(metrics_of(study).values())


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
