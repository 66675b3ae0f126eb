"""A bare frame of answers, read as a study with one table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import narwhals as nw

from cxresearch.data.engine import lazy
from cxresearch.errors import ArgumentError
from cxresearch.scales import CES2, CSAT, NPS, Scale

_KNOWN: dict[str, Scale] = {"nps": NPS, "csat": CSAT, "ces": CES2}


@dataclass(frozen=True)
class Answers:
    """A frame of answers in the place of a study: one table, the three standard questions, UTC."""

    frame: nw.LazyFrame[Any]
    tables: tuple[str, ...] = ("responses",)
    instruments: Mapping[str, Scale] = field(default_factory=lambda: MappingProxyType(_KNOWN))
    timezone: str = "UTC"

    def table(self, name: str) -> nw.LazyFrame[Any]:
        """Return the answers."""
        if name not in self.tables:
            raise ArgumentError(f"a frame of answers has no table {name!r}", next_step="make a study")
        return self.frame


def read_answers(native: Any, metric: str) -> Answers:
    """Return a frame of answers in the place of a study.

    Parameters
    ----------
    native : frame
        With ``score``, and what else is used of responded_at, customer_id, instrument, sent_at and group
        columns. NaN counts as missing. Nothing is validated here: scores that are no answers are found, and
        refused, when the answers are counted.
    metric : str
        Names the question where the frame has no ``instrument`` column.

    Raises
    ------
    ArgumentError
        If there is no score column or the question is unknown.
    """
    frame = lazy(native)
    schema = frame.collect_schema()
    if "score" not in schema.names():
        raise ArgumentError(
            "the frame has no column 'score'",
            wanted="answers in a column 'score'",
            next_step="rename the column, or make a study with cx.Study.from_frames",
        )
    if not schema["score"].is_numeric():
        raise ArgumentError(f"scores are {schema['score']}", wanted="numbers")
    if schema["score"].is_float():
        frame = frame.with_columns(score=nw.col("score").fill_nan(None))
    if "instrument" not in schema.names():
        instrument = next((name for name in _KNOWN if metric == name or metric.startswith(f"{name}_")), None)
        if instrument is None:
            raise ArgumentError(
                f"metric {metric!r} of a bare frame",
                wanted="a metric of " + ", ".join(_KNOWN),
                next_step="declare other questions in cx.Study.from_frames(..., instruments=...)",
            )
        frame = frame.with_columns(instrument=nw.lit(instrument))
    return Answers(frame)
