"""From a study, landmarks, a frame or arrays to checked survival input by group: one place for all curves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np

from cxresearch.checks import check_choice, check_number
from cxresearch.churn.curves.timeline import as_day, timeline, under_observation
from cxresearch.data.engine import EVERY, collect, days_between, lazy, period_start
from cxresearch.data.landmarks.landmarks import Landmarks
from cxresearch.data.study import Study
from cxresearch.errors import ArgumentError, DataError
from cxresearch.results.units import Unit
from cxresearch.stats.survival.risk_table import SurvivalRows, survival_rows
from cxresearch.stats.survival.survival_groups import group_codes
from cxresearch.units_of_time import DAYS_A_MONTH

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

KINDS = {1: "voluntary", 2: "involuntary"}
UNKNOWN = "unknown"
_PARTS = ("duration", "event", "entry", "weight", "cluster", "count")


@dataclass(frozen=True, kw_only=True)
class SurvivalInput:
    """Checked rows with their groups.

    Attributes
    ----------
    rows : SurvivalRows
        Event codes 0 censored, 1 voluntary, 2 involuntary; for arrays and frames those given.
    group : ndarray of int, shape (n,)
        Position of each row's label in ``groups``.
    groups : tuple of str
        Labels.
    strata : ndarray of int, shape (n,), or None
        Stratum codes.
    unit : Unit
        Unit of time.
    by, axis, name : str
        For titles.
    kinds : dict of int to str
        Names of the event codes that can occur.
    notes : tuple of str
        What the reader must know.
    """

    rows: SurvivalRows
    group: NDArray[np.int64]
    groups: tuple[str, ...]
    strata: NDArray[np.int64] | None
    unit: Unit
    by: str
    axis: str
    name: str
    kinds: dict[int, str]
    notes: tuple[str, ...] = ()

    def of_group(self, position: int) -> SurvivalRows:
        """Rows of one group."""
        if len(self.groups) == 1:
            return self.rows
        return self.rows.take(np.flatnonzero(self.group == position))

    def of_kind(self, kind: str | int) -> SurvivalInput:
        """Return the input with one kind of event as the event, all others as censoring."""
        if kind == "any":
            event = (self.rows.event > 0).astype(np.int64)
        else:
            names = {name: code for code, name in self.kinds.items()}
            code = kind if isinstance(kind, int) else names.get(kind)
            if code is None or code < 1:
                raise ArgumentError(
                    f"kind is {kind!r}", wanted="one of 'any', " + ", ".join(map(repr, names))
                )
            event = (self.rows.event == code).astype(np.int64)
        return replace(self, rows=replace(self.rows, event=event))


def survival_input(
    source: Any,
    *,
    by: Any = None,
    unit: str = "days",
    axis: str = "tenure",
    observed_from: date | str | None = None,
    given: float = 0,
    strata: Any = None,
) -> SurvivalInput:
    """Read whatever a churn curve can be made of.

    Parameters
    ----------
    source : Study, Landmarks, frame, or (duration, event) arrays
        A frame (of any engine) has columns duration and event, and optionally entry, weight, cluster (or
        customer_id, where a customer has several rows) and count.
    by : str, sequence of str, or array-like, optional
        Column or columns that make the groups; an array of labels where ``source`` is arrays. Studies also
        know ``started_month``, ``started_quarter`` and ``started_year``; landmarks their scores, by band.
    unit : {"days", "months"}
        Durations of studies and landmarks are converted from days (30.4375 a month); for frames and arrays it
        only says what they are.
    axis : {"tenure", "calendar"}
        For a study: time since each customer's start, or since the first customer's start with later ones
        entering late.
    observed_from : date or str, optional
        For a study whose ends are recorded only from a day on.
    given : float
        Time already stayed, in ``unit``.
    strata : str or array-like, optional
        As ``by``.
    """
    check_choice("unit", unit, ("days", "months"))
    check_choice("axis", axis, ("tenure", "calendar"))
    given = check_number("given", given, at_least=0)
    if isinstance(source, Study):
        found = _from_study(source, _names(by), _names(strata), axis, observed_from)
    elif axis == "calendar" or observed_from is not None:
        raise ArgumentError(
            "axis='calendar' and observed_from need a study",
            wanted="a Study as the source",
            next_step="for a frame, give a column entry",
        )
    elif isinstance(source, Landmarks):
        found = _from_landmarks(source, _names(by), _names(strata))
    elif isinstance(source, tuple):
        found = _from_arrays(source, by, strata)
    else:
        found = _from_frame(source, _names(by), _names(strata))
    days = isinstance(source, (Study, Landmarks))
    scale = DAYS_A_MONTH if days and unit == "months" else 1.0
    return _conditional(_scaled(found, scale, Unit(unit)), given)


def _names(columns: Any) -> tuple[str, ...]:
    if columns is None:
        return ()
    if isinstance(columns, str):
        return (columns,)
    if isinstance(columns, Sequence) and all(isinstance(name, str) for name in columns):
        return tuple(columns)
    raise ArgumentError(
        f"by is {type(columns).__name__}", wanted="the name of a column, or several; arrays go with arrays"
    )


def _from_study(
    study: Study,
    by: tuple[str, ...],
    strata: tuple[str, ...],
    axis: str,
    observed_from: date | str | None,
) -> SurvivalInput:
    people = timeline(study)
    for name in dict.fromkeys((*by, *strata)):
        every = name.removeprefix("started_")
        if every != name and every in EVERY:
            began = period_start(nw.col("started_at"), every, study.timezone)
            people = people.with_columns(began.dt.to_string("%Y-%m-%d").alias(name))
    _need(people, (*by, *strata), study.name or "customers")
    label, late = "start of the relationship", axis == "calendar" or observed_from is not None
    if observed_from is None:
        people = people.with_columns(entry=nw.lit(0.0))
    else:
        since = days_between(nw.col("started_at"), nw.lit(as_day(observed_from)))
        people = people.with_columns(entry=nw.when(since > 0).then(since).otherwise(nw.lit(0.0)))
    if axis == "calendar":
        first: Any = collect(people.select(nw.col("started_at").min())).iloc[0, 0]
        shift = days_between(nw.lit(first), nw.col("started_at"))
        people = people.with_columns(duration=nw.col("duration") + shift, entry=nw.col("entry") + shift)
        label = f"day the first customer started ({first:%Y-%m-%d})"
    keys = ["duration", "event", *(["entry"] if late else []), *dict.fromkeys((*by, *strata))]
    table = collect(people.group_by(keys).agg(nw.len().alias("count")))
    table, notes = under_observation(table) if late else (table, ())
    found = _from_table(table, by, strata, label)
    return replace(found, name=study.name, kinds=KINDS, notes=notes)


def _from_landmarks(marks: Landmarks, by: tuple[str, ...], strata: tuple[str, ...]) -> SurvivalInput:
    table = marks.frame[["customer_id", "duration_days", "event"]].rename(
        columns={"duration_days": "duration"}
    )
    for name in dict.fromkeys((*by, *strata)):
        if name in marks.instruments:
            table[name] = score_bands(marks.frame[name], marks.instruments[name])
        elif name in marks.frame.columns:
            table[name] = marks.frame[name]
        else:
            known = (*marks.instruments, *marks.segments, *marks.features, "landmark_at")
            raise ArgumentError(f"the landmarks have no column {name!r}", wanted="one of " + ", ".join(known))
    if table["customer_id"].duplicated().any():
        table = table.rename(columns={"customer_id": "cluster"})
    found = _from_table(table, by, strata, "landmark")
    labels = [marks.instruments[name].label if name in marks.instruments else name for name in by]
    return replace(found, name=marks.name, kinds=KINDS, by=" and ".join(labels))


def score_bands(scores: pd.Series[Any], scale: Any) -> pd.Series[Any]:
    """Name the band of each answer: the three of an NPS, else the top answers against the others."""
    import pandas as pd

    from cxresearch.scales import DETRACTORS, PROMOTERS

    if scale.name == "nps" and (scale.low, scale.high) == (0, 10):
        names = ["detractors", "passives", "promoters"]
        band = np.select([scores.isin(DETRACTORS), scores.isin(PROMOTERS)], [0, 2], 1)
    else:
        ends = f"{min(scale.top)}-{max(scale.top)}"
        names = [f"other {scale.label}", f"top {scale.label} ({ends})"]
        band = np.where(scores.isin(scale.top), 1, 0)
    names = [*names, "no answer"]
    band = np.where(scores.isna(), len(names) - 1, band).astype(np.int64)
    labels = pd.Categorical.from_codes(band, pd.Index(names), ordered=True)
    return pd.Series(labels, index=scores.index)


def _from_arrays(source: tuple[Any, ...], by: Any, strata: Any) -> SurvivalInput:
    if len(source) != 2:
        raise ArgumentError(
            f"source has {len(source)} arrays",
            wanted="(duration, event)",
            next_step="put entry, weight, cluster or count beside them in a frame",
        )
    rows = survival_rows(*source)
    return _grouped(rows, by, strata, "start", "by")


def _from_frame(native: Any, by: tuple[str, ...], strata: tuple[str, ...]) -> SurvivalInput:
    _need(lazy(native), ("duration", "event", *by, *strata), "the frame")
    frame = lazy(_arrow(native, (*_PARTS, "customer_id", *by, *strata)))
    columns = frame.collect_schema().names()
    labels = list(dict.fromkeys((*by, *strata)))
    if "cluster" not in columns and "customer_id" in columns:
        seen = collect(frame.select(rows=nw.len(), people=nw.col("customer_id").n_unique()))
        if int(seen["people"].iloc[0]) < int(seen["rows"].iloc[0]):
            frame = frame.with_columns(cluster=nw.col("customer_id"))
            columns = [*columns, "cluster"]
    parts = [name for name in _PARTS if name in columns]
    if "weight" in parts or "cluster" in parts:
        return _from_table(collect(frame.select(*parts, *labels)), by, strata, "start")
    keys = [name for name in parts if name != "count"]
    total = nw.col("count").sum() if "count" in parts else nw.len()
    table = frame.group_by([*keys, *labels]).agg(total.alias("count"))
    return _from_table(collect(table), by, strata, "start")


def _arrow(native: Any, columns: tuple[str, ...]) -> Any:
    """Hand a pandas frame to Arrow, which counts millions of rows by group several times faster."""
    import pandas as pd
    import pyarrow as pa

    if not isinstance(native, pd.DataFrame):
        return native
    try:
        kept = [name for name in native.columns if name in columns]
        return pa.Table.from_pandas(native, columns=kept, preserve_index=False)
    except (pa.ArrowInvalid, pa.ArrowTypeError):  # a column of mixed objects: pandas takes it as it is
        return native


def _need(frame: Any, wanted: tuple[str, ...], where: str) -> None:
    columns = frame.collect_schema().names()
    lost = [name for name in wanted if name not in columns]
    if lost:
        raise ArgumentError(
            f"there is no column {lost[0]!r}",
            where=where,
            wanted="one of " + ", ".join(map(repr, columns)),
            next_step='rename columns, or give two: (frame["months"], frame["left"])'
            if lost[0] in ("duration", "event")
            else "",
        )


def _from_table(
    table: pd.DataFrame, by: tuple[str, ...], strata: tuple[str, ...], axis: str
) -> SurvivalInput:
    if not len(table):
        raise DataError("no rows to build a survival curve from", next_step="check the filter or the group")
    rows = survival_rows(
        table["duration"],
        table["event"],
        entry=table.get("entry"),
        weights=table.get("weight"),
        clusters=table.get("cluster"),
        counts=table.get("count"),
    )
    return _grouped(rows, _labels(table, by), _labels(table, strata), axis, " and ".join(by))


def _labels(table: pd.DataFrame, columns: tuple[str, ...]) -> Any:
    """One label a row; missing values become a group of their own."""
    if not columns:
        return None
    if len(columns) == 1 and str(table[columns[0]].dtype) == "category":
        column = table[columns[0]]
        if not column.isna().any():
            return column
    filled = [table[name].astype(object).where(table[name].notna(), UNKNOWN) for name in columns]
    if len(filled) == 1 and not filled[0].isin([UNKNOWN]).any():
        return filled[0]
    texts = [column.map(str) for column in filled]
    label = texts[0]
    for text in texts[1:]:
        label = label + ", " + text
    return label


def _grouped(rows: SurvivalRows, by: Any, strata: Any, axis: str, label: str) -> SurvivalInput:
    groups: tuple[str, ...] = ("all",)
    codes = np.zeros(rows.duration.size, dtype=np.int64)
    if by is not None:
        groups, codes = group_codes("by", by, rows)
    return SurvivalInput(
        rows=rows,
        group=codes,
        groups=groups,
        strata=None if strata is None else group_codes("strata", strata, rows)[1],
        unit=Unit.DAYS,
        by=label if by is not None else "",
        axis=axis,
        name="",
        kinds=_kinds_of(rows),
    )


def _kinds_of(rows: SurvivalRows) -> dict[int, str]:
    codes = [int(code) for code in np.unique(rows.event) if code > 0]
    return {code: KINDS.get(code, f"kind {code}") for code in codes or [1]}


def _scaled(found: SurvivalInput, scale: float, unit: Unit) -> SurvivalInput:
    if scale == 1.0:
        return replace(found, unit=unit)
    rows = found.rows
    entry = None if rows.entry is None else rows.entry / scale
    return replace(found, unit=unit, rows=replace(rows, duration=rows.duration / scale, entry=entry))


def _conditional(found: SurvivalInput, given: float) -> SurvivalInput:
    """Keep those who stayed beyond ``given`` and count from there."""
    if given == 0:
        return found
    kept = np.flatnonzero(found.rows.duration > given)
    if not kept.size:
        raise DataError(
            f"nobody was followed beyond {given:g} {found.unit}",
            next_step=f"choose a time below {found.rows.duration.max():g}",
        )
    rows = found.rows.take(kept)
    entry = None if rows.entry is None else np.maximum(rows.entry - given, 0.0)
    if entry is not None and not (entry > 0).any():
        entry = None
    return replace(
        found,
        rows=replace(rows, duration=rows.duration - given, entry=entry),
        group=found.group[kept],
        strata=None if found.strata is None else found.strata[kept],
        notes=(*found.notes, f"among those who stayed {given:g} {found.unit}; time counts from there"),
    )
