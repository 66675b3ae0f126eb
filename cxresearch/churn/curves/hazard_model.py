"""Hazard of churn by scores that change over time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pandas as pd
from scipy.special import chdtrc

from cxresearch.checks import check_choice, check_level, check_number
from cxresearch.churn.churn_kinds import Kind, check_kind, of_kind
from cxresearch.churn.curves.hazard_design import Design, as_text, design_of
from cxresearch.churn.curves.score_intervals import ScoreIntervals, score_intervals
from cxresearch.data.landmarks.landmarks import Landmarks
from cxresearch.data.study import Study
from cxresearch.errors import ArgumentError, DataError
from cxresearch.results.result import Result, as_plain
from cxresearch.results.table_spec import Column, TableSpec
from cxresearch.results.units import Unit, format_p_value
from cxresearch.scales import Scale
from cxresearch.stats.hazards.cox import cox_data, fit_of
from cxresearch.stats.hazards.cox_fit import CoxFit
from cxresearch.stats.hazards.cox_survival import predicted_survival
from cxresearch.stats.hazards.proportional_hazards import TRANSFORMS, proportionality_test
from cxresearch.stats.intervals.normal_quantile import normal_quantile

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class HazardModel(Result):
    """A Cox regression of churn on scores that change over time.

    Attributes
    ----------
    fit : CoxFit
        Coefficients, per point of the raw answer, errors robust by customer.
    table : DataFrame
        Columns term, value, reference, hazard_ratio, low, high: hazard at each answer of a score against its
        ``reference`` (the median answer), for straight and spline terms alike.
    terms : DataFrame
        Columns term, df, chi_square, p_value, curvature_p: robust Wald test that a term does not matter, and,
        for splines, that it is straight (NaN otherwise).
    proportionality : DataFrame
        Columns term, chi_square, df, p_value: is the hazard ratio the same at all times?
    transform : str
        Scale of time of that test.
    instruments : mapping of str to Scale
        Scales of the scores in the model.
    time : str
        What time counts from: ``"tenure"`` or ``"landmark"``.
    kind : str
        Kind of churn.
    n_customers, n_intervals, n_events : int
        Customers, intervals of constant scores, and churns.
    excluded : DataFrame
        Columns reason, customers: who is not in the model.
    unit : Unit
        Unit of time (days).
    notes : tuple of str
        What the reader must know.
    data, design : object
        Intervals behind the fit and the columns made of them, for predictions; not displayed.
    stratified : bool
        Whether groups have baseline hazards of their own.
    """

    fit: CoxFit
    table: pd.DataFrame
    terms: pd.DataFrame
    proportionality: pd.DataFrame
    transform: str
    instruments: Mapping[str, Scale]
    time: str
    kind: str
    n_customers: int
    n_intervals: int
    n_events: int
    excluded: pd.DataFrame
    unit: Unit = Unit.DAYS
    notes: tuple[str, ...] = ()
    data: Any = field(default=None, repr=False)
    design: Any = field(default=None, repr=False)
    stratified: bool = False
    specs: ClassVar[Mapping[str, TableSpec]] = {
        "table": TableSpec(
            title="Hazard of {kind} churn by answer",
            columns=(
                Column(name="term", label="score", meaning="the score"),
                Column(name="value", label="answer", meaning="the answer", unit=Unit.NUMBER),
                Column(name="reference", label="against", meaning="the median answer", unit=Unit.NUMBER),
                Column(
                    name="hazard_ratio",
                    label="hazard ratio",
                    meaning="hazard at the answer over hazard at the reference",
                    unit=Unit.RATIO,
                    low="low",
                    high="high",
                ),
            ),
        ),
        "terms": TableSpec(
            title="Tests, robust by customer",
            columns=(
                Column(name="term", label="term", meaning="score or control"),
                Column(name="df", label="df", meaning="degrees of freedom"),
                Column(name="chi_square", label="Wald", meaning="of no effect"),
                Column(name="p_value", label="p", meaning="of no effect", unit=Unit.P_VALUE),
                Column(name="curvature_p", label="p, straight", meaning="of no bend", unit=Unit.P_VALUE),
            ),
        ),
        "proportionality": TableSpec(
            title="Is the hazard ratio the same at all times? Time by {transform}",
            columns=(
                Column(name="term", label="term", meaning="score or control"),
                Column(name="chi_square", label="chi-square", meaning="of proportional hazards"),
                Column(name="df", label="df", meaning="degrees of freedom"),
                Column(name="p_value", label="p", meaning="of proportional hazards", unit=Unit.P_VALUE),
            ),
        ),
    }

    @property
    def finding(self) -> str:
        """Which scores go with leaving, and how much between their lowest and highest answer."""
        # The test of the whole term, straight or bent.
        tests = self.terms.set_index("term")["p_value"]
        parts = []
        for name, scale in self.instruments.items():
            rows = self.table[self.table["term"] == name].sort_values("value")
            ratio = float(rows["hazard_ratio"].iloc[0] / rows["hazard_ratio"].iloc[-1])
            ends = f"{rows['value'].iloc[0]:g} and {rows['value'].iloc[-1]:g}"
            sure = format_p_value(float(tests[name]))
            parts.append(
                f"between answers {ends} of {scale.label} it differs by a factor {ratio:.2g} ({sure})"
            )
        return f"Hazard of {self.kind} churn: {'; '.join(parts)}."

    def survival(self, customers: pd.DataFrame, days: ArrayLike) -> pd.DataFrame:
        """Chance to be still there for customers whose answers stay as they are.

        Parameters
        ----------
        customers : DataFrame, shape (m, columns)
            One row a customer: the scores and controls of the model, none missing.
        days : array-like, shape (k,)
            Days on the model's line of time.

        Returns
        -------
        DataFrame, shape (m * k, 7)
            Columns person (position in ``customers``), time, survival, se, low, high, note; NaN beyond the
            last day anybody was observed. With one kind of churn it is the curve of a world without the
            others.

        Raises
        ------
        ArgumentError
            If a column is absent or a day negative, or the model has strata (landmarks always have: each
            date has a baseline hazard of its own).

        Examples
        --------
        >>> import pandas as pd
        >>> import cxresearch as cx
        >>> model = cx.curves.hazard_model(cx.synthetic.synthetic_study(customers=2000), scores=["nps"])
        >>> calm, upset = model.survival(pd.DataFrame({"nps": [10, 0]}), [365])["survival"]
        >>> bool(calm > upset)
        True
        """
        if self.stratified:
            raise ArgumentError(
                "the model has a baseline hazard for each stratum, so no curve of its own",
                next_step="fit it to a study without strata",
            )
        lost = [term.name for term in self.design.terms if term.name not in customers.columns]
        if lost:
            raise ArgumentError(
                f"customers lack {lost[0]!r}", wanted=", ".join(term.name for term in self.design.terms)
            )
        return predicted_survival(self.fit, self.data, self.design.of(customers), days, level=self.fit.level)

    def to_dict(self) -> dict[str, Any]:
        """Return the tables as plain values, without the intervals of customers."""
        return {
            "coefficients": as_plain(self.fit.table),
            "tests": as_plain(self.fit.tests),
            "table": as_plain(self.table),
            "terms": as_plain(self.terms),
            "proportionality": as_plain(self.proportionality),
            "transform": self.transform,
            "time": self.time,
            "kind": self.kind,
            "customers": self.n_customers,
            "intervals": self.n_intervals,
            "events": self.n_events,
            "excluded": as_plain(self.excluded),
            "level": self.fit.level,
            "notes": list(self.notes),
        }

    def __str__(self) -> str:
        lines = [
            f"Hazard of {self.kind} churn by {self.time}: {self.n_customers:,} customers, "
            f"{self.n_intervals:,} intervals, {self.n_events:,} churned"
        ]
        ratios = self.fit.table.set_index("name")
        for row in self.terms.to_dict("records"):
            if row["term"] in ratios.index and row["df"] == 1:
                ratio = ratios.loc[row["term"]]
                lines.append(
                    f"  {row['term']}: hazard ratio {ratio['hazard_ratio']:.3f} a point "
                    f"[{ratio['low']:.3f}, {ratio['high']:.3f}], {format_p_value(row['p_value'])}"
                )
            else:
                bent = row["curvature_p"] == row["curvature_p"]
                bend = f", of being straight {format_p_value(row['curvature_p'])}" if bent else ""
                lines.append(f"  {row['term']}: {row['df']} df, {format_p_value(row['p_value'])}{bend}")
        overall = self.proportionality.iloc[-1]["p_value"]
        lines.append(f"  proportional hazards ({self.transform}): {format_p_value(float(overall))}")
        left_out = self.excluded.to_dict("records")
        lines += [f"  Left out: {row['customers']:,} customers {row['reason']}" for row in left_out]
        return "\n".join([*lines, *(f"  Note: {note}" for note in self.notes)])

    __repr__ = __str__


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
    excluded = [(reason, missing)] if missing else []
    return ScoreIntervals(
        frame=frame,
        known=rows[list(dict.fromkeys((*scores, *keep)))],
        excluded=pd.DataFrame(excluded, columns=["reason", "customers"]),
    )


def _dates(cut: ScoreIntervals) -> list[pd.Series[Any]]:
    """Landmark dates, each of which has a baseline hazard of its own; none for a study."""
    return [cut.frame["landmark_at"]] if "landmark_at" in cut.frame.columns else []


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
        bend = _wald(fit, term.columns[1:])[1] if term.knots is not None else float("nan")
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
