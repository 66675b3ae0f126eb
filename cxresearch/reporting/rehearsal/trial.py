"""What of a report can be tried before it runs: needs, names in parameters, its first computation."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cxresearch.data.checking.check_study import check_study
from cxresearch.errors import ArgumentError, CxError
from cxresearch.wording import listed

if TYPE_CHECKING:
    from cxresearch.data.landmarks.landmarks import Landmarks
    from cxresearch.data.study import Study

Values = Mapping[str, Any]


def needs_of(report: str, study: Study) -> Iterator[str]:
    """Yield what `cxresearch check` says that a report lacks; nothing for a notebook of the user's own."""
    for row in check_study(study).reports.to_dict("records"):
        if row["report"] == report and not row["ready"]:
            yield f"the study lacks what {report} needs: {row['missing']}"


def unknown_names(study: Study, values: Values) -> Iterator[str]:
    """Yield parameters that name what the study does not have: a segment, a question, a metric."""
    by = values.get("by")
    customers: list[str] = []
    if "customers" in study.tables:
        customers = study.checked.columns("customers")
    if by and by not in customers and not _of_any_table(study, str(by)):
        yield f"by={by}: no table has such a column; segments are {listed(study.segments) or 'none'}"
    asked = [values.get("score"), *values.get("contestants", []), *values.get("primary", [])]
    unknown = [name for name in asked if name and name not in study.instruments]
    if unknown:
        yield f"unknown instrument {listed(unknown)}: there is {listed(study.instruments) or 'none'}"
    wished = [*values.get("metrics", []), *values.get("featured", [])]
    yield from _unknown_metrics(study, wished)


def _of_any_table(study: Study, column: str) -> bool:
    return any(column in study.checked.columns(name) for name in study.tables)


def _unknown_metrics(study: Study, names: list[str]) -> Iterator[str]:
    from cxresearch.metrics.tables.registry import find_metric

    for name in names:
        try:
            find_metric(study, name)
        except CxError as error:
            yield str(error)


def tried(report: str, study: Study, values: Values, base: Path) -> str:
    """Make the first computation of a report and say what came of it; empty for a notebook of the user's own.

    Raises
    ------
    CxError
        As the report would.
    """
    if values.get("protocol"):
        from cxresearch.headtohead.contest.protocol import read_protocol

        plan = read_protocol(base / values["protocol"])
        values = {**values, "contestants": list(plan.scores), "every": plan.every}
        values["horizon_days"] = plan.horizon_days[0]
    attempt = _ATTEMPTS.get(report)
    if attempt is None:
        return ""
    return attempt(study, values)


def _marks(study: Study, values: Values, *, features: bool | list[str], **more: Any) -> Landmarks:
    from cxresearch.data.landmarks.landmark import landmark

    return landmark(
        study,
        every=values["every"],
        horizon_days=values["horizon_days"],
        window_days=values["window_days"],
        features=features,
        **more,
    )


def _contest(study: Study, values: Values) -> str:
    from cxresearch.headtohead.contest.contest import compare
    from cxresearch.headtohead.contest.contest_rows import answered_scores

    marks = _marks(study, values, features=["responses"], keep_silent=True)
    scores = values["contestants"] or answered_scores(marks)
    if len(scores) < 2:  # the refusal then names the question that nobody answered
        scores = tuple(marks.instruments)
    contest = compare(marks, scores, metrics=())
    return f"{contest.n:,} rows answered all of {', '.join(scores)}, {contest.n_cases:,} leavers"


def _one_score(study: Study, values: Values) -> str:
    from cxresearch.headtohead.one_score.score_vs_churn import score_vs_churn
    from cxresearch.reporting.captions import score_to_judge

    marks = _marks(study, values, features=["responses"], keep_silent=True)
    verdict = score_vs_churn(marks, score_to_judge(marks, values["score"]))
    return f"{verdict.n:,} rows with an answer to {verdict.label}, {verdict.n_cases:,} leavers"


def _curves(study: Study, values: Values) -> str:
    from cxresearch.churn.curves.churn_curve import churn_curve

    curve = churn_curve(study, kind=values["kind"], observed_from=values["observed_from"] or None)
    return f"a curve of {curve.n:,} customers"


def _risk(study: Study, values: Values) -> str:
    from cxresearch.churn.classifier.training_rows import (
        choose_split,
        followed_through,
        outcome_rows,
        require_both_sides,
        trained_on,
    )

    marks = _marks(study, values, features=["responses"], stacked=True, keep_silent=True)
    split = choose_split(marks, test_share=0.3, seed=values["seed"])
    frame = marks.frame[trained_on(split, marks.frame, marks.horizon_days) & followed_through(marks)]
    rows = outcome_rows(frame, numbers=[], categories=[], kind="voluntary", horizon=float(marks.horizon_days))
    require_both_sides(rows, "training rows")
    return f"{len(frame):,} rows to train on, {int(rows.left.sum()):,} leavers among them"


def _drivers(study: Study, values: Values) -> str:
    marks = _marks(study, values, features=True)
    asked = [values["outcome"], *values["drivers"]]
    lost = [name for name in asked if name not in marks.frame.columns]
    if lost:
        raise ArgumentError(f"no column {listed(lost)}", wanted="scores and features of customers on a day")
    known = int(marks.frame[asked].notna().all(axis=1).sum())
    return f"{known:,} rows with {', '.join(asked)}"


_ATTEMPTS: Mapping[str, Callable[[Study, Values], str]] = {
    "ces-vs-nps": _contest,
    "score-vs-churn": _one_score,
    "churn-curves": _curves,
    "churn-risk": _risk,
    "drivers": _drivers,
}
