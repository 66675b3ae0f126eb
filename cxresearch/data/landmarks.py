"""Customers at landmarks: the one place where scores are joined to what happened later."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

import narwhals as nw

from cxresearch.checks import check_choice, check_number
from cxresearch.data.engine import collect
from cxresearch.data.landmark_dates import Day, as_instant, calendar_landmarks, given_landmarks
from cxresearch.data.landmark_features import feature_parts, scores
from cxresearch.data.leaks import leak_flags
from cxresearch.data.past import Past, first_and_last_times, has
from cxresearch.data.study import Study
from cxresearch.errors import DataError
from cxresearch.results.landmarks import Landmarks

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Landmarks", "landmark"]

Frame = nw.LazyFrame[Any]
#: Ids of the customers left out at one landmark for want of an answer, by reason.
Silent = Mapping[str, "pd.Series[str]"]
Times = Mapping[str, tuple[datetime | None, datetime | None]]

AFTER_CUT = "landmark not before the data cut"
NOT_YET = "not yet a customer"
LEFT = "had left already"
NOTICE = "had given notice already"
NO_ANSWER = "no answer by then"
OLD_ANSWER = "last answer older than the window"


class _Plan(NamedTuple):
    """The arguments of `landmark`, checked."""

    every: str | Sequence[Day]
    first: Day | None
    last: Day | None
    stacked: bool
    horizon_days: float
    window_days: float
    keep_silent: bool
    features: bool


def landmark(
    study: Study,
    *,
    every: str | Sequence[Day] = "quarter",
    horizon_days: float = 180,
    window_days: float = 365,
    first: Day | None = None,
    last: Day | None = None,
    stacked: bool = False,
    features: bool = True,
    keep_silent: bool = False,
    notice_days: float = 0,
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
    features : bool
        Whether to compute features besides the scores.
    keep_silent : bool
        Keep customers without any answer in the window, with NaN scores, for models in which silence counts.
        A study without responses keeps everybody.
    notice_days : float
        Assumed length of notice where ``notice_at`` is not known.

    Returns
    -------
    Landmarks
        Rows sorted by landmark and customer, with ``excluded`` (every candidate, that is every customer at
        every landmark, is either a row or counted there once) and ``flags``.

    Raises
    ------
    ArgumentError
        If a date, a number or a choice makes no sense, or given dates lie closer than the horizon without
        ``stacked``.
    DataError
        If no row is left, with the reasons.

    References
    ----------
    van Houwelingen (2007), Dynamic prediction by landmarking in event history analysis,
    doi:10.1111/j.1467-9469.2006.00529.x

    Examples
    --------
    >>> from cxresearch.data.synthetic import synthetic_study
    >>> marks = landmark(synthetic_study(customers=500), every=["2023-01-01"], horizon_days=365.25)
    >>> marks.n_rows, marks.features[:3]
    (500, ('tenure_days', 'ces_previous', 'nps_previous'))
    """
    import pandas as pd

    plan = _Plan(
        every=every,
        first=first,
        last=last,
        stacked=stacked,
        horizon_days=check_number("horizon_days", horizon_days, above=0),
        window_days=check_number("window_days", window_days, above=0),
        keep_silent=keep_silent or not has(study, "responses") or not study.instruments,
        features=features,
    )
    times = first_and_last_times(study)
    moments = _moments(study, plan, times)
    people = _people(study, check_number("notice_days", notice_days, at_least=0))
    followed = [moment for moment in moments if moment < study.observed_until]
    begins = {table: ends[0] for table, ends in times.items()}
    parts, silent = [], []
    for moment in followed:
        rows, names = _rows_at(Past(study, moment, begins), study, people, plan)
        kept, left_out = _split_silent(rows, plan.keep_silent)
        parts.append(kept)
        silent.append(left_out)
    excluded = _excluded(people, moments, study.observed_until, silent)
    if not sum(map(len, parts)):
        raise _no_rows(excluded, moments)
    return Landmarks(
        frame=pd.concat(parts, ignore_index=True),
        instruments=dict(study.instruments) if has(study, "responses") else {},
        horizon_days=plan.horizon_days,
        window_days=plan.window_days,
        every=every if isinstance(every, str) else "given dates",
        observed_until=study.observed_until,
        features=names,
        segments=study.segments,
        stacked=stacked,
        excluded=excluded,
        flags=leak_flags(
            study,
            people,
            {moment: len(part) for moment, part in zip(followed, parts, strict=True)},
            times,
            notice_known=notice_days > 0 or has(study, "customers", "notice_at"),
        ),
        name=study.name,
    )


def _moments(study: Study, plan: _Plan, times: Times) -> tuple[datetime, ...]:
    zone, apart = study.timezone, 0.0 if plan.stacked else plan.horizon_days
    if not isinstance(plan.every, str):
        return given_landmarks(plan.every, timezone=zone, apart_days=apart)
    check_choice("every", plan.every, ("month", "quarter", "year"))
    start = times.get("responses", (None, None))[0] or times["customers"][0]
    if plan.first is not None:
        start = as_instant("first", plan.first, zone)
    end = study.observed_until - timedelta(microseconds=1)
    if plan.last is not None:
        end = as_instant("last", plan.last, zone)
    if start is None:
        raise DataError("no customer has started_at", where="table customers", wanted="at least one customer")
    found = calendar_landmarks(plan.every, start, end, timezone=zone, apart_days=apart)
    if not found:
        raise DataError(
            f"no {plan.every} begins between {start:%Y-%m-%d} and {end:%Y-%m-%d}",
            wanted="at least one landmark before the data cut",
            next_step="give the dates in every=, or change first and last",
        )
    return found


def _people(study: Study, notice_days: float) -> Frame:
    """Return customers with ``churned_at`` (at notice), ``churn_kind`` and ``ended_at``, if they left."""
    rows = study.table("customers")
    columns = rows.collect_schema().names()
    end = nw.col("ended_at")
    if "ended_at" not in columns:  # nobody has left: a missing time of the right type on every engine
        rows = rows.with_columns(ended_at=nw.when(nw.col("started_at").is_null()).then(nw.col("started_at")))
    forced = nw.col("end_kind") == "involuntary" if "end_kind" in columns else nw.lit(False)
    rows = rows.with_columns(churn_kind=nw.when(forced).then(nw.lit(2)).otherwise(nw.lit(1)))
    voluntary = nw.col("churn_kind") == 1
    churned = end
    if notice_days:
        churned = nw.when(voluntary).then(end - timedelta(days=notice_days)).otherwise(end)
    if "notice_at" in columns:
        notice = nw.col("notice_at")
        earlier = ~notice.is_null() & (end.is_null() | (notice < end))
        churned = (
            nw.when(earlier).then(notice).otherwise(nw.when(notice.is_null()).then(churned).otherwise(end))
        )
    kept = [name for name in ("end_kind", *study.segments) if name in columns]
    return rows.with_columns(churned_at=churned).select(
        "customer_id", "started_at", "ended_at", "churned_at", "churn_kind", *kept
    )


def _rows_at(past: Past, study: Study, people: Frame, plan: _Plan) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Return the customers at risk at one landmark, with scores, features and outcome."""
    churned, cut = nw.col("churned_at"), study.observed_until
    at_risk = (nw.col("started_at") <= past.at) & (churned.is_null() | (churned > past.at))
    left = ~churned.is_null() & (churned <= cut)
    rows = people.filter(at_risk).with_columns(
        landmark_at=nw.lit(past.at).cast(nw.Datetime("us")),
        duration_days=nw.when(left)
        .then(-past.age_days(churned))
        .otherwise(nw.lit((cut - past.at) / timedelta(days=1))),
        event=nw.when(left).then(nw.col("churn_kind")).otherwise(nw.lit(0)),
        tenure_days=past.age_days(nw.col("started_at")),
    )
    columns = _score_columns(study)
    answers = scores(past, study.instruments, features=plan.features) if columns else None
    parts = [*([answers] if answers else []), *(feature_parts(past) if plan.features else ())]
    names: list[str] = ["tenure_days"]
    zero: list[str] = []
    for part in parts:
        rows = rows.join(part.frame, on="customer_id", how="left")
        names += part.names
        zero += part.zero
    if answers:
        rows = _within_window(rows, study, plan.window_days)
    if zero:
        rows = rows.with_columns(nw.col(name).fill_null(0.0) for name in zero)
    changes = [name for name in study.instruments if f"{name}_previous" in names]
    if changes:
        change = [(nw.col(name) - nw.col(f"{name}_previous")).alias(f"{name}_change") for name in changes]
        rows = rows.with_columns(change)
        names += [f"{name}_change" for name in changes]
    columns = ["customer_id", "landmark_at", *columns, "duration_days", "event", *names, *study.segments]
    columns += ["_silence"] if answers else []
    return _fetch(rows.select(columns).sort("customer_id"), ["customer_id", *study.segments]), tuple(names)


def _score_columns(study: Study) -> list[str]:
    if not has(study, "responses"):
        return []
    return [column for name in study.instruments for column in (name, f"{name}_age_days")]


def _within_window(rows: Frame, study: Study, window_days: float) -> Frame:
    """Blank answers older than the window; ``_silence`` is 1 with only older ones, 2 with none, else 0."""
    ages = {name: nw.col(f"{name}_age_days") for name in study.instruments}
    fresh = nw.any_horizontal(*(age <= window_days for age in ages.values()), ignore_nulls=True)
    some = nw.any_horizontal(*(~age.is_null() for age in ages.values()), ignore_nulls=True)
    silence = nw.when(fresh).then(nw.lit(0)).otherwise(nw.when(some).then(nw.lit(1)).otherwise(nw.lit(2)))
    rows = rows.with_columns(_silence=silence)
    return rows.with_columns(
        nw.when(age <= window_days).then(nw.col(column)).alias(column)
        for name, age in ages.items()
        for column in (name, f"{name}_age_days")
    )


def _split_silent(rows: pd.DataFrame, keep_silent: bool) -> tuple[pd.DataFrame, Silent]:
    """Part the rows without an answer in the window: rows kept, and ids of the others by reason."""
    if "_silence" not in rows:
        return rows, {}
    silence = rows.pop("_silence").to_numpy()
    if keep_silent or not silence.any():
        return rows, {}
    ids = rows["customer_id"]
    return rows[silence == 0], {OLD_ANSWER: ids[silence == 1], NO_ANSWER: ids[silence == 2]}


def _fetch(rows: Frame, text: Sequence[str]) -> pd.DataFrame:
    """Run the engine and return pandas with Arrow strings, which a million customers need (see `collect`)."""
    import pandas as pd
    import pyarrow as pa

    kinds = {pa.string(): pd.StringDtype("pyarrow"), pa.large_string(): pd.StringDtype("pyarrow")}
    table = rows.collect("pyarrow").to_native()
    fetched: pd.DataFrame = table.to_pandas(types_mapper=kinds.get, split_blocks=True, self_destruct=True)
    numbers = [name for name in fetched.columns if name not in text and name != "landmark_at"]
    exact = dict.fromkeys(numbers, "float64") | {"event": "int8", "landmark_at": "datetime64[us]"}
    typed: pd.DataFrame = fetched.astype(exact)
    return typed


def _excluded(
    people: Frame, moments: Sequence[datetime], cut: datetime, silent: Sequence[Silent]
) -> pd.DataFrame:
    """Count candidates left out, each under its first reason, and the customers among them."""
    import pandas as pd

    followed = [moment for moment in moments if moment < cut]
    counts: dict[str, nw.Expr] = {"all": nw.len()}
    for reason in (NOT_YET, LEFT, NOTICE):
        out = [_out_at(moment, reason) for moment in followed]
        if out:
            counts |= {f"{reason} {k}": _one(is_out).sum() for k, is_out in enumerate(out)}
            counts[f"{reason} ever"] = _one(nw.any_horizontal(*out, ignore_nulls=True)).sum()
    found = collect(people.select(**counts)).iloc[0].fillna(0)
    late = len(moments) - len(followed)
    rows = [(AFTER_CUT, late * int(found["all"]), int(found["all"]) if late else 0)]
    for reason in (NOT_YET, LEFT, NOTICE) if followed else ():
        total = sum(int(found[f"{reason} {k}"]) for k in range(len(followed)))
        rows.append((reason, total, int(found[f"{reason} ever"])))
    for reason in (NO_ANSWER, OLD_ANSWER):
        who = [ids[reason] for ids in silent if reason in ids]
        total = sum(map(len, who))
        rows.append((reason, total, int(pd.concat(who).nunique()) if total else 0))
    table = pd.DataFrame(rows, columns=["reason", "rows", "customers"])
    return table[table["rows"] > 0].reset_index(drop=True)


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
    span = f"{len(moments)} landmarks, {moments[0]:%Y-%m-%d} to {moments[-1]:%Y-%m-%d}"
    return DataError(
        "no customer is left at any landmark"
        + (f" ({reasons})" if reasons else ", the customers table is empty"),
        where=span,
        wanted="active customers with an answer in the window",
        next_step="widen window_days, move the landmarks, or keep_silent=True for models without scores",
    )
