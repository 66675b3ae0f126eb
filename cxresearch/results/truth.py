"""What is true of a synthetic study, by arithmetic and not by estimation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cxresearch.results.base import Result

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Truth(Result):
    """The exact answers that an analysis of a tier A synthetic study should recover.

    Attributes
    ----------
    scenario, form : str
        The scenario, and the form of the scores: raw answers, top-box or categories.
    horizon_months : float
        The AUCs are for voluntary churn within this many months of the landmark.
    nonresponse : bool
        True if the figures are those of the quarter who answer, False if everybody does.
    coefficients : Mapping of str to float
        Effect on the log hazard of voluntary churn of one unit of ``ease, satisfaction, loyalty``, turned
        round: a positive number protects.
    hazards : Mapping of str to float
        Monthly hazard of ``voluntary`` churn at the average customer, and of ``involuntary`` churn.
    auc : Mapping of str to float
        AUC of each score at the horizon; controls are the customers still there after it.
    auc_with_competing : Mapping of str to float
        The same with controls everybody who has not left voluntarily by then, also those who left
        involuntarily.
    mean_score : Mapping of str to float
        Expected NPS in points, and mean CSAT and CES.
    curve : DataFrame
        Columns ``months, survival, voluntary, involuntary``: S(t) and the cumulative incidence of both kinds.
    """

    scenario: str
    form: str
    horizon_months: float
    nonresponse: bool
    coefficients: Mapping[str, float]
    hazards: Mapping[str, float]
    auc: Mapping[str, float]
    auc_with_competing: Mapping[str, float]
    mean_score: Mapping[str, float]
    curve: pd.DataFrame

    def __str__(self) -> str:
        who = "those who answer" if self.nonresponse else "everybody"
        lines = [
            f"Truth of scenario {self.scenario!r}: {self.form} scores, {self.horizon_months:g} months, {who}"
        ]
        lines += [f"  AUC {name.upper()} {value:.5f}" for name, value in self.auc.items()]
        last = self.curve.iloc[(self.curve["months"] - self.horizon_months).abs().argmin()]
        lines.append(
            f"  after {last['months']:g} months: voluntary churn {last['voluntary']:.4f}, "
            f"involuntary {last['involuntary']:.4f}, still there {last['survival']:.4f}"
        )
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return f"<pre class='cx-result'>{self}</pre>"
