"""A bare frame of answers, read as a study with one table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import narwhals as nw

from cxresearch.data.columns.frame_columns import one_column, spelled_column
from cxresearch.data.engine import lazy
from cxresearch.errors import ArgumentError
from cxresearch.scales import CES2, CSAT, NPS, Scale
from cxresearch.wording import listed

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


def answers_in(scores: Any, column: str | None, *, weights: Any, clusters: Any) -> tuple[Any, Any, Any]:
    """Return scores, weights and clusters as arrays, where they may be columns of a frame.

    Parameters
    ----------
    scores : array-like or frame
        A frame needs ``column``.
    column : str or None
        The column of scores; case is forgiven.
    weights, clusters : array-like, str or None
        Names of columns where ``scores`` is a frame.

    Raises
    ------
    ArgumentError
        If a frame comes without a column, a study in the place of scores, or a column is not there.
    """
    if column is None:
        if hasattr(scores, "instruments"):
            raise ArgumentError("scores is a study", wanted="answers", next_step='cx.metric(study, "nps")')
        if hasattr(scores, "columns"):
            raise ArgumentError(
                "scores is a frame and no column is named",
                wanted=f"one of {listed(map(str, scores.columns))}",
                next_step='name it: cx.nps(frame, "NPS")',
            )
        return scores, weights, clusters
    if isinstance(weights, str):
        weights = one_column(scores, weights)
    if isinstance(clusters, str):
        clusters = one_column(scores, clusters)
    return one_column(scores, column, what="score column"), weights, clusters


def read_answers(native: Any, metric: str, score: str | None = None) -> Answers:
    """Return a frame of answers in the place of a study.

    Parameters
    ----------
    native : frame
        With ``score``, and what else is used of responded_at, customer_id, instrument, sent_at and group
        columns. NaN counts as missing; moments with a time zone become UTC. Nothing is validated here: scores
        that are no answers are found, and refused, when the answers are counted.
    metric : str
        Names the question where the frame has no ``instrument`` column.
    score : str, optional
        The column of scores, where it is not called ``score``; case is forgiven.

    Raises
    ------
    ArgumentError
        If there is no score column, the question is unknown, or moments cannot be read as UTC.
    """
    frame = _in_utc(lazy(native))
    schema = frame.collect_schema()
    if score is not None:
        frame = frame.with_columns(score=nw.col(spelled_column(score, schema.names(), what="score column")))
        schema = frame.collect_schema()
    if "score" not in schema.names():
        raise ArgumentError(
            "the frame has no column 'score'",
            wanted="answers in a column 'score'",
            next_step='name the column: score="NPS"; or make a study with cx.Study.from_frames',
        )
    if not schema["score"].is_numeric():
        raise ArgumentError(f"scores are {schema['score']}", wanted="numbers")
    if schema["score"].is_float():
        # pandas writes missing as NaN; on other engines NaN is a number and would count as an answer.
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


def _in_utc(frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Return the frame with naive moments in UTC, which is what a study holds and periods are cut from."""
    schema = frame.collect_schema()
    aware = [
        name
        for name in ("responded_at", "sent_at")
        if name in schema.names() and getattr(schema[name], "time_zone", None) is not None
    ]
    if not aware:
        return frame
    if frame.implementation.is_pyspark():
        zone = str(frame.to_native().sparkSession.conf.get("spark.sql.session.timeZone"))
        # Spark shows aware moments in the session's zone: only in UTC are they what a study holds.
        if zone in ("UTC", "Etc/UTC"):
            return frame
        raise ArgumentError(
            f"Spark shows {' and '.join(aware)} in the time zone {zone}",
            wanted="spark.sql.session.timeZone UTC",
        )
    if frame.implementation is nw.Implementation.DUCKDB:
        swap = ", ".join(f"{name} AT TIME ZONE 'UTC' AS {name}" for name in aware)
        plain: nw.LazyFrame[Any] = nw.from_native(frame.to_native().project(f"* REPLACE ({swap})")).lazy()
        return plain
    return frame.with_columns(nw.col(*aware).dt.convert_time_zone("UTC").dt.replace_time_zone(None))
