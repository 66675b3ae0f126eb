"""``compare``: which score tells best who will leave, on the same rows, with a verdict."""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cxresearch.checks import as_numbers, check_choice, check_level, check_number, check_same_length
from cxresearch.data.landmarks.landmarks import require_landmarks
from cxresearch.errors import ArgumentError
from cxresearch.headtohead.contest.comparison import Comparison
from cxresearch.headtohead.contest.contest_curves import lift_points, roc_points
from cxresearch.headtohead.contest.contest_judgement import auc_table, contrast_table
from cxresearch.headtohead.contest.contest_measures import (
    MEASURES,
    calibration_table,
    decision_curve,
    measure_tables,
    measured,
    risks_of,
)
from cxresearch.headtohead.contest.contest_rows import ContestRows, complete_rows, contestants, horizons_of
from cxresearch.headtohead.contest.forms import FORMS
from cxresearch.headtohead.contest.protocol import Protocol
from cxresearch.stats.prediction.ipcw import Sides, auc_measure, level_codes, sides

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

    from cxresearch.data.landmarks.landmarks import Landmarks


def compare(
    marks: Landmarks,
    scores: Sequence[str] | Protocol,
    *,
    horizon_days: float | Sequence[float] | None = None,
    level: float = 0.95,
    margin: float = 0.02,
    clusters: str | None = "customer_id",
    primary: tuple[str, str] | None = None,
    form: str = "raw",
    weights: ArrayLike | None = None,
    measures: Sequence[str] = ("auc_all", "brier", "ipa", "lift", "net_benefit", "calibration", "uno_c"),
) -> Comparison:
    """Compare how well scores tell who will leave.

    Estimand: ``AUC_h(A) - AUC_h(B)`` for voluntary churn within h days of the landmark, controls followed
    past h, on the same rows, each score turned by its declared direction so that higher means riskier. A
    score that runs backwards is named in ``cautions`` and never turned round.

    Parameters
    ----------
    marks : Landmarks
        From :func:`cxresearch.landmark` or :func:`cxresearch.synthetic.synthetic_landmarks`. Rows without
        an answer to every contestant are left out and counted.
    scores : sequence of str, or Protocol
        Two or more instruments; the first two are the primary pair unless `primary` says otherwise. A
        :class:`Protocol` brings all settings with it; what deviates from it is said in ``deviations``.
    horizon_days : float or sequence of float, optional
        The first is the primary one; by default that of the landmarks.
    level : float
        Confidence level.
    margin : float
        Largest difference of AUC that counts as none; to be set before looking at the data.
    clusters : str or None
        Column whose rows depend on each other. None treats every row as a customer of its own.
    primary : tuple of str, optional
        The contrast named beforehand. It is judged by its own p-value, all others by Holm's.
    form : {"raw", "top_box", "categories", "matched", "spline"}
        The same for every contestant; see :func:`cxresearch.headtohead.contest.forms.in_form`.
        ``"spline"`` ranks by a cross-fitted curve and may turn a score round.
    weights : array-like, shape (rows of marks,), optional
        Positive row weights, carried through the whole chain; see
        :func:`cxresearch.contest.response_weights`.
    measures : sequence of str
        Further measures: ``auc_all`` (customers who left involuntarily count as stayers), ``brier``, ``ibs``
        (the Brier score averaged over time), ``ipa``, ``lift``, ``net_benefit`` (with the decision curve),
        ``calibration`` (with churn by answer), ``uno_c``, ``harrell_c``. Empty for AUCs alone.

    Returns
    -------
    Comparison

    Raises
    ------
    ArgumentError
        An unknown instrument or column, or a setting out of range.
    DataError
        Nobody or everybody left, nobody is followed past the horizon, a score with one distinct value, no
        complete row.

    Notes
    -----
    AUCs are weighted by the inverse probability of being observed; standard errors come from influence
    functions that include the estimation of that probability, summed within customer. Verdicts: a pair is
    *equivalent* if two one-sided tests rule out a difference as large as `margin`; otherwise one is *better*
    if the difference is significant at ``1 - level``; otherwise *inconclusive*, with the number of rows that
    would decide with 80 % probability if the truth is what was observed. Risks for Brier score and net
    benefit are cross-fitted over five folds of customers and taken as given in their standard errors.

    References
    ----------
    DeLong et al. (1988), doi:10.2307/2531595; Blanche et al. (2013), doi:10.1002/sim.5958; Holm (1979),
    https://www.jstor.org/stable/4615733; Schuirmann (1987), doi:10.1007/BF01068419.

    Examples
    --------
    >>> import cxresearch as cx
    >>> marks = cx.synthetic.synthetic_landmarks(seed=1, customers=5_000, scenario="base")
    >>> cx.compare(marks, ["ces", "nps"]).verdict
    'inconclusive: you would need 16,600 rows'
    """
    require_landmarks(marks)
    if isinstance(scores, Protocol):
        given = {"level": level, "margin": margin, "clusters": clusters, "form": form}
        _no_override(given | {"horizon_days": horizon_days, "primary": primary})
        return _by_protocol(marks, scores, weights=weights, measures=measures)
    names = contestants(marks, scores)
    plan = _Plan(
        scores=names,
        horizons_days=horizons_of(marks, horizon_days),
        level=check_level(level),
        margin=check_number("margin", margin, above=0, below=0.5),
        clusters=clusters,
        primary=_primary(names, primary),
        primary_named=primary is not None,
        form=check_choice("form", form, FORMS),
        weighted=weights is not None,
        measures=tuple(check_choice("measures", name, MEASURES) for name in measures),
    )
    rows = complete_rows(
        marks, names, plan.horizons_days, clusters=clusters, form=form, weights=_weights(marks, weights)
    )
    return _contest(marks, rows, plan)


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Plan:
    """Checked settings of a contest."""

    scores: tuple[str, ...]
    horizons_days: tuple[float, ...]
    level: float
    margin: float
    clusters: str | None
    primary: tuple[str, str]
    primary_named: bool
    form: str
    weighted: bool
    measures: tuple[str, ...]

    def settings(self) -> dict[str, Any]:
        """Return the settings as a report or a file keeps them: lists instead of tuples."""
        plain = dataclasses.asdict(self)
        return {key: list(value) if isinstance(value, tuple) else value for key, value in plain.items()}


def _contest(marks: Landmarks, rows: ContestRows, plan: _Plan) -> Comparison:
    at = [sides(rows.fit, horizon, controls="event_free") for horizon in plan.horizons_days]
    if plan.form == "spline":
        rows = _ranked_by_risk(rows, at[0])
    found = auc_measure(rows.fit, rows.codes, at)
    covariance = found.covariance(clusters=rows.clusters)
    rule = {"level": plan.level, "margin": plan.margin}
    table = auc_table(rows, at, found, covariance, plan.level)
    contrasts = contrast_table(rows, at, found, covariance, pair=plan.primary, **rule)
    further, gaps = measure_tables(rows, at, measured(rows, at, plan.measures, form=plan.form), **rule)
    calibrated = at[0] if "calibration" in plan.measures else None
    decided = at[0] if "net_benefit" in plan.measures else None
    main = contrasts.loc[contrasts["primary"]].iloc[0]
    return Comparison(
        finding=_finding(main["finding"], table, plan.primary, plan.horizons_days[0]),
        verdict=main["verdict"],
        primary=plan.primary,
        horizon_days=plan.horizons_days[0],
        table=table,
        contrasts=contrasts,
        measures=further,
        measure_contrasts=gaps,
        calibration=calibration_table(rows, calibrated, form=plan.form, level=plan.level),
        decision=decision_curve(rows, decided, form=plan.form),
        roc=roc_points(rows, at),
        lift=lift_points(rows, at),
        left_out=rows.left_out,
        cautions=(*_cautions(table), *_unnamed(plan, contrasts), *rows.cautions, *_flags(marks)),
        level=plan.level,
        margin=plan.margin,
        n=len(rows.frame),
        n_customers=int(rows.frame["customer_id"].nunique()),
        n_cases=int(found.cases[0]),
        form=plan.form,
        settings=plan.settings(),
    )


def _no_override(given: dict[str, Any]) -> None:
    defaults = {name: item.default for name, item in inspect.signature(compare).parameters.items()}
    changed = [
        name for name, value in given.items() if value is not defaults[name] and value != defaults[name]
    ]
    if changed:
        raise ArgumentError(
            f"the protocol settles {', '.join(changed)}",
            wanted="a call without them",
            next_step="change the protocol (the change is reported), or compare without one",
        )


def _by_protocol(
    marks: Landmarks, protocol: Protocol, *, weights: ArrayLike | None, measures: Sequence[str]
) -> Comparison:
    looked = protocol.look(marks.name or f"{marks.n_rows} rows")
    result = compare(
        marks,
        protocol.scores,
        horizon_days=protocol.horizon_days,
        level=protocol.level,
        margin=protocol.margin,
        clusters=protocol.clusters,
        primary=_primary(protocol.scores, protocol.primary) if protocol.primary_named else None,  # type: ignore[arg-type]
        form=protocol.form,
        weights=weights,
        measures=measures,
    )
    return dataclasses.replace(
        result, protocol_sha256=protocol.sha256, deviations=(*looked, *protocol.deviations(marks))
    )


def _weights(marks: Landmarks, weights: ArrayLike | None) -> NDArray[np.float64] | None:
    if weights is None:
        return None
    values = as_numbers("weights", weights)
    check_same_length(marks=marks.frame, weights=values)
    return values


def _ranked_by_risk(rows: ContestRows, at: Sides) -> ContestRows:
    """Replace scores by their cross-fitted risk on a spline, at the primary horizon."""
    risk = np.empty_like(rows.risk)
    risk[:, rows.fit.order] = np.stack(risks_of(rows, at, form="spline"))
    coded = [level_codes(name, values.round(12)) for name, values in zip(rows.names, risk, strict=True)]
    return dataclasses.replace(
        rows,
        risk=risk,
        codes=tuple(code[rows.fit.order] for code, _ in coded),
        levels=tuple(levels for _, levels in coded),
    )


def _flags(marks: Landmarks) -> tuple[str, ...]:
    """Alarms raised where the rows were made."""
    flags = [(str(row["flag"]), str(row["detail"])) for row in marks.flags.to_dict("records")]
    return tuple(
        detail if set(flag.split()) <= set(re.findall(r"\w+", detail)) else f"{flag}: {detail}"
        for flag, detail in flags
    )


def _primary(names: tuple[str, ...], primary: tuple[str, str] | None) -> tuple[str, str]:
    if primary is None:
        return names[0], names[1]
    pair = tuple(primary)
    if len(pair) != 2 or len(set(pair)) != 2 or not set(pair) <= set(names):
        raise ArgumentError(f"primary is {primary!r}", wanted="two of " + ", ".join(map(repr, names)))
    return pair[0], pair[1]


def _finding(sentence: str, table: pd.DataFrame, pair: tuple[str, str], horizon: float) -> str:
    """Say beside the verdict when the contestants do not predict at all, or backwards."""
    here = table[(table["horizon_days"] == horizon) & table["score"].isin(pair)]
    if (here["reading"] == "no better than chance").all():
        return sentence + " Neither is told apart from chance."
    for row in here[here["reading"] == "runs backwards"].to_dict("records"):
        sentence += f" {row['label']} runs backwards: who answers well leaves more."
    return sentence


def _unnamed(plan: _Plan, contrasts: pd.DataFrame) -> tuple[str, ...]:
    """Say that list order chose the pair that decides; of two contestants there is only one pair."""
    if plan.primary_named or len(plan.scores) == 2:
        return ()
    main = contrasts.loc[contrasts["primary"]].iloc[0]
    return (
        f"the main comparison, {main['first_label']} against {main['second_label']}, is the first two "
        "contestants as listed; it was not named beforehand",
    )


def _cautions(table: pd.DataFrame) -> tuple[str, ...]:
    notes = []
    for row in table.to_dict("records"):
        where = f"at {row['horizon_days']:g} days (AUC {row['auc']:.3f})"
        if row["reading"] == "suspiciously good":
            notes.append(
                f"{row['label']} is suspiciously good {where}: look for answers given after notice, "
                "exit surveys or a feature that ends with the customer"
            )
        if row["reading"] == "runs backwards":
            notes.append(
                f"{row['label']} runs backwards {where}: customers it calls happy leave more. Check the "
                "declared direction; it is never turned round for you"
            )
    for row in table.drop_duplicates("horizon_days").to_dict("records"):
        counts = {"leavers": row["cases"], "customers still there": row["controls"]}
        notes += [
            f"only {count} {who} {row['horizon_days']:g} days on: intervals are wide and rough"
            for who, count in counts.items()
            if count < 30
        ]
    if table["customers"].iloc[0] < 30:
        notes.append(f"only {table['customers'].iloc[0]} customers: intervals are wide and rough")
    return tuple(notes)
