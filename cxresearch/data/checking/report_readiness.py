"""Which reports can run on a study, tried as far as they can be without computing them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import narwhals as nw
import pandas as pd

from cxresearch.data.engine import collect
from cxresearch.data.landmarks.landmark import landmark
from cxresearch.errors import CxError, StudyError
from cxresearch.units_of_time import DAYS_A_MONTH
from cxresearch.wording import listed, only_if

if TYPE_CHECKING:
    from cxresearch.data.study import Study

#: What the notebooks in notebooks/report ask for unless told otherwise.
_EVERY, _HORIZON_DAYS, _WINDOW_DAYS = "quarter", 180.0, 365.0
_USUAL_SCORES = ("ces", "nps", "csat")
_USUAL_OUTCOME = "nps"
_USUAL_DRIVERS = (
    *("csat", "ces", "first_reply_minutes_90d_mean", "resolution_days_90d_mean", "reopened_90d"),
    *("unresolved_tickets", "usage_30d", "tenure_days"),
)
#: Rows that key drivers want for each driver.
_ROWS_A_DRIVER = 10
#: A model wants 10 leavers and stayers to learn from (churn/classifier), and learns from three quarters of
#: the customers before the last quarter of the rows: 9 of 16, so that 18 are needed.
_LEAVERS_TO_LEARN, _LEAVERS_SURE = 18, 36
#: A forecast wants so many months (churn/outlook).
_LEAST_MONTHS = 6
#: Tables that a scorecard has metrics of.
_COUNTED = ("responses", "revenue", "tickets", "usage", "orders")
#: With more rows than this nothing is tried: it would cost more than the check.
_MOST_ROWS = 5_000_000


def report_readiness(study: Study) -> pd.DataFrame:
    """Say for each report this package brings whether it runs on a study with its usual settings.

    Parameters
    ----------
    study : Study
        Its tables are judged; customers are looked at on the days that reports look at them.

    Returns
    -------
    DataFrame
        ``report``, ``ready`` and ``missing``. Where a report is ready all the same, ``missing`` says what it
        cannot tell without.
    """
    lines = []
    for report, look in _REPORTS.items():
        needs, wishes = _looked_at(study, report, look)
        lines.append((report, not needs, "; ".join([*needs, *wishes])))
    return pd.DataFrame(lines, columns=["report", "ready", "missing"])


def refuse_unready(study: Study, report: str) -> None:
    """Refuse a report that cannot run on a study; reports of your own are not judged.

    Raises
    ------
    StudyError
        With what is missing.
    """
    if report not in _REPORTS:
        return
    needs, _ = _looked_at(study, report, _REPORTS[report])
    if needs:
        raise StudyError(
            f"the report {report} cannot run on this study: {'; '.join(needs)}",
            next_step="`cxresearch check` says of each report what is missing",
        )


Look = Callable[["Study"], Iterator[tuple[str, str]]]


def _looked_at(study: Study, report: str, look: Look) -> tuple[list[str], list[str]]:
    """What a report lacks, and what it cannot tell without."""
    if study.kind == "snapshot":
        return ["dates: who left is known, but not when"], []
    used = _USES.get(report, study.tables)
    refused = [name for name in study.tables if name in used and _is_refused(study, name)]
    if refused:
        return [f"table {name}, which is refused as it is" for name in refused], []
    said = list(look(study))
    needs = [text for kind, text in said if kind == "need"]
    return needs, [text for kind, text in said if kind == "wish"]


def _is_refused(study: Study, name: str) -> bool:
    try:
        study.table(name)
    except StudyError:
        return True
    return False


def _contest(study: Study) -> Iterator[tuple[str, str]]:
    """Two scores told apart by who left: customers with both answers, of whom some left and some stayed."""
    lacking = [*_absent(study, "customers"), *_absent(study, "responses"), *_ends(study)]
    answered = _answered(study)
    if not lacking and len(answered) < 2:
        lacking.append(f"answers to two instruments (there are answers to {len(answered)})")
    yield from (("need", text) for text in lacking)
    if lacking or _too_large(study):
        return
    rows, failure = _rows_on_days(study, features=False)
    if rows is None:
        yield "need", failure
        return
    seen = [name for name in answered if rows[name].notna().any()]
    usual = [name for name in _USUAL_SCORES if name in seen]
    names = seen
    if len(usual) > 1:
        names = usual
    # A contest is paired: rows with an answer to every contestant (headtohead/contest).
    complete = rows[list(names)].notna().all(axis=1)
    if len(names) < 2 or not complete.any():
        yield "need", f"customers with answers to two of {listed(answered)} within {_WINDOW_DAYS:.0f} days"
        return
    for name in names:
        if rows.loc[complete, name].nunique() < 2:
            yield "need", f"answers to {name} that differ"
    yield from _sides(rows[complete], 1, "answers to both")


def _answered(study: Study) -> list[str]:
    if "responses" not in study.tables:
        return []
    given = study.checked.valid("responses").filter(~nw.col("score").is_null())
    names = set(collect(given.select("instrument").unique())["instrument"])
    return [name for name in study.instruments if name in names]


def _unhappy(study: Study) -> Iterator[tuple[str, str]]:
    """Answers suffice: each further table answers more."""
    if not _answered(study):
        yield "need", "an answer to a declared question"


def _journey(study: Study) -> Iterator[tuple[str, str]]:
    """Stages are declared, and somebody entered one; without answers and tickets there is no more to tell."""
    yield from (("need", text) for text in _absent(study, "customers"))
    if study.journey is None or len(study.journey.stages) < 2:
        yield "need", "stages: [journey] stages = [...] in the study file (or name them: --set stages=...)"
        return
    if not study.journey.entered and "events" not in study.tables:
        yield "need", "table events, or [journey.entered] in the study file: who entered which stage"
    if not _answered(study):
        yield "wish", "answers to a declared question: scores by stage"


def _one_score(study: Study) -> Iterator[tuple[str, str]]:
    """One score against chance: customers asked, of whom some left and some stayed."""
    lacking = [*_absent(study, "customers"), *_absent(study, "responses"), *_ends(study)]
    if not lacking and not _answered(study):
        lacking.append("an answer to a declared question")
    yield from (("need", text) for text in lacking)
    if lacking or _too_large(study):
        return
    rows, failure = _rows_on_days(study, features=["responses"])
    if rows is None:
        yield "need", failure
        return
    seen = [name for name in ("nps", *_answered(study)) if name in rows and rows[name].notna().any()]
    if not seen:
        yield "need", f"answers within {_WINDOW_DAYS:.0f} days before these days"
    elif rows[seen[0]].nunique() < 2:
        yield "need", f"answers to {seen[0]} that differ"
    yield from _sides(rows, 1, "customers on these days")


def _curves(study: Study) -> Iterator[tuple[str, str]]:
    """Curves can be drawn of leavers or stayers alone; a wish says what they cannot tell then."""
    lacking = [*_absent(study, "customers"), *_end_column(study)]
    yield from (("need", text) for text in lacking)
    if lacking:
        return
    one_sided = _one_sided(study)
    if "nobody" in one_sided:
        yield "wish", f"{one_sided}: the curve is flat, and says nothing about later"
    elif one_sided:
        yield "wish", f"{one_sided}: the curve is of leavers alone, and says nothing about who stays"


def _outlook(study: Study) -> Iterator[tuple[str, str]]:
    """A forecast wants months of customers, somebody who is left, and ends; revenue and answers add to it."""
    lacking = [*_absent(study, "customers"), *_end_column(study)]
    yield from (("need", text) for text in lacking)
    if lacking:
        return
    first = collect(study.checked.valid("customers").select(nw.col("started_at").min()))["started_at"].iloc[0]
    months = (pd.Timestamp(study.observed_until) - first).days / DAYS_A_MONTH
    if months < _LEAST_MONTHS:
        yield "need", f"{_LEAST_MONTHS} months of customers (there are {max(months, 0):.0f})"
    one_sided = _one_sided(study)
    if "everybody" in one_sided:
        yield "need", one_sided
    elif one_sided:
        yield "wish", f"{one_sided}: nobody is forecast to leave, save by chance"
    for name, loss in (("revenue", "recurring revenue ahead"), ("responses", "the unhappy")):
        yield from (("wish", f"{text}: nothing is said of {loss}") for text in _absent(study, name))


def _risk(study: Study) -> Iterator[tuple[str, str]]:
    """A model wants customers who left and stayed within the horizon, and something to learn from."""
    lacking = [*_absent(study, "customers"), *_ends(study)]
    yield from (("need", text) for text in lacking)
    if lacking or _too_large(study):
        return
    rows, failure = _rows_on_days(study, features=False, stacked=True, keep_silent=True)
    if rows is None:
        yield "need", failure
        return
    yield from _sides(rows, _LEAVERS_TO_LEARN, "landmarks", sure=_LEAVERS_SURE)


def _drivers(study: Study) -> Iterator[tuple[str, str]]:
    """What goes with a score: rows in which it and two drivers or more are known."""
    lacking = [*_absent(study, "customers"), *_absent(study, "responses")]
    if not lacking and _USUAL_OUTCOME not in _answered(study):
        lacking.append(f"answers to {_USUAL_OUTCOME} (or name another: --set outcome=...)")
    yield from (("need", text) for text in lacking)
    if lacking or _too_large(study):
        return
    rows, failure = _rows_on_days(study, features=True)
    if rows is None:
        yield "need", failure
        return
    recorded = rows.dropna(axis="columns", how="all").columns
    drivers = [name for name in _USUAL_DRIVERS if name in recorded]
    if len(drivers) < 2:
        yield "need", f"two drivers ({listed(drivers) or 'none'} recorded): other questions, tickets or usage"
        return
    complete = rows[[_USUAL_OUTCOME, *drivers]].dropna()
    wanted = _ROWS_A_DRIVER * len(drivers)
    if len(complete) < wanted:
        yield (
            "need",
            f"{wanted} rows with {_USUAL_OUTCOME} and {listed(drivers)} (there are {len(complete)}; or name "
            "fewer: --set drivers=...)",
        )
        return
    constant = [name for name in complete.columns if complete[name].nunique() < 2]
    if constant:
        yield "need", f"values of {listed(constant)} that differ"


def _scorecard(study: Study) -> Iterator[tuple[str, str]]:
    """A scorecard counts whatever there is to count; without revenue also who left."""
    counted = any(name in study.tables and study.summary(name).valid for name in _COUNTED)
    leavers = "revenue" not in study.tables and not [*_absent(study, "customers"), *_end_column(study)]
    if not counted and not leavers:
        yield "need", f"one of {', '.join(_COUNTED)}, or column ended_at of customers"


def _rows_on_days(
    study: Study, *, features: bool | Sequence[str], stacked: bool = False, keep_silent: bool = True
) -> tuple[pd.DataFrame | None, str]:
    """Customers on the days at which reports look at them, or why there are none."""
    try:
        marks = landmark(
            study,
            every=_EVERY,
            horizon_days=_HORIZON_DAYS,
            window_days=_WINDOW_DAYS,
            stacked=stacked,
            features=features,
            keep_silent=keep_silent,
        )
    except CxError as error:
        return None, error.problem
    return marks.frame, ""


def _sides(
    rows: pd.DataFrame, least: int, among: str, *, sure: int | None = None
) -> Iterator[tuple[str, str]]:
    """Whether enough left within the horizon, and enough were followed past it."""
    # Leavers within h days; stayers are those followed past h, not those censored before it.
    left = int(((rows["event"] == 1) & (rows["duration_days"] <= _HORIZON_DAYS)).sum())
    stayed = int((rows["duration_days"] > _HORIZON_DAYS).sum())
    count = f"of {len(rows):,} {among}, {left:,} left within {_HORIZON_DAYS:.0f} days, {stayed:,} stayed on"
    if min(left, stayed) < least:
        yield "need", f"{count}: at least {least} of each"
    elif sure is not None and min(left, stayed) < sure:
        yield "wish", f"{count}: perhaps too few to learn from"


def _too_large(study: Study) -> bool:
    return any(study.summary(name).rows > _MOST_ROWS for name in study.tables)


def _absent(study: Study, name: str) -> list[str]:
    if name in study.tables and study.summary(name).valid:
        return []
    return [f"table {name}"]


def _end_column(study: Study) -> list[str]:
    absent = "customers" in study.tables and "ended_at" not in study.checked.columns("customers")
    return list(filter(None, [only_if(absent, "column ended_at of customers")]))


def _ends(study: Study) -> list[str]:
    """What a report lacks that compares leavers with stayers."""
    lacking = _end_column(study)
    if lacking or "customers" not in study.tables:
        return lacking
    return list(filter(None, [_one_sided(study)]))


def _one_sided(study: Study) -> str:
    """Say what is missing where nobody or everybody had ended by the data cut."""
    over = nw.when(nw.col("ended_at") <= nw.lit(study.observed_until)).then(nw.lit(1)).otherwise(nw.lit(0))
    ended = collect(study.checked.valid("customers").select(ended_at=over.sum())).fillna(0)
    count = int(ended["ended_at"].iloc[0])
    if count == 0:
        return "a customer who ended (nobody did)"
    if count == study.summary("customers").valid:
        return "a customer who stayed (everybody ended)"
    return ""


_REPORTS: dict[str, Look] = {
    "ces-vs-nps": _contest,
    "unhappy": _unhappy,
    "journey": _journey,
    "score-vs-churn": _one_score,
    "scorecard": _scorecard,
    "churn-curves": _curves,
    "churn-risk": _risk,
    "drivers": _drivers,
    "outlook": _outlook,
}
#: Tables that a report reads; the others read all there are.
_USES: dict[str, tuple[str, ...]] = {
    "churn-curves": ("customers",),
    "score-vs-churn": ("customers", "responses"),
    "outlook": ("customers", "revenue"),
}
