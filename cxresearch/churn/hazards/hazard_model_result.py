"""The hazard model as a value: tests of its terms, hazard ratios by answer, survival it predicts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import pandas as pd

from cxresearch.errors import ArgumentError
from cxresearch.results.result import Result, as_plain
from cxresearch.results.table_spec import Column, TableSpec
from cxresearch.results.units import Unit, format_p_value
from cxresearch.scales import Scale
from cxresearch.stats.hazards.cox_fit import CoxFit
from cxresearch.stats.hazards.cox_survival import predicted_survival

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
            "criteria": as_plain(self.fit.criteria),
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
                bend = ""
                # NaN, unlike itself: a straight term has no test of being straight.
                if row["curvature_p"] == row["curvature_p"]:
                    bend = f", of being straight {format_p_value(row['curvature_p'])}"
                lines.append(f"  {row['term']}: {row['df']} df, {format_p_value(row['p_value'])}{bend}")
        overall = self.proportionality.iloc[-1]["p_value"]
        lines.append(f"  proportional hazards ({self.transform}): {format_p_value(float(overall))}")
        left_out = self.excluded.to_dict("records")
        lines += [f"  Left out: {row['customers']:,} customers {row['reason']}" for row in left_out]
        return "\n".join([*lines, *(f"  Note: {note}" for note in self.notes)])

    __repr__ = __str__
