"""What all results share: a dictionary, and an escaped HTML display."""

from __future__ import annotations

import dataclasses
import html
import math
from collections.abc import Mapping
from datetime import date, datetime
from enum import Enum
from typing import Any


def as_plain(value: Any) -> Any:
    """Turn a value into what JSON can hold: missing and infinite become None, arrays and frames lists."""
    if isinstance(value, Result):
        return value.to_dict()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: as_plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Enum):
        return value.value
    if type(value).__name__ in ("NaTType", "NAType"):  # pandas' own; NaT passes for a datetime
        return None
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    if isinstance(value, dict):
        return {str(key): as_plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [as_plain(item) for item in value]
    if hasattr(value, "to_dict") and hasattr(value, "columns"):  # a data frame
        return [as_plain(row) for row in value.to_dict("records")]
    if hasattr(value, "tolist"):  # NumPy scalars and arrays, Series
        return as_plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return str(value)


def facts_html(title: str, facts: Mapping[str, str]) -> str:
    """Return a title and a table of a few facts, escaped; empty facts are left away.

    Examples
    --------
    >>> facts_html("<b>", {"scores": "CES", "notes": ""})
    "<div class='cx-result'><p><b>&lt;b&gt;</b></p><table><tr><th>scores</th><td>CES</td></tr></table></div>"
    """
    rows = "".join(
        f"<tr><th>{html.escape(name)}</th><td>{html.escape(text)}</td></tr>"
        for name, text in facts.items()
        if text
    )
    return f"<div class='cx-result'><p><b>{html.escape(title)}</b></p><table>{rows}</table></div>"


class Result:
    """Mixin of the frozen result classes; subclasses define ``__str__`` and, if they wish, ``_rows``."""

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain values, ready for JSON."""
        assert dataclasses.is_dataclass(self)  # noqa: S101 - a programming error, not input
        return {field.name: as_plain(getattr(self, field.name)) for field in dataclasses.fields(self)}

    def _repr_html_(self) -> str:
        return f"<div class='cx-result'>{html.escape(str(self))}</div>"
