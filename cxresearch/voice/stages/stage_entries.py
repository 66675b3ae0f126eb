"""Who entered which stage when: from events that say so, or from the first moment of a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np
import pandas as pd

from cxresearch.data.engine import collect
from cxresearch.errors import ArgumentError, DataError
from cxresearch.wording import did_you_mean, listed

if TYPE_CHECKING:
    from cxresearch.aliases import Bools, Floats, Places
    from cxresearch.data.study import Study

#: Moments that tables other than events hold: table, column, and whether only the first of a customer counts.
MOMENTS: dict[str, tuple[str, str, bool]] = {
    "started": ("customers", "started_at", True),
    "paid": ("revenue", "effective_at", True),
    "used": ("usage", "used_at", True),
    "ordered": ("orders", "ordered_at", False),
    "asked_for_help": ("tickets", "created_at", False),
}
#: Kind of events whose note names the stage that a customer enters.
STAGE = "stage"
_NEXT_STEP = 'write [journey] stages = ["research", "pick", "pay", "use", "maintain"] in study.toml'


@dataclass(frozen=True, kw_only=True)
class StageEntries:
    """Entries into stages, sorted by customer and time; days count from the data cut and are below 0.

    Attributes
    ----------
    stages : tuple of str
        In the declared order.
    ids : Index
        Customers; a place in it is the number of a customer.
    who, stage : ndarray of int, shape (m,)
        Number of the customer and of the stage of each entry.
    day : ndarray, shape (m,)
        When.
    started, ended : ndarray, shape (len(ids),)
        Days of start and end; NaN and infinite where there is none.
    n_customers, n_silent : int
        Customers of the study, and those of them without any entry.
    notes : tuple of str
        What was left out.
    """

    stages: tuple[str, ...]
    ids: pd.Index[Any]
    who: Places
    stage: Places
    day: Floats
    started: Floats
    ended: Floats
    n_customers: int
    n_silent: int
    notes: tuple[str, ...]

    @property
    def until(self) -> Floats:
        """Day up to which each customer is followed: the end, or the data cut."""
        return np.minimum(self.ended, 0.0)

    @property
    def last_of_customer(self) -> Bools:
        """Whether an entry is the last of its customer."""
        return np.append(self.who[1:] != self.who[:-1], True)[: len(self.who)]

    def stage_at(self, who: Places, day: Floats) -> Places:
        """Return the stage each customer was in at a moment: the one entered last; -1 before the first."""
        # Entries are sorted by customer and day: one number for both, 1,000 years a customer.
        span = 365_250.0
        entry = self.who * span + (self.day + span / 2)
        place = np.searchsorted(entry, who * span + (day + span / 2), side="right") - 1
        inside = place >= 0
        inside[inside] = self.who[place[inside]] == who[inside]
        return np.where(inside, self.stage[np.maximum(place, 0)], -1) if len(self.stage) else place


def stage_entries(study: Study, stages: Sequence[str], entered: Mapping[str, str]) -> StageEntries:
    """Return the entries of a study's customers into stages.

    Parameters
    ----------
    study : Study
        With customers; events of kind ``stage`` whose note is the stage, or of a kind called as the stage.
    stages : sequence of str
        Two or more, in the order in which one usually goes through them.
    entered : mapping of str to str
        What else enters a stage, see `DeclaredJourney`.

    Raises
    ------
    ArgumentError
        If there are fewer than two stages, or a moment is not known.
    DataError
        If nobody entered any stage.

    Notes
    -----
    A stage entered again while the customer is in it is no new entry. Of entries at the same moment the
    earlier stage counts first. Entries after a customer's end, and those without a customer, are counted and
    left out.
    """
    names = _checked(study, stages)
    rows, notes = _rows(study, names, entered)
    if rows.empty:
        raise DataError(
            f"nobody entered any of the stages {listed(names)}",
            where="table events",
            wanted="events of kind stage with the name of the stage as note, or of a kind of that name",
            next_step="or say in [journey.entered] what enters a stage: pay = 'paid', use = 'used'",
        )
    people = _people(study)
    codes, ids = pd.factorize(pd.concat([people["customer_id"], rows["customer_id"]], ignore_index=True))
    n = len(people)
    started = np.full(len(ids), np.nan)
    ended = np.full(len(ids), np.inf)
    started[:n] = days_before_cut(study, people["started_at"])
    if "ended_at" in people:
        over = days_before_cut(study, people["ended_at"])
        # An end after the data cut has not happened.
        ended[:n] = np.where(np.isnan(over) | (over > 0), np.inf, over)
    who = codes[n:]
    day = days_before_cut(study, rows["at"])
    after = day > ended[who]
    if after.any():
        notes.append(f"{int(after.sum()):,} entries into a stage lie after the customer's end: left out.")
    order = np.lexsort((rows["stage"].to_numpy(), day, who))
    order = order[~after[order]]
    who, stage, day = who[order], rows["stage"].to_numpy()[order], day[order]
    again = np.zeros(len(who), dtype=bool)
    again[1:] = (who[1:] == who[:-1]) & (stage[1:] == stage[:-1])
    silent = n - len(np.unique(who[who < n]))
    if silent:
        notes.append(f"{silent:,} of {n:,} customers entered no stage: they are in no figure of stages.")
    return StageEntries(
        stages=names,
        ids=pd.Index(ids),
        who=who[~again],
        stage=stage[~again],
        day=day[~again],
        started=started,
        ended=ended,
        n_customers=n,
        n_silent=silent,
        notes=tuple(notes),
    )


def days_before_cut(study: Study, times: pd.Series[Any]) -> Floats:
    """Return times as days since the data cut, below 0 before it; NaN where missing."""
    since = pd.to_datetime(times) - pd.Timestamp(study.observed_until)
    return np.asarray(since.dt.total_seconds().to_numpy(dtype=np.float64) / 86_400)


def _checked(study: Study, stages: Sequence[str]) -> tuple[str, ...]:
    names = tuple(stages)
    if not names:
        seen = stages_seen(study)
        wanted = "two or more, in the order in which one goes through them"
        if seen:
            wanted += f"; events name {listed(seen)}"
        raise ArgumentError("no stages are declared", wanted=wanted, next_step=_NEXT_STEP)
    if len(names) < 2:
        raise ArgumentError(
            f"{names[0]!r} is the only stage, and one goes from one stage to another",
            wanted="two stages or more",
            next_step=_NEXT_STEP,
        )
    if len(set(names)) < len(names):
        raise ArgumentError(f"a stage is named twice in {listed(names)}", wanted="each stage once")
    return names


def stages_seen(study: Study) -> list[str]:
    """Return the notes of events of kind ``stage``, sorted."""
    if "events" not in study.tables:
        return []
    rows = study.table("events")
    if "note" not in rows.collect_schema().names():
        return []
    notes = collect(rows.filter(nw.col("kind") == STAGE).select("note").unique())["note"]
    return sorted(str(note) for note in notes.dropna())


def _rows(study: Study, names: tuple[str, ...], entered: Mapping[str, str]) -> tuple[pd.DataFrame, list[str]]:
    """Entries as ``customer_id, at, stage`` (its number), and what was left out."""
    parts = []
    for number, name in enumerate(names):
        source = entered.get(name)
        if source is None:
            part = _of_events(study, name, noted=True)
        elif source in MOMENTS:
            part = _of_moments(study, name, source)
        else:
            part = _of_events(study, source, noted=False)
            if part.empty:
                _refuse_unknown(study, name, source)
        parts.append(part.assign(stage=number))
    rows = pd.concat([part for part in parts if len(part)] or parts, ignore_index=True)
    nameless = rows["customer_id"].isna()
    notes = []
    if nameless.any():
        notes.append(f"{int(nameless.sum()):,} entries into a stage name no customer: left out.")
    # An entry is dated up to the data cut; what lies after it has been set aside by the study.
    return rows[~nameless & rows["at"].notna()].reset_index(drop=True), notes


def _of_events(study: Study, name: str, *, noted: bool) -> pd.DataFrame:
    """Entries by events: of a kind of that name, or of kind stage with that note."""
    empty = pd.DataFrame({"customer_id": pd.Series(dtype=object), "at": pd.Series(dtype="datetime64[us]")})
    if "events" not in study.tables:
        return empty
    rows = study.table("events")
    columns = rows.collect_schema().names()
    if "customer_id" not in columns:
        return empty
    means = nw.col("kind") == name
    if noted and "note" in columns:
        means = means | ((nw.col("kind") == STAGE) & (nw.col("note") == name))
    return collect(rows.filter(means).select("customer_id", at="occurred_at"))


def _of_moments(study: Study, name: str, source: str) -> pd.DataFrame:
    """Entries by the rows of a table, or by the first row of each customer."""
    table, column, first = MOMENTS[source]
    if table not in study.tables:
        raise ArgumentError(
            f"stage {name!r} is entered when a customer has {source!r}, and the study has no table {table}",
            wanted=f"the table {table}, or a kind of event",
        )
    rows = study.table(table)
    if "customer_id" not in rows.collect_schema().names():
        raise ArgumentError(f"table {table} names no customers", wanted="a column customer_id")
    if source == "paid":
        rows = rows.filter(nw.col("mrr") > 0)
    if first:
        return collect(rows.group_by("customer_id").agg(at=nw.col(column).min()))
    return collect(rows.select("customer_id", at=column))


def _refuse_unknown(study: Study, name: str, source: str) -> None:
    kinds: list[str] = []
    if "events" in study.tables:
        kinds = sorted(collect(study.table("events").select("kind").unique())["kind"].dropna())
    raise ArgumentError(
        f"stage {name!r} is entered by {source!r}, which nobody did",
        wanted=f"one of {listed([*MOMENTS, *kinds])}",
        next_step=did_you_mean(source, [*MOMENTS, *kinds]),
    )


def _people(study: Study) -> pd.DataFrame:
    if "customers" not in study.tables:
        raise DataError(
            "the study has no table customers, so nobody can be said to have left",
            wanted="customers with started_at, and ended_at of those who left",
        )
    rows = study.table("customers")
    columns = rows.collect_schema().names()
    wanted = [name for name in ("customer_id", "started_at", "ended_at") if name in columns]
    return collect(rows.select(wanted))
