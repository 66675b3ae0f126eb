"""Who was unhappy, when, and what was known of them by then: the entries of an emulated trial."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import narwhals as nw
import numpy as np
import pandas as pd

from cxresearch.data.engine import collect
from cxresearch.data.timelines import DAY, Timeline, seconds, timeline_of
from cxresearch.errors import ArgumentError, DataError
from cxresearch.wording import did_you_mean, listed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cxresearch.aliases import Floats
    from cxresearch.data.study import Study
    from cxresearch.scales import Scale

    Times = NDArray[np.int64]

#: Levels of a segment that hold less than this share of the moments are taken together.
RARE = 0.02
#: Tickets are counted over these days before the moment.
TICKET_DAYS = 90
_NO_LINE = Timeline(key=np.zeros(0, dtype=np.int64), values=np.zeros(0))


@dataclass(frozen=True, kw_only=True)
class StudyTimelines:
    """The tables of a study as timelines of coded customers.

    Attributes
    ----------
    ids : Index
        Customer of each code.
    started, ended : ndarray of int, shape (customers,)
        Seconds; an end is dated at the notice, where there was one; one that has not come is never reached.
    cut : int
        The data cut, in seconds.
    answers : Timeline
        Answers to the question, as scores.
    tickets, revenue : Timeline
        Tickets as they were opened; levels of MRR as they came into force.
    resolved : Timeline
        Tickets as they were resolved.
    actions : mapping of str to Timeline
        Named events that befell a customer.
    segments : DataFrame
        One row a code.
    """

    ids: pd.Index
    started: Times
    ended: Times
    cut: int
    answers: Timeline
    tickets: Timeline
    resolved: Timeline
    revenue: Timeline
    actions: dict[str, Timeline]
    segments: pd.DataFrame


@dataclass(frozen=True, kw_only=True)
class EligibleMoments:
    """Moments after which an action might have come: unhappy answers, or others.

    Attributes
    ----------
    customer : ndarray of int, shape (n,)
        Code of the customer.
    moment : ndarray of int, shape (n,)
        Second of the answer.
    score, previous : ndarray, shape (n,)
        The answer, and the one before it (NaN where there was none).
    design : ndarray, shape (n, p)
        What was known by the moment, as numbers.
    names : tuple of str, length p
        What the columns are, in words.
    dropped : mapping of str to int
        Unhappy answers left out, by reason.
    """

    customer: Times
    moment: Times
    score: Floats
    previous: Floats
    design: Floats
    names: tuple[str, ...]
    dropped: dict[str, int]

    def __len__(self) -> int:
        """How many moments there are."""
        return len(self.customer)


def unhappy_question(study: Study, name: str) -> Scale:
    """Return the scale of a question of the study.

    Raises
    ------
    ArgumentError
        If the study has no such question.
    """
    if name not in study.instruments:
        raise ArgumentError(
            f"the study has no question {name!r}",
            wanted="one of " + listed(study.instruments),
            next_step=did_you_mean(name, study.instruments),
        )
    return study.instruments[name]


def study_timelines(study: Study, scale: Scale | None, actions: tuple[str, ...]) -> StudyTimelines:
    """Read the tables once, the columns that are needed only; without a scale no answers.

    Raises
    ------
    ArgumentError
        If an action is not a kind of the events table.
    DataError
        If the study has no customers, no answers or no events that name a customer.
    """
    needed = {"customers": True, "responses": scale is not None, "events": bool(actions)}
    for table in (name for name, wanted in needed.items() if wanted):
        if table not in study.tables:
            raise DataError(f"the study has no table {table}", next_step="map it in the study file")
    customers = study.table("customers")
    columns = customers.collect_schema().names()
    times = ("customer_id", "started_at", "ended_at", "notice_at")
    wanted = [name for name in (*times, *study.segments) if name in columns]
    people = collect(customers.select(*wanted)).sort_values("customer_id", ignore_index=True)
    for time in ("ended_at", "notice_at"):
        if time not in people:
            people[time] = pd.Series(pd.NaT, index=people.index, dtype="datetime64[us]")
    ids = pd.Index(people["customer_id"])
    answers = _NO_LINE
    if scale is not None:
        answered = (nw.col("instrument") == scale.name) & ~nw.col("score").is_null()
        answers = timeline_of(ids, study.table("responses").filter(answered), "responded_at", "score")
    return StudyTimelines(
        ids=ids,
        started=seconds(people["started_at"]),
        # Who gave notice has decided: from then on nothing done is an answer to unhappiness.
        ended=np.minimum(seconds(people["ended_at"]), seconds(people["notice_at"])),
        cut=int(seconds(pd.Series([pd.Timestamp(study.observed_until)]))[0]),
        answers=answers,
        tickets=_table_line(study, ids, "tickets", "created_at"),
        resolved=_table_line(study, ids, "tickets", "resolved_at"),
        revenue=_table_line(study, ids, "revenue", "effective_at", "mrr"),
        actions=_actions(study, ids, actions),
        segments=people[list(study.segments)],
    )


def _actions(study: Study, ids: pd.Index, actions: tuple[str, ...]) -> dict[str, Timeline]:
    if not actions:
        return {}
    events = study.table("events")
    if "customer_id" not in events.collect_schema().names():
        raise DataError("no event names a customer", next_step="map customer_id of the events")
    kinds = set(collect(events.select("kind").unique())["kind"])
    unknown = [action for action in actions if action not in kinds]
    if unknown:
        raise ArgumentError(
            f"no event is of kind {unknown[0]!r}",
            wanted=f"one of {listed(sorted(kinds))}",
            next_step=did_you_mean(unknown[0], kinds),
        )
    return {
        action: timeline_of(ids, events.filter(nw.col("kind") == action), "occurred_at") for action in actions
    }


def _table_line(study: Study, ids: pd.Index, table: str, time: str, value: str = "") -> Timeline:
    """The timeline of a table; empty where the study has no such table or column."""
    if table in study.tables:
        rows = study.table(table)
        if {time, "customer_id"} <= set(rows.collect_schema().names()):
            return timeline_of(ids, rows, time, value)
    return _NO_LINE


def unhappy_moments(
    lines: StudyTimelines, scale: Scale, *, grace_days: float, gap_days: float
) -> EligibleMoments:
    """Collect unhappy answers after which the grace time could be watched.

    Parameters
    ----------
    lines : StudyTimelines
    scale : Scale
        Its ``bottom`` answers are unhappy.
    grace_days : float
        Time within which an action counts as an answer to the unhappiness. Who left within it, or whose
        grace the data do not cover, is not eligible: an action cannot be given to who is gone.
    gap_days : float
        Unhappy answers of one customer closer than this to an eligible one before it belong to that one.

    Raises
    ------
    DataError
        If nobody is eligible.
    """
    unhappy = np.isin(lines.answers.values, scale.bottom)
    customer = lines.answers.customer[unhappy]
    moment = lines.answers.moment[unhappy]
    score = lines.answers.values[unhappy]
    grace = int(grace_days * DAY)
    dropped = {}
    customers_then = (lines.started[customer] <= moment) & (lines.ended[customer] > moment)
    dropped["not a customer on that day"] = int((~customers_then).sum())
    watched = moment + grace <= lines.cut
    dropped["the grace time was not over by the data cut"] = int((customers_then & ~watched).sum())
    stayed = lines.ended[customer] > moment + grace
    dropped["left within the grace time"] = int((customers_then & watched & ~stayed).sum())
    eligible = customers_then & watched & stayed
    first = _spaced(customer[eligible], moment[eligible], int(gap_days * DAY))
    dropped["soon after another unhappy answer"] = int((~first).sum())
    customer = customer[eligible][first]
    moment = moment[eligible][first]
    score = score[eligible][first]
    if not len(customer):
        raise DataError(
            f"nobody gave an unhappy answer to {scale.label} that could be followed",
            wanted=f"answers of {listed(scale.bottom)}",
            next_step="take another question, or a shorter grace_days",
        )
    previous = lines.answers.value_at(lines.answers.last_before(customer, moment))
    design, names = known_by_then(lines, customer, moment, score, previous)
    return EligibleMoments(
        customer=customer,
        moment=moment,
        score=score,
        previous=previous,
        design=design,
        names=names,
        dropped={reason: n for reason, n in dropped.items() if n},
    )


def _spaced(customer: Times, moment: Times, gap: int) -> NDArray[np.bool_]:
    """Mark moments at least a gap after the last marked one of the same customer; they come sorted."""
    marked = np.ones(len(customer), dtype=bool)
    same = np.r_[False, customer[1:] == customer[:-1]]
    close = same & (np.r_[0, np.diff(moment)] < gap)
    if not close.any():
        return marked
    # Only runs of close moments need a walk; all others are eligible as they are.
    last_customer = -1
    last_moment = 0
    for place in range(len(customer)):
        if customer[place] == last_customer and moment[place] - last_moment < gap:
            marked[place] = False
        else:
            last_customer = customer[place]
            last_moment = moment[place]
    return marked


def known_by_then(
    lines: StudyTimelines, customer: Times, moment: Times, score: Floats, previous: Floats
) -> tuple[Floats, tuple[str, ...]]:
    """Return severity, history and circumstances by the moment as columns of numbers, and their names.

    Parameters
    ----------
    lines : StudyTimelines
    customer, moment : ndarray of int, shape (n,)
    score, previous : ndarray, shape (n,)
        The answer at the moment, NaN where the moment is none; the answer before.
    """
    columns: dict[str, Floats] = {}
    for level in np.unique(score[~np.isnan(score)])[1:]:
        columns[f"answer {level:g}"] = (score == level).astype(np.float64)
    first = np.isnan(previous)
    columns["no earlier answer"] = first.astype(np.float64)
    # A missing earlier answer is set to the mean and told apart by the column before.
    typical = float(previous[~first].mean()) if (~first).any() else 0.0
    columns["earlier answer"] = np.where(first, typical, previous)
    before = lines.answers.time_at(lines.answers.last_before(customer, moment))
    columns["days since the earlier answer (log)"] = np.log1p(np.nan_to_num((moment - before) / DAY))
    tenure = np.log1p((moment - lines.started[customer]) / DAY)
    columns["tenure (log)"] = tenure
    columns["tenure (log), squared"] = (tenure - tenure.mean()) ** 2
    recent = lines.tickets.count_between(customer, moment - TICKET_DAYS * DAY, moment)
    columns[f"tickets of {TICKET_DAYS} days (log)"] = np.log1p(recent)
    opened = lines.tickets.count_between(customer, np.zeros_like(moment), moment)
    closed = lines.resolved.count_between(customer, np.zeros_like(moment), moment)
    columns["open tickets (log)"] = np.log1p(np.maximum(opened - closed, 0))
    if len(lines.revenue):
        level_then = lines.revenue.value_at(lines.revenue.last_before(customer, moment + 1))
        columns["revenue (log)"] = np.log1p(np.maximum(np.nan_to_num(level_then), 0))
    columns["date (years)"] = moment / (365.2425 * DAY)
    for action, line in lines.actions.items():
        # Strictly before: on the day itself it may be the treatment.
        earlier = line.count_between(customer, np.zeros_like(moment), moment - 1)
        columns[f"{action} before"] = (earlier > 0).astype(np.float64)
    for segment in lines.segments.columns:
        columns |= _levels(segment, lines.segments[segment].to_numpy()[customer])
    varying = {name: values for name, values in columns.items() if np.ptp(values) > 0}
    if not varying:
        return np.zeros((len(customer), 0)), ()
    return np.column_stack(list(varying.values())), tuple(varying)


def _levels(segment: str, values: NDArray[np.object_]) -> dict[str, Floats]:
    """One column for each frequent level but the most frequent."""
    counts = pd.Series(values).value_counts(normalize=True)
    frequent = counts.index[counts >= RARE][1:]
    return {f"{segment} {level}": (values == level).astype(np.float64) for level in frequent}
