"""Flags of landmark rows: signs that a score may know what it is meant to predict, and rows not looked at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple
from zoneinfo import ZoneInfo

import narwhals as nw

from cxresearch.data.engine import collect, days_between
from cxresearch.data.landmarks.known_by_then import Archive
from cxresearch.units_of_time import DAYS_A_YEAR

if TYPE_CHECKING:
    import pandas as pd

Frame = nw.LazyFrame[Any]

#: An alarm about timing rests on at least so many answers or ends.
_ENOUGH = 20
#: Answers in the 30 days before churn are this many times as dense as in the 150 days before those.
_CLUSTERED = 3.0
#: Share of voluntary ends within three days of an anniversary of the start; by chance it is 2 %.
_ANNIVERSARY_SHARE = 0.15
#: A table that has been quiet for longer than this before the last landmark counts as ended.
_QUIET_DAYS = 45

_STEADY_TABLES = ("tickets", "usage", "orders")
_FEATURE_TABLES = ("responses", "revenue", *_STEADY_TABLES)


class _Flag(NamedTuple):
    flag: str
    rows: int
    detail: str


def leak_flags(archive: Archive, people: Frame, landmarks: Mapping[datetime, int]) -> pd.DataFrame:
    """Return the alarms of a study, for a person to judge, and how many rows of each table were set aside.

    Parameters
    ----------
    archive : Archive
        All tables.
    people : LazyFrame
        ``customer_id, started_at, ended_at, churned_at, churn_kind`` and, if given, ``end_kind``.
    landmarks : Mapping of datetime to int
        Rows kept at each landmark.

    Returns
    -------
    DataFrame
        Columns ``flag, rows, detail``. ``rows`` counts answers, customers or rows, as the detail
        says.
    """
    import pandas as pd

    asked: list[_Flag] = []
    if archive.has("responses"):
        asked = [*_answers(archive, people), *_clustered(archive, people)]
    flags = [
        *asked,
        *_ends(archive, people),
        *_gaps(archive, landmarks),
        *_ticket_close(archive, landmarks),
        *_set_aside(archive),
    ]
    return pd.DataFrame(flags, columns=["flag", "rows", "detail"])


def _count(condition: nw.Expr) -> nw.Expr:
    return nw.when(condition).then(nw.lit(1)).otherwise(nw.lit(0)).sum()


def _answers(archive: Archive, people: Frame) -> Iterator[_Flag]:
    """Answers that no landmark may use, and those that share an instant."""
    at, churned = nw.col("responded_at"), nw.col("churned_at")
    scored = archive.table("responses").filter(~nw.col("score").is_null())
    rows = scored.join(people.select("customer_id", "churned_at", "ended_at"), on="customer_id", how="inner")
    after = at > churned
    late = rows.select(
        notice=_count(after & (nw.col("ended_at").is_null() | (at <= nw.col("ended_at")))),
        end=_count(at > nw.col("ended_at")),
    )
    under_notice, after_end = (int(value) for value in collect(late).iloc[0].fillna(0))
    if under_notice:
        yield _Flag(
            "answers after notice", under_notice, f"{under_notice:,} answers given after notice; not used"
        )
    if after_end:
        yield _Flag(
            "answers after the end", after_end, f"{after_end:,} answers given after the end; not used"
        )
    at_exit = archive.asked_at_exit()
    if at_exit is not None:
        asked = int(collect(scored.select(n=_count(at_exit))).iloc[0].fillna(0)["n"])
        if asked:
            yield _Flag(
                "exit surveys", asked, f"{asked:,} answers asked of people leaving; refused as scores"
            )
    keys = ["customer_id", "instrument", "responded_at"]
    # Answers of one instant have no order; `scores` then takes the unhappiest.
    groups = scored.group_by(keys).agg(n=nw.len()).filter(nw.col("n") > 1).select(nw.col("n").sum())
    tied = collect(groups).iloc[0].fillna(0)["n"]
    if tied:
        yield _Flag(
            "answers at the same instant",
            int(tied),
            f"{int(tied):,} answers share one instant; the unhappiest counts",
        )


def _clustered(archive: Archive, people: Frame) -> Iterator[_Flag]:
    """The last survey before churn: answers crowd into the month before people leave."""
    churned = nw.col("churned_at")
    leavers = people.filter(~churned.is_null() & (churned <= archive.study.observed_until)).with_columns(
        _tenure=days_between(nw.col("started_at"), churned)
    )
    # Days at risk in each span: a leaver who stayed t days was watched min(t, 30) of the last 30 of them.
    exposure = collect(
        leavers.select(
            near=nw.min_horizontal(nw.col("_tenure"), nw.lit(30.0)).sum(),
            far=nw.min_horizontal(
                nw.max_horizontal(nw.col("_tenure") - 30, nw.lit(0.0)), nw.lit(150.0)
            ).sum(),
        )
    ).iloc[0]
    scored = archive.table("responses").filter(~nw.col("score").is_null())
    gaps = scored.join(
        leavers.select("customer_id", "churned_at"), on="customer_id", how="inner"
    ).with_columns(_gap=days_between(nw.col("responded_at"), churned))
    gap = nw.col("_gap")
    # Half-open spans, so that an answer is in one of them.
    near, far = (gap >= 0) & (gap < 30), (gap >= 30) & (gap < 180)
    marked = gaps.with_columns(near=_one(near), far=_one(far))
    found = collect(marked.group_by("instrument").agg(nw.col("near").sum(), nw.col("far").sum()))
    for name, near, far in sorted(found[["instrument", "near", "far"]].itertuples(index=False)):
        if near < _ENOUGH or not exposure["near"] > 0:
            continue
        # Answers a day at risk; one answer at least before, so that the ratio is finite.
        rate = near / exposure["near"]
        before = max(far, 1) / max(exposure["far"], 1)
        if rate > _CLUSTERED * before:
            yield _Flag(
                "answers crowd before churn",
                int(near),
                f"{near:,} {name} answers in the 30 days before churn, {rate / before:.1f} "
                "times the rate of the 150 days before: is the survey sent to people about to leave?",
            )


def _one(condition: nw.Expr) -> nw.Expr:
    return nw.when(condition).then(nw.lit(1)).otherwise(nw.lit(0))


def _ends(archive: Archive, people: Frame) -> Iterator[_Flag]:
    """Ends of unknown kind; ends at contract anniversaries where nobody wrote down the notice."""
    ended = ~nw.col("churned_at").is_null() & (nw.col("churned_at") <= archive.study.observed_until)
    leavers = people.filter(ended)
    columns = people.collect_schema().names()
    is_over = nw.col("ended_at") <= archive.study.observed_until
    undeclared = is_over
    if "end_kind" in columns:
        undeclared = is_over & nw.col("end_kind").is_null()
    unknown = _count(undeclared)
    # Days from the nearest anniversary: |t - round(t)|, t in years; by chance within 3 days in 7 / 365 = 2 %.
    years = days_between(nw.col("started_at"), nw.col("ended_at")) / DAYS_A_YEAR
    off = (years - years.round(0)).abs() * DAYS_A_YEAR
    chosen = (nw.col("churn_kind") == 1) & (nw.col("churned_at") == nw.col("ended_at"))
    counts = collect(
        leavers.select(
            unknown=unknown,
            voluntary=_count(chosen),
            anniversary=_count(chosen & (off <= 3) & (years > 0.5)),
        )
    )
    no_kind, voluntary, anniversary = (int(value) for value in counts.iloc[0].fillna(0))
    if no_kind:
        yield _Flag(
            "end of unknown kind", no_kind, f"{no_kind:,} ends without end_kind; counted as voluntary"
        )
    if anniversary < _ENOUGH or anniversary < _ANNIVERSARY_SHARE * voluntary:
        return
    yield _Flag(
        "churn dated at contract end",
        anniversary,
        f"{anniversary / voluntary:.0%} of voluntary ends without notice fall on an anniversary of the start "
        "(chance: 2 %): the decision came earlier; give customers.notice_at or notice_days",
    )


def _gaps(archive: Archive, landmarks: Mapping[datetime, int]) -> Iterator[_Flag]:
    """Tables that begin after the first landmark or stop before the last."""
    for table, (first, last) in archive.times.items():
        if table not in _FEATURE_TABLES:
            continue
        if first is None or last is None:
            yield _Flag("empty table", 0, f"{table} has no row with a time")
            continue
        early = [moment for moment in landmarks if moment < first]
        if early:
            n = sum(landmarks[moment] for moment in early)
            yield _Flag(
                "table begins late", n, f"{table} begins {first:%Y-%m-%d}, after {len(early)} landmarks"
            )
        quiet = timedelta(days=_QUIET_DAYS)
        late = [moment for moment in landmarks if moment > last + quiet]
        if late and table in _STEADY_TABLES:
            n = sum(landmarks[moment] for moment in late)
            yield _Flag(
                "table stops early", n, f"{table} stops {last:%Y-%m-%d}, before {len(late)} landmarks"
            )


def _ticket_close(archive: Archive, landmarks: Mapping[datetime, int]) -> Iterator[_Flag]:
    """Landmarks placed at the instant a ticket was closed; midnights are no sign of it."""
    zone = ZoneInfo(archive.study.timezone)
    local = {moment: moment.replace(tzinfo=UTC).astimezone(zone).time() for moment in landmarks}
    timed = [moment for moment, clock in local.items() if clock != time()]
    if not timed or not archive.has("tickets", "resolved_at"):
        return
    closed = archive.table("tickets").filter(nw.col("resolved_at").is_in(timed))
    found = collect(closed.select(n=nw.len()))["n"].iloc[0]
    if found:
        yield _Flag(
            "landmark at a ticket's close",
            int(found),
            f"{int(found):,} tickets were closed at the very instant of a landmark: the outcome of the "
            "ticket chose the day; use calendar dates",
        )


def _set_aside(archive: Archive) -> Iterator[_Flag]:
    """Rows that broke a rule: a ticket with an impossible reply is not counted as a ticket."""
    for name in archive.tables:
        summary = archive.study.summary(name)
        rows = summary.set_aside
        if rows:
            rules: dict[str, int] = {}
            for code, broken in summary.rejected.items():
                rule = code.partition(":")[0].replace("_", " ")
                rules[rule] = rules.get(rule, 0) + broken
            why = ", ".join(f"{rule} {broken:,}" for rule, broken in rules.items())
            lost = {"customers": "no candidates"}.get(name, "missing from scores, counts and other features")
            yield _Flag(
                f"{name} set aside", rows, f"{rows:,} of {summary.rows:,} rows of {name} ({why}): {lost}"
            )
