"""Hazard of churn by scores that change over time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.special import chdtrc

from cxresearch.checks import check_choice, check_level, check_number
from cxresearch.churn.churn_kinds import Kind, check_kind, of_kind
from cxresearch.churn.hazards.hazard_design import Design, as_text, design_of
from cxresearch.churn.hazards.hazard_model_result import HazardModel
from cxresearch.churn.hazards.score_intervals import ScoreIntervals, score_intervals
from cxresearch.data.landmarks.landmarks import Landmarks
from cxresearch.data.study import Study
from cxresearch.errors import ArgumentError, DataError
from cxresearch.scales import Scale
from cxresearch.stats.hazards.cox import cox_data, fit_of
from cxresearch.stats.hazards.cox_fit import CoxFit
from cxresearch.stats.hazards.proportional_hazards import TRANSFORMS, proportionality_test
from cxresearch.stats.intervals.normal_quantile import normal_quantile

if TYPE_CHECKING:
    pass


def hazard_model(  # noqa: PLR0913 - each option is one the reader of the result must know
    source: Study | Landmarks,
    *,
    scores: Sequence[str],
    controls: Sequence[str] = (),
    strata: Sequence[str] = (),
    splines: Sequence[str] = (),
    kind: Kind = "any",
    lag_days: float = 0,
    transform: str = "km",
    level: float = 0.95,
) -> HazardModel:
    """Cox regression of churn on scores.

    From a study, scores change over time: each counts from its answer on, until the next answer of the same
    instrument, on the customer's own tenure. From landmarks, scores stand still: time counts from the
    landmark, each landmark date has a baseline hazard of its own, and nobody is followed beyond the horizon.

    Parameters
    ----------
    source : Study or Landmarks
        Where to learn from. Rows without all the scores are left out and counted.
    scores : sequence of str
        Instruments; coefficients are per point of the raw answer.
    controls : sequence of str
        Columns to hold constant: segments become categories against the most common one, numbers (features
        of landmarks) stay numbers.
    strata : sequence of str
        Columns whose groups get a baseline hazard each.
    splines : sequence of str
        Scores (or numeric controls) whose effect may bend: restricted cubic splines with four knots, three
        where few answers are given.
    kind : {"any", "voluntary", "involuntary"}
        What counts as churn; ``"any"`` unless asked otherwise, as everywhere. With one kind the other is
        censoring: these are cause-specific hazards, and ``"voluntary"`` is the one that scores explain.
    lag_days : float
        For a study: days after an answer before it counts.
    transform : {"km", "rank", "log", "identity"}
        Scale of time of the test of proportional hazards.
    level : float
        Confidence level.

    Returns
    -------
    HazardModel
        Errors are robust by customer.

    Raises
    ------
    ArgumentError
        If a score or column is not there.
    DataError
        If nobody has all the scores, nobody churns, or a column says nothing or the same as others.

    Warns
    -----
    CxWarning
        If a score separates those who leave from those who stay.

    References
    ----------
    Therneau and Grambsch 2000, doi:10.1007/978-1-4757-3294-8; for landmarks van Houwelingen 2007,
    doi:10.1111/j.1467-9469.2006.00529.x.

    Examples
    --------
    >>> import cxresearch as cx
    >>> model = cx.curves.hazard_model(cx.synthetic.synthetic_study(customers=2000), scores=["ces", "nps"])
    >>> model.fit.names
    ('ces', 'nps')
    """
    check_level(level)
    check_kind(kind)
    check_choice("transform", transform, TRANSFORMS)
    check_number("lag_days", lag_days, at_least=0)
    if isinstance(scores, str):
        raise ArgumentError(f"scores is {scores!r}", wanted=f"a list, such as [{scores!r}]")
    stray = [name for name in splines if name not in (*scores, *controls)]
    if stray:
        raise ArgumentError(f"{stray[0]!r} cannot bend", wanted="splines among the scores and controls")
    cut, time = _intervals(source, scores, list(dict.fromkeys((*controls, *strata))), lag_days)
    rows = cut.frame
    # Cause-specific: an end of another kind is censoring.
    event = of_kind(rows["event"].to_numpy(), kind).astype(np.int64)
    design = design_of(cut.known, [*scores, *controls], splines)
    # A baseline hazard for each group of the strata and each landmark date.
    stratum = _joined([*(cut.known[name] for name in strata), *_dates(cut)])
    data = cox_data(
        rows["stop"],
        event,
        design.columns,
        entry=rows["start"],
        strata=stratum,
        clusters=rows["customer_id"],
    )
    fit = fit_of(data, level=level)
    return HazardModel(
        fit=fit,
        table=_effects(fit, design, cut.known, scores, source.instruments),
        terms=_terms(fit, design),
        proportionality=proportionality_test(
            fit, data, transform=transform, terms={term.name: term.columns for term in design.terms}
        ),
        transform=transform,
        instruments={name: source.instruments[name] for name in scores},
        time=time,
        kind=kind,
        n_customers=int(rows["customer_id"].nunique()),
        n_intervals=len(rows),
        n_events=int(event.sum()),
        excluded=cut.excluded,
        notes=design.notes,
        data=data,
        design=design,
        stratified=stratum is not None,
    )


def _intervals(
    source: Study | Landmarks, scores: Sequence[str], keep: Sequence[str], lag_days: float
) -> tuple[ScoreIntervals, str]:
    """Return intervals of constant scores, and what their time counts from."""
    if isinstance(source, Study):
        return score_intervals(source, scores, keep=keep, lag_days=lag_days), "tenure"
    if not isinstance(source, Landmarks):
        raise ArgumentError(f"source is {type(source).__name__}", wanted="a Study or Landmarks")
    if lag_days:
        raise ArgumentError("lag_days needs a study", next_step="landmarks place answers already")
    return _landmark_intervals(source, scores, keep), "time since the landmark"


def _landmark_intervals(marks: Landmarks, scores: Sequence[str], keep: Sequence[str]) -> ScoreIntervals:
    """Complete landmark rows, followed to the horizon at most."""
    lost = [name for name in keep if name not in marks.frame.columns]
    unknown = [name for name in scores if name not in marks.instruments]
    if lost or unknown or not scores:
        first = (unknown or lost or ["no score"])[0]
        wanted = ", ".join((*marks.instruments, *marks.segments, *marks.features))
        raise ArgumentError(f"the landmarks have no {first!r}", wanted=f"among {wanted}")
    rows = marks.complete(list(scores)).reset_index(drop=True)
    if rows.empty:
        raise DataError("no landmark row has all of " + ", ".join(scores), next_step="ask for fewer scores")
    # Followed to the horizon and no further: what comes later is not asked about.
    late = rows["duration_days"] > marks.horizon_days
    frame = pd.DataFrame(
        {
            "customer_id": rows["customer_id"],
            "landmark_at": rows["landmark_at"].astype(str),
            "start": 0.0,
            "stop": rows["duration_days"].clip(upper=marks.horizon_days),
            "event": np.where(late, 0, rows["event"]),
        }
    )
    missing = marks.n_customers - int(rows["customer_id"].nunique())
    reason = "never had all of " + ", ".join(scores) + " at a landmark"
    excluded = []
    if missing:
        excluded = [(reason, missing)]
    return ScoreIntervals(
        frame=frame,
        known=rows[list(dict.fromkeys((*scores, *keep)))],
        excluded=pd.DataFrame(excluded, columns=["reason", "customers"]),
    )


def _dates(cut: ScoreIntervals) -> list[pd.Series[Any]]:
    """Landmark dates, each of which has a baseline hazard of its own; none for a study."""
    if "landmark_at" not in cut.frame.columns:
        return []
    return [cut.frame["landmark_at"]]


def _joined(columns: Sequence[pd.Series[Any]]) -> pd.Series[str] | None:
    """Join columns into one label a row; a missing value is a group of its own."""
    if not columns:
        return None
    texts = [as_text(column) for column in columns]
    label = texts[0]
    for text in texts[1:]:
        label = label + ", " + text
    return label


def _terms(fit: CoxFit, design: Design) -> pd.DataFrame:
    """Robust Wald tests: of each term, and of the bends of a spline alone."""
    rows = []
    for term in design.terms:
        statistic, p_value = _wald(fit, term.columns)
        # A spline is straight if all its columns but the first have coefficient 0.
        bend = float("nan")
        if term.knots is not None:
            bend = _wald(fit, term.columns[1:])[1]
        rows.append((term.name, len(term.columns), statistic, p_value, bend))
    return pd.DataFrame(rows, columns=["term", "df", "chi_square", "p_value", "curvature_p"])


def _wald(fit: CoxFit, columns: Sequence[str]) -> tuple[float, float]:
    at = [fit.names.index(name) for name in columns]
    part = fit.coefficient[at]
    # Wald: b' V^-1 b on as many degrees of freedom as there are columns, V robust by customer.
    statistic = float(part @ np.linalg.solve(fit.used_covariance[np.ix_(at, at)], part))
    return statistic, float(chdtrc(len(at), statistic))


def _effects(
    fit: CoxFit,
    design: Design,
    known: pd.DataFrame,
    scores: Sequence[str],
    instruments: Any,
) -> pd.DataFrame:
    """Hazard ratio at each answer that occurs, against the median answer."""
    z = normal_quantile(fit.level)
    parts = []
    for term in design.terms:
        if term.name not in scores:
            continue
        scale: Scale = instruments[term.name]
        seen = known[term.name]
        answers = np.array([a for a in scale.levels if seen.min() <= a <= seen.max()], dtype=np.float64)
        # An answer that somebody gave, not a mean between two.
        reference = float(np.quantile(seen, 0.5, method="closest_observation"))
        away = term.basis(answers) - term.basis(np.array([reference]))
        at = [fit.names.index(name) for name in term.columns]
        # log HR(x against r) = (b(x) - b(r))' beta; its variance (b(x) - b(r))' V (b(x) - b(r)).
        log_ratio = away @ fit.coefficient[at]
        se = np.sqrt(np.einsum("ij,jk,ik->i", away, fit.used_covariance[np.ix_(at, at)], away))
        parts.append(
            pd.DataFrame(
                {
                    "term": term.name,
                    "value": answers,
                    "reference": reference,
                    "hazard_ratio": np.exp(log_ratio),
                    "low": np.exp(log_ratio - z * se),
                    "high": np.exp(log_ratio + z * se),
                }
            )
        )
    return pd.concat(parts, ignore_index=True)
