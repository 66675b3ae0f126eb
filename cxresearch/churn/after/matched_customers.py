"""Customers with an event, each beside others who were customers as long and had not had it yet."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np
import pandas as pd

from cxresearch.churn.curves.timeline import carried, timeline
from cxresearch.data.engine import collect
from cxresearch.data.timelines import DAY, Timeline, seconds, timeline_of
from cxresearch.errors import ArgumentError, DataError
from cxresearch.wording import listed

if TYPE_CHECKING:
    from cxresearch.aliases import Bools, Floats, Ints
    from cxresearch.data.study import Study
    from cxresearch.scales import Scale

#: Draws for each control wanted, before everybody is looked through.
_ROUNDS = 12


@dataclass(frozen=True, kw_only=True)
class Among:
    """Whom both groups are drawn from: customers whose latest answer by then was unhappy.

    Attributes
    ----------
    scale : Scale
        Its ``bottom`` answers are unhappy.
    answers : Timeline
        Of the positions among the customers.
    started : ndarray of int, shape (n,)
        Second at which each customer started.
    """

    scale: Scale
    answers: Timeline
    started: Ints

    def unhappy(self, position: Ints, tenure: Floats) -> Bools:
        """Tell who was unhappy at a tenure in days, an answer at that very second included."""
        moment = self.started[position] + np.round(tenure * DAY).astype(np.int64)
        latest = self.answers.value_at(self.answers.last_before(position, moment + 1))
        return np.isin(latest, self.scale.bottom)


@dataclass(frozen=True, kw_only=True)
class People:
    """Customers as arrays, n of them.

    Attributes
    ----------
    ids : Index
    started : ndarray of int, shape (n,)
        Seconds; see `cxresearch.data.timelines`.
    duration, event : ndarray, shape (n,)
        Days of the stay, and how it ended.
    happened : ndarray, shape (n,)
        Tenure at the first event that counts; infinite if there is none. Never before the start and never at
        or after the end of the stay.
    ever : ndarray, shape (n,)
        Tenure at the first event of all; whoever had one is no control from then on.
    stratum : ndarray of int, shape (n,)
        Groups that agree on the matched columns.
    frame : DataFrame
        Those columns and the segments.
    among : Among or None
    """

    ids: pd.Index
    started: Ints
    duration: Floats
    event: Ints
    happened: Floats
    ever: Floats
    stratum: Ints
    frame: pd.DataFrame
    among: Among | None

    @property
    def exposed(self) -> Bools:
        """Who had an event that counts."""
        return np.isfinite(self.happened)

    def may_be_control(self, position: Ints, tenure: Floats) -> Bools:
        """Tell who had not had the event by a tenure, and was unhappy then where only the unhappy count."""
        without = self.ever[position] > tenure
        if self.among is None:
            return without
        shape = position.shape
        flat = np.broadcast_to(tenure, shape).ravel()
        return without & self.among.unhappy(position.ravel(), flat).reshape(shape)

    def moment(self, position: Ints, tenure: Floats) -> Ints:
        """Return the second at which customers reach a tenure."""
        return self.started[position] + np.round(tenure * DAY).astype(np.int64)


def among_scale(study: Study, among: str | None) -> Scale | None:
    """Return the scale whose unhappy answers both groups must have given last.

    Raises
    ------
    ArgumentError
        If there is no such question.
    """
    if among is None:
        return None
    name = "nps" if among == "detractor" else among.removeprefix("low_")
    if name not in study.instruments:
        questions = [f"low_{question}" for question in study.instruments]
        raise ArgumentError(f"among is {among!r}", wanted="one of " + listed(["detractor", *questions]))
    return study.instruments[name]


def people_of(
    study: Study, moments: pd.DataFrame, match_on: tuple[str, ...], *, among: str | None = None
) -> People:
    """Read the customers, and when the event first happened to each.

    Raises
    ------
    ArgumentError
        If a column or a question is not known.
    DataError
        If it happens to nobody while a customer.
    """
    columns = list(dict.fromkeys((*match_on, *study.segments)))
    stays = collect(timeline(study, dated="notice", carry=columns).drop("left_at"))
    # Engines order rows as they like; draws must not depend on it.
    stays = stays.sort_values("customer_id", ignore_index=True)
    ids = pd.Index(stays["customer_id"])
    started = seconds(stays["started_at"])
    scale = among_scale(study, among)
    only = None
    if scale is not None:
        answers = study.table("responses").filter(
            (nw.col("instrument") == scale.name) & ~nw.col("score").is_null()
        )
        line = timeline_of(ids, answers, "responded_at", "score")
        only = Among(scale=scale, answers=line, started=started)
    position, tenure = _occurrences(stays, ids, moments)
    ever = _first(position, tenure, len(stays))
    if not np.isfinite(ever).any():
        raise DataError("the event happens to nobody while a customer", next_step="choose another event")
    happened = ever
    if only is not None:
        counts = only.unhappy(position, tenure)
        happened = _first(position[counts], tenure[counts], len(stays))
        if not counts.any():
            raise DataError(
                f"the event happens to nobody whose latest answer to {only.scale.label} was unhappy",
                next_step="leave out among=, or choose another event",
            )
    frame = stays[[carried(place) for place in range(len(columns))]]
    frame.columns = pd.Index(columns)
    stratum = np.zeros(len(frame), dtype=np.int64)
    if match_on:
        # Groups that agree on all columns.
        codes = frame.groupby(list(match_on), dropna=False).ngroup()
        stratum = np.asarray(codes, dtype=np.int64)
    return People(
        ids=ids,
        started=started,
        duration=stays["duration"].to_numpy(dtype=np.float64),
        event=stays["event"].to_numpy(dtype=np.int64),
        happened=happened,
        ever=ever,
        stratum=stratum,
        frame=frame,
        among=only,
    )


def _occurrences(stays: pd.DataFrame, ids: pd.Index, moments: pd.DataFrame) -> tuple[Ints, Floats]:
    """Every event while a customer: position of the customer, and tenure in days."""
    named = moments["customer_id"].notna()
    code = ids.get_indexer(pd.Index(moments.loc[named, "customer_id"])).astype(np.int64)
    started_at = stays["started_at"].reset_index(drop=True)
    at = moments.loc[named, "occurred_at"].to_numpy()[code >= 0]
    position = [code[code >= 0]]
    tenure = [_days(pd.Series(at) - started_at.iloc[position[0]].reset_index(drop=True)).to_numpy()]
    # Events without a customer happen to everybody who is one at the time.
    for moment in moments.loc[~named, "occurred_at"]:
        position.append(np.arange(len(stays), dtype=np.int64))
        tenure.append(_days(moment - started_at).to_numpy())
    every = np.concatenate(position)
    days = np.concatenate(tenure).astype(np.float64)
    # On the day of an event only those count who are customers on it.
    then = (days >= 0) & (days < stays["duration"].to_numpy(dtype=np.float64)[every])
    return every[then], days[then]


def _first(position: Ints, tenure: Floats, n: int) -> Floats:
    """Return the earliest tenure of each of n customers; infinite if there is none."""
    first = np.full(n, np.inf)
    np.minimum.at(first, position, tenure)
    return first


def _days(span: pd.Series[Any]) -> pd.Series[float]:
    days: pd.Series[float] = span.dt.total_seconds() / 86_400
    return days


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """Matched rows: controls with the case of their set, as positions among the customers."""

    case: Ints
    control: Ints

    @property
    def cases(self) -> Ints:
        """Customers with the event who have a control."""
        return np.unique(self.case)

    @property
    def case_count(self) -> int:
        """How many they are."""
        return int(self.cases.size)


def draw(people: People, matches: int, rng: np.random.Generator) -> Drawn:
    """Draw controls still customers, and without the event, at the tenure of each case."""
    cases, controls = [], []
    for stratum in np.unique(people.stratum[people.exposed]):
        member = np.flatnonzero(people.stratum == stratum)
        if people.among is not None:
            # Whoever was never unhappy cannot be a control: fewer to look through.
            unhappy = np.isin(people.among.answers.values, people.among.scale.bottom)
            member = np.intersect1d(member, people.among.answers.customer[unhappy])
        # By duration, so that whoever stays longer stands behind.
        member = member[np.argsort(people.duration[member], kind="stable")]
        case = member[np.isfinite(people.happened[member])]
        for matched_case, control in _draw_within(people, member, case, matches, rng):
            cases.append(matched_case)
            controls.append(control)
    if not cases or not sum(part.size for part in cases):
        raise DataError(
            "no customer of the same tenure is without the event",
            next_step="match on fewer columns, or choose a rarer event",
        )
    return Drawn(case=np.concatenate(cases), control=np.concatenate(controls))


def _draw_within(
    people: People, member: Ints, case: Ints, matches: int, rng: np.random.Generator
) -> Iterator[tuple[Ints, Ints]]:
    """Draw controls for the cases of one stratum: many at once, then one by one for those left short.

    Risk sets: the controls of a case are members who stay longer than the tenure at which it happened to the
    case, and had not had it by then (Li, Propert and Rosenbaum 2001).

    Parameters
    ----------
    people : People
    member : array of int
        Customers of the stratum, by rising duration.
    case : array of int
        Those of them to whom it happened.
    matches : int
        Controls wanted for each case.
    rng : Generator

    Yields
    ------
    (array of int, array of int)
        Cases, repeated, and their controls.
    """
    tenure = people.happened[case]
    # Members from `first` on stay longer than the tenure of the case.
    first = np.searchsorted(people.duration[member], tenure, side="right")
    has_longer = first < member.size
    case, tenure, first = case[has_longer], tenure[has_longer], first[has_longer]
    if not case.size:
        return
    # Draw more than are wanted, and take the first `matches` that are eligible and not drawn before.
    tries = rng.integers(first[:, None], member.size, size=(case.size, matches * _ROUNDS))
    drawn = member[tries]
    eligible = people.may_be_control(drawn, tenure[:, None]) & ~_repeated(drawn)
    accepted = eligible & (np.cumsum(eligible, axis=1) <= matches)
    count = accepted.sum(axis=1)
    yield np.repeat(case, count), drawn[accepted]
    # Where the draws did not suffice, look through everybody.
    for position in np.flatnonzero(count < matches):
        others = member[first[position] :]
        others = others[people.may_be_control(others, tenure[position])]
        others = np.setdiff1d(others, drawn[position][accepted[position]])
        further = min(matches - int(count[position]), others.size)
        if further:
            yield np.repeat(case[position], further), rng.choice(others, further, replace=False)


def _repeated(drawn: Ints) -> Bools:
    """Whether a value stood further left in its row already."""
    # Sort each row, mark what equals its left neighbour, and put the marks back in place.
    order = np.argsort(drawn, axis=1, kind="stable")
    ordered = np.take_along_axis(drawn, order, axis=1)
    again = np.zeros(drawn.shape, dtype=np.bool_)
    again[:, 1:] = ordered[:, 1:] == ordered[:, :-1]
    result = np.empty_like(again)
    np.put_along_axis(result, order, again, axis=1)
    return result


def matched_rows(people: People, drawn: Drawn, days: float) -> pd.DataFrame:
    """Return a row for each case and each control.

    Columns ``person, stratum, exposed, tenure`` (days, at the event of the case), ``duration`` (after it, in
    units of ``days``), ``event``.
    """
    # Each case once, however many controls it has, then the controls.
    person = np.concatenate([drawn.cases, drawn.control])
    matched_set = np.concatenate([drawn.cases, drawn.case])
    return pd.DataFrame(
        {
            "person": person,
            "stratum": people.stratum[matched_set],
            "exposed": np.repeat([1, 0], [drawn.case_count, drawn.control.size]),
            "tenure": people.happened[matched_set],
            "duration": (people.duration[person] - people.happened[matched_set]) / days,
            "event": people.event[person],
        }
    )
