"""Customers at landmarks: the one place where scores are joined to what happened later."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import narwhals as nw

from cxresearch.checks import check_choice, check_number
from cxresearch.data.engine import collect
from cxresearch.data.landmarks.known_by_then import Archive, Past
from cxresearch.data.landmarks.landmark_dates import Day, as_instant, calendar_landmarks, given_landmarks
from cxresearch.data.landmarks.landmark_outcomes import (
    CHURN,
    checked_outcome,
    outcome_at,
    split_not_eligible,
)
from cxresearch.data.landmarks.landmark_rows import Silent, rows_at, split_silent
from cxresearch.data.landmarks.landmarks import Landmarks
from cxresearch.data.landmarks.timing_flags import leak_flags
from cxresearch.data.study import Study
from cxresearch.data.table_layouts import LAYOUTS
from cxresearch.errors import ArgumentError, DataError, StudyError
from cxresearch.wording import listed

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Landmarks", "landmark"]

Frame = nw.LazyFrame[Any]
_LONGEST_DAYS = 36_525
AFTER_CUT = "landmark not before the data cut"
NOT_YET = "not yet a customer"
LEFT = "had left already"
NOTICE = "had given notice already"


def landmark(  # noqa: PLR0913 - each is a declaration of its own
    study: Study,
    *,
    every: str | Sequence[Day] = "quarter",
    horizon_days: float = 180,
    window_days: float = 365,
    first: Day | None = None,
    last: Day | None = None,
    stacked: bool = False,
    features: bool | Sequence[str] = True,
    keep_silent: bool = False,
    notice_days: float = 0,
    outcome: str = "churn",
) -> Landmarks:
    """Take each customer at given days: scores and features known by then, and what happened afterwards.

    A row is a customer who was active at the landmark. Each score is the latest answer given up to the
    landmark (its own instant included) and no older than the window; of several answers at one instant the
    unhappiest counts. Features are read from `Past`, which hides whatever came later. The outcome is the time
    from the landmark to churn, or to ``observed_until`` for those still there.

    Churn is dated at the notice: at ``notice_at`` of the customers table where there is one, else
    ``notice_days`` before ``ended_at`` for those who left voluntarily. Customers under notice are no longer
    at risk, and nothing they answer counts. An end without ``end_kind`` counts as voluntary and is flagged;
    an end after the data cut has not happened. Answers given in exit surveys (by touchpoint or stage) are
    refused and flagged.

    Rows that break a rule and were set aside (``on_reject``) are not looked at, whole as they are: a ticket
    whose reply came after its resolution is missing from the count of tickets, too. ``flags`` say how many
    rows of each table that concerns. Segments have no history: they are taken as the data have them today,
    at every landmark.

    Parameters
    ----------
    study : Study
        Needs ``customers``; scores come from ``responses``.
    every : {"quarter", "month", "year"} or sequence of dates
        Starts of these periods in the study's time zone, or the dates themselves.
    horizon_days : float
        Days ahead that the rows will be asked about.
    window_days : float
        Greatest age of an answer in days.
    first, last : date, optional
        Range of the periods. By default from the first answer (without any, the first customer) to the data
        cut.
    stacked : bool
        By default landmarks lie a horizon apart (give or take three days for the calendar's uneven periods;
        periods between are passed over), so that a customer's rows share no outcome. True keeps all of them:
        more rows, with overlapping outcomes that standard errors must cluster.
    features : bool or sequence of str
        Whether to compute features besides the scores; or the tables whose features are wanted, such as
        ``["responses"]``: tables that are not named are then not read.
    keep_silent : bool
        Keep customers without any answer in the window, with NaN scores, for models in which silence counts.
        A study without responses keeps everybody.
    notice_days : float
        Assumed length of notice where ``notice_at`` is not known.
    outcome : str
        What is followed: ``"churn"``, or the first of these after the landmark, with which leaving competes.
        ``"expansion"``, ``"contraction"``: a level of MRR above or below that of the landmark (0 is leaving).
        ``"renewal"``: of those with a renewal due within the horizon; leaving is not renewing.
        ``"repurchase"``: the next order of those who bought before. ``"referral"``: an event of kind
        ``referral``, or of the kind behind a colon (``"referral:invited"``). ``"happy_again"``: the next top
        answer of those whose latest was unhappy, to NPS or to the question behind a colon
        (``"happy_again:csat"``). Customers who cannot have it are left out and counted.

    Returns
    -------
    Landmarks
        Rows sorted by landmark and customer, with ``excluded`` (every candidate, that is every customer at
        every landmark, is either a row or counted there once) and ``flags``, rows set aside among them.

    Raises
    ------
    ArgumentError
        If a date, a number or a choice makes no sense, or given dates lie closer than the horizon without
        ``stacked``.
    DataError
        If no row is left, with the reasons, or no customer was left at the data cut.
    StudyError
        If there are no customers, or a segment or instrument has the name of another column of the rows.

    References
    ----------
    van Houwelingen (2007), Dynamic prediction by landmarking in event history analysis,
    doi:10.1111/j.1467-9469.2006.00529.x

    Examples
    --------
    >>> from cxresearch.data.synthetic.one_survey import synthetic_study
    >>> marks = landmark(synthetic_study(customers=500), every=["2023-01-01"], horizon_days=365.25)
    >>> marks.n_rows, marks.features[:3]
    (500, ('tenure_days', 'ces_previous', 'nps_previous'))
    """
    import pandas as pd

    archive = _archive(study, features)
    asked = archive.has("responses") and bool(study.instruments)
    horizon_days = _days("horizon_days", check_number("horizon_days", horizon_days, above=0))
    window_days = _days("window_days", check_number("window_days", window_days, above=0))
    # Landmarks s < s' share no outcome if (s, s + h] and (s', s' + h] do not overlap: s' >= s + h.
    apart_days = horizon_days
    if stacked:
        apart_days = 0.0
    moments = _moments(archive, every, (first, last), apart_days)
    people = _people(archive, _days("notice_days", check_number("notice_days", notice_days, at_least=0)))
    asked_about, of = checked_outcome(study, outcome)
    if asked_about is CHURN:
        _refuse_only_leavers(people, study.observed_until)
    followed = [moment for moment in moments if moment < study.observed_until]
    parts, silent = [], []
    for moment in followed:
        happened = None
        if asked_about is not CHURN:
            happened = outcome_at(archive, moment, asked_about, of, horizon_days=horizon_days)
        rows, names = rows_at(
            Past(archive, moment),
            people,
            window_days=window_days,
            features=bool(features),
            outcome=asked_about,
            happened=happened,
        )
        not_eligible = rows["customer_id"].iloc[:0]
        if happened is not None:
            rows, not_eligible = split_not_eligible(rows)
        kept, left_out = split_silent(rows, keep=keep_silent)
        parts.append(kept)
        silent.append({asked_about.not_eligible: not_eligible, **left_out})
    excluded = _excluded(people, moments, study.observed_until, silent)
    if not sum(map(len, parts)):
        raise _no_rows(excluded, moments)
    instruments = {name: scale for name, scale in study.instruments.items() if asked}
    return Landmarks(
        frame=pd.concat(parts, ignore_index=True),
        instruments=instruments,
        horizon_days=horizon_days,
        window_days=window_days,
        every=every if isinstance(every, str) else "given dates",
        observed_until=study.observed_until,
        features=names,
        segments=study.segments,
        stacked=stacked,
        excluded=excluded,
        flags=leak_flags(
            archive,
            people,
            {moment: len(part) for moment, part in zip(followed, parts, strict=True)},
        ),
        name=study.name,
        outcome=outcome,
    )


def _archive(study: Study, features: bool | Sequence[str]) -> Archive:
    if not isinstance(study, Study):
        raise ArgumentError(
            f"study is a {type(study).__name__}",
            wanted="a Study",
            next_step="make one with cx.read_study or cx.Study.from_frames",
        )
    if "customers" not in study.tables:
        raise StudyError(
            "the study has no table customers, so nobody's start or end is known",
            wanted="table customers, besides " + ", ".join(study.tables),
            next_step="map it in the study file",
        )
    if isinstance(features, bool):
        return Archive(study)
    unknown = sorted({*features} - {*LAYOUTS})
    if unknown:
        raise ArgumentError(
            f"features names {listed(unknown)}", wanted=f"True, False or tables: {listed(LAYOUTS)}"
        )
    return Archive(study, {"customers", "responses", *features})


def _days(name: str, value: float) -> float:
    if value > _LONGEST_DAYS:
        raise ArgumentError(f"{name} is {value:g}", wanted=f"at most {_LONGEST_DAYS:,} days")
    return value


def _refuse_only_leavers(people: Frame, cut: datetime) -> None:
    """Refuse customers of whom none is left: a list of leavers says nothing about who stays."""
    left = _one(nw.col("ended_at") <= cut).sum()
    found = collect(people.select(all=nw.len(), left=left)).iloc[0].fillna(0)
    if found["all"] and found["all"] == found["left"]:
        raise DataError(
            f"everyone churned: all {int(found['all']):,} customers had ended by the data cut",
            where="table customers",
            wanted="customers who stayed, too",
            next_step="add those who are still there: a list of leavers cannot tell who stays",
        )


def _moments(
    archive: Archive, every: str | Sequence[Day], span: tuple[Day | None, Day | None], apart_days: float
) -> tuple[datetime, ...]:
    study, (first, last) = archive.study, span
    zone = study.timezone
    if not isinstance(every, str):
        return given_landmarks(every, timezone=zone, apart_days=apart_days)
    check_choice("every", every, ("month", "quarter", "year"))
    # Before the first answer no score is known, so that a landmark would hold nothing but silence.
    start = archive.times.get("responses", (None, None))[0] or archive.times["customers"][0]
    if first is not None:
        start = as_instant("first", first, zone)
    end = study.observed_until - timedelta(microseconds=1)
    if last is not None:
        end = as_instant("last", last, zone)
    if start is None:
        raise DataError("no customer has started_at", where="table customers", wanted="at least one customer")
    found = calendar_landmarks(every, start, end, timezone=zone, apart_days=apart_days)
    if not found:
        raise DataError(
            f"no {every} begins between {start:%Y-%m-%d} and {end:%Y-%m-%d}",
            wanted="at least one landmark before the data cut",
            next_step="give the dates in every=, or change first and last",
        )
    return found


def _people(archive: Archive, notice_days: float) -> Frame:
    """Return customers with ``churned_at`` (at notice), ``churn_kind`` and ``ended_at``, if they left."""
    rows = archive.table("customers")
    columns = rows.collect_schema().names()
    end = nw.col("ended_at")
    if "ended_at" not in columns:  # nobody has left: a missing time of the right type on every engine
        rows = rows.with_columns(ended_at=nw.when(nw.col("started_at").is_null()).then(nw.col("started_at")))
    forced: nw.Expr = nw.lit(False)
    if "end_kind" in columns:
        forced = nw.col("end_kind") == "involuntary"
    rows = rows.with_columns(churn_kind=nw.when(forced).then(nw.lit(2)).otherwise(nw.lit(1)))
    voluntary = nw.col("churn_kind") == 1
    # Whoever gave notice has decided: churn is dated at notice, known or assumed notice_days before.
    churned = end
    if notice_days:
        churned = nw.when(voluntary).then(end - timedelta(days=notice_days)).otherwise(end)
    if "notice_at" in columns:
        notice = nw.col("notice_at")
        earlier = ~notice.is_null() & (end.is_null() | (notice < end))
        churned = (
            nw.when(earlier).then(notice).otherwise(nw.when(notice.is_null()).then(churned).otherwise(end))
        )
    kept = [name for name in ("end_kind", *archive.study.segments) if name in columns]
    return rows.with_columns(churned_at=churned).select(
        "customer_id", "started_at", "ended_at", "churned_at", "churn_kind", *kept
    )


def _excluded(
    people: Frame, moments: Sequence[datetime], cut: datetime, silent: Sequence[Silent]
) -> pd.DataFrame:
    """Count candidates left out, each under its first reason, and the customers among them."""
    import pandas as pd

    followed = [moment for moment in moments if moment < cut]
    everybody = int(collect(people.select(n=nw.len()))["n"].iloc[0])
    late = len(moments) - len(followed)
    # Candidates are customers times landmarks; each is a row or counted once, under its first reason.
    counts = [(AFTER_CUT, late * everybody, min(late, 1) * everybody)]
    if followed:
        counts += _out_by_reason(people, followed)
    for reason in dict.fromkeys(reason for of_moment in silent for reason in of_moment):
        ids = [of_moment[reason] for of_moment in silent if reason in of_moment]
        customers = len(set().union(*map(set, ids)))
        counts.append((reason, sum(map(len, ids)), customers))
    table = pd.DataFrame(counts, columns=["reason", "rows", "customers"])
    return table[table["rows"] > 0].reset_index(drop=True)


def _out_by_reason(people: Frame, followed: Sequence[datetime]) -> list[tuple[str, int, int]]:
    """For each reason, candidates left out over all landmarks and different customers, from one pass."""
    sums: dict[str, nw.Expr] = {}
    for number, reason in enumerate((NOT_YET, LEFT, NOTICE)):
        out = [_out_at(moment, reason) for moment in followed]
        sums |= {f"out_{number}_{k}": _one(is_out).sum() for k, is_out in enumerate(out)}
        sums[f"ever_{number}"] = _one(nw.any_horizontal(*out, ignore_nulls=True)).sum()
    row = collect(people.select(**sums)).iloc[0].fillna(0)
    counts = []
    for number, reason in enumerate((NOT_YET, LEFT, NOTICE)):
        rows = sum(int(row[f"out_{number}_{k}"]) for k in range(len(followed)))
        counts.append((reason, rows, int(row[f"ever_{number}"])))
    return counts


def _out_at(moment: datetime, reason: str) -> nw.Expr:
    started, ended, churned = nw.col("started_at"), nw.col("ended_at"), nw.col("churned_at")
    if reason == NOT_YET:
        return started > moment
    if reason == LEFT:
        return (started <= moment) & (ended <= moment)
    return (started <= moment) & (ended.is_null() | (ended > moment)) & (churned <= moment)


def _one(condition: nw.Expr) -> nw.Expr:
    return nw.when(condition).then(nw.lit(1)).otherwise(nw.lit(0))


def _no_rows(excluded: pd.DataFrame, moments: Sequence[datetime]) -> DataError:
    reasons = "; ".join(f"{row.reason}: {row.rows:,}" for row in excluded.itertuples())
    why = ", the customers table is empty"
    if reasons:
        why = f" ({reasons})"
    span = f"{len(moments)} landmarks, {moments[0]:%Y-%m-%d} to {moments[-1]:%Y-%m-%d}"
    return DataError(
        f"no customer is left at any landmark{why}",
        where=span,
        wanted="active customers with an answer in the window",
        next_step="widen window_days, move the landmarks, or keep_silent=True for models without scores",
    )
