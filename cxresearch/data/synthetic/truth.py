"""The tier A model: three latent feelings, three scores, two kinds of churn; and what is true of it.

Ease, satisfaction and loyalty are standard normal with correlations .60 (ease, satisfaction), .70
(satisfaction, loyalty) and .45 (ease, loyalty). A score is a loading times its feeling, plus an answering
style shared by the three scores, plus noise; of unit variance, cut into the levels of its scale. Voluntary
churn has the constant hazard ``l1 exp(-b'theta)`` a month, involuntary churn ``l2``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cxresearch.checks import check_choice, check_number
from cxresearch.errors import ArgumentError, CxError
from cxresearch.results.result import Result
from cxresearch.scales import CES2, CSAT, DETRACTORS, NPS, PASSIVES, PROMOTERS, Scale

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

    @property
    def finding(self) -> str:
        """Which score truly tells most about who will leave."""
        best = max(self.auc, key=lambda name: self.auc[name])
        return (
            f"In scenario {self.scenario!r} the true AUC at {self.horizon_months:g} months is largest for "
            f"{best.upper()}: {self.auc[best]:.5f}."
        )

    @property
    def table(self) -> pd.DataFrame:
        """Columns score, auc, auc_with_competing, mean: one row a score."""
        import pandas as pd

        scores = list(self.auc)
        return pd.DataFrame(
            {
                "score": scores,
                "auc": [self.auc[name] for name in scores],
                "auc_with_competing": [self.auc_with_competing[name] for name in scores],
                "mean": [self.mean_score.get(name, float("nan")) for name in scores],
            }
        )

    @property
    def notes(self) -> tuple[str, ...]:
        """Whom the figures are about."""
        who = "those who answer" if self.nonresponse else "everybody"
        return (f"Figures are those of {who}, with {self.form} scores.",)


Array = NDArray[np.float64]

FEELINGS = ("ease", "satisfaction", "loyalty")
CORRELATION: Array = np.array([[1.0, 0.60, 0.45], [0.60, 1.0, 0.70], [0.45, 0.70, 1.0]])
#: Loading of each score on (ease, satisfaction, loyalty); the style loads .30 on all of them.
LOADINGS: Mapping[str, Array] = MappingProxyType(
    {
        "ces": np.array([0.75, 0.0, 0.0]),
        "nps": np.array([0.0, 0.0, 0.80]),
        "csat": np.array([0.0, 0.80, 0.0]),
    }
)
STYLE = 0.30
SCALES: Mapping[str, Scale] = MappingProxyType({"ces": CES2, "nps": NPS, "csat": CSAT})
#: Share of customers at each level, lowest first.
SHARES: Mapping[str, tuple[float, ...]] = MappingProxyType(
    {
        "ces": (0.03, 0.03, 0.05, 0.09, 0.17, 0.31, 0.32),
        "nps": (0.02, 0.01, 0.01, 0.01, 0.01, 0.03, 0.03, 0.09, 0.22, 0.22, 0.35),
        "csat": (0.04, 0.05, 0.11, 0.38, 0.42),
    }
)
#: b of each scenario. ``equal`` makes the AUCs of CES and NPS the same; in ``ces``, ``nps`` and ``csat`` five
#: sevenths of the weight lie on the feeling behind that score; in ``null`` no score says anything.
SCENARIOS: Mapping[str, tuple[float, float, float]] = MappingProxyType(
    {
        "base": (0.2, 0.2, 0.3),
        "equal": (0.414587, 0.2, 0.3),
        "ces": (0.5, 0.1, 0.1),
        "nps": (0.1, 0.1, 0.5),
        "csat": (0.1, 0.5, 0.1),
        "null": (0.0, 0.0, 0.0),
    }
)
#: Cumulative incidence after CALIBRATION_MONTHS to which the hazards are solved.
CALIBRATION_MONTHS = 12.0
VOLUNTARY_SHARE, INVOLUNTARY_SHARE = 0.10, 0.02
#: Probit of answering at all: a0 + .25 S + .20 L, with a0 such that a quarter answers.
ANSWERING: Array = np.array([0.0, 0.25, 0.20])
ANSWERING_SHARE = 0.25

_FORMS = ("raw", "top_box", "categories")
_CATEGORIES: Mapping[str, tuple[tuple[int, ...], ...]] = MappingProxyType(
    {
        "nps": (DETRACTORS, PASSIVES, PROMOTERS),
        "csat": ((1, 2), (3,), (4, 5)),
        "ces": ((1, 2, 3), (4,), (5, 6, 7)),
    }
)


class Hazards(NamedTuple):
    """Monthly hazards: of voluntary churn at theta = 0, and of involuntary churn."""

    voluntary: float
    involuntary: float


def coefficients_of(scenario: str) -> Array:
    """Return b of a scenario, shape (3,): ease, satisfaction, loyalty."""
    return np.array(SCENARIOS[check_choice("scenario", scenario, SCENARIOS)])


def cut_points(instrument: str) -> Array:
    """Return the normal quantiles between the levels of a score, shape (levels - 1,)."""
    from scipy.special import ndtri

    return np.asarray(ndtri(np.cumsum(SHARES[instrument])[:-1]), dtype=np.float64)


def answering_intercept() -> float:
    """Return a0, the intercept of the probit of answering."""
    from scipy.special import ndtri

    spread = 1.0 + float(ANSWERING @ CORRELATION @ ANSWERING)
    return float(ndtri(ANSWERING_SHARE) * np.sqrt(spread))


@cache
def _rule(nodes: int) -> tuple[Array, Array]:
    """Gauss-Hermite nodes and weights for an expectation over N(0, 1), each of shape (nodes,)."""
    points, weights = np.polynomial.hermite_e.hermegauss(nodes)
    return points, weights / weights.sum()


@cache
def hazards_of(scenario: str) -> Hazards:
    """Solve l1 and l2 such that 10 % leave voluntarily and 2 % involuntarily within 12 months."""
    from scipy.optimize import root

    b = coefficients_of(scenario)
    z, weight = _rule(120)
    relative = np.exp(-np.sqrt(b @ CORRELATION @ b) * z)

    def miss(logs: Array) -> Array:
        first, second = np.exp(logs)
        voluntary, involuntary = _incidence(CALIBRATION_MONTHS, first * relative, second)
        return np.array([weight @ voluntary - VOLUNTARY_SHARE, weight @ involuntary - INVOLUNTARY_SHARE])

    found = root(miss, np.log([0.0085, 0.0018]), tol=1e-13)
    if np.abs(miss(found.x)).max() > 1e-12:  # pragma: no cover - a guard against a change of constants
        raise CxError(f"the hazards of scenario {scenario!r} cannot be solved")
    return Hazards(*np.exp(found.x).tolist())


def _incidence(months: float, voluntary: Array, involuntary: float) -> tuple[Array, Array]:
    """Cumulative incidence of both kinds given the hazards, each of the shape of ``voluntary``."""
    total = voluntary + involuntary
    left = -np.expm1(-total * months) / total
    return voluntary * left, involuntary * left


class _Nodes(NamedTuple):
    """Points of integration: latent risk z, their weights, and mean and sd of each latent score there."""

    z: Array
    weight: Array
    mean: dict[str, Array]
    sd: dict[str, float]


def _nodes(b: Array, nonresponse: bool) -> _Nodes:
    """Integrate over z = b'theta/sd and, for those who answer, over q = a'theta given z as well."""
    from scipy.special import ndtr

    sd = float(np.sqrt(b @ CORRELATION @ b))
    risk = CORRELATION @ b / sd if sd else np.zeros(3)  # covariance of theta with z
    z, weight = _rule(120)
    known = {name: load @ risk for name, load in LOADINGS.items()}
    if not nonresponse:
        return _Nodes(
            z,
            weight,
            {name: r * z for name, r in known.items()},
            {name: float(np.sqrt(1 - r * r)) for name, r in known.items()},
        )
    slope = float(ANSWERING @ risk)
    spread = float(np.sqrt(ANSWERING @ CORRELATION @ ANSWERING - slope**2))
    u, weight_u = _rule(60)  # q = slope z + spread u
    z, u = (grid.ravel() for grid in np.meshgrid(z, u, indexing="ij"))
    answers = ndtr(answering_intercept() + slope * z + spread * u)
    weight = np.outer(weight, weight_u).ravel() * answers
    rest = {
        name: float(load @ CORRELATION @ ANSWERING - known[name] * slope) / spread
        for name, load in LOADINGS.items()
    }
    return _Nodes(
        z,
        weight / weight.sum(),
        {name: known[name] * z + rest[name] * u for name in known},
        {name: float(np.sqrt(1 - known[name] ** 2 - rest[name] ** 2)) for name in known},
    )


def _level_shares(instrument: str, nodes: _Nodes) -> Array:
    """P(level | node), shape (levels, nodes)."""
    from scipy.special import ndtr

    cuts = np.concatenate([[-np.inf], cut_points(instrument), [np.inf]])
    below = ndtr((cuts[:, None] - nodes.mean[instrument]) / nodes.sd[instrument])
    return np.asarray(np.diff(below, axis=0), dtype=np.float64)


def _auc(cases: Array, controls: Array) -> float:
    """AUC of a score whose low levels mean risk, from level counts of cases and controls, lowest first."""
    cases, controls = cases / cases.sum(), controls / controls.sum()
    above = controls[::-1].cumsum()[::-1] - controls
    return float(cases @ (above + controls / 2))


def _groups(instrument: str, form: str) -> list[list[int]]:
    """Positions of the levels that a form throws together, lowest group first."""
    scale = SCALES[instrument]
    if form == "raw":
        groups: Sequence[Sequence[int]] = [[level] for level in scale.levels]
    elif form == "top_box":
        groups = [[level for level in scale.levels if level not in scale.top], scale.top]
    else:
        groups = _CATEGORIES[instrument]
    return [[level - scale.low for level in group] for group in groups]


def _mean_score(instrument: str, shares: Array) -> float:
    levels = np.array(SCALES[instrument].levels)
    if instrument == "nps":
        return float(100 * (shares[np.isin(levels, PROMOTERS)].sum() - shares[levels <= 6].sum()))
    return float(levels @ shares)


def truth(
    *,
    scenario: str = "base",
    horizon_months: float = 12,
    form: str = "raw",
    nonresponse: bool = False,
    months: Sequence[float] = tuple(range(25)),
) -> Truth:
    """Return what is true of a tier A synthetic study: exact AUCs, survival and incidence.

    The integrals over the latent risk are done by 120-node Gauss-Hermite quadrature, which is exact to
    about twelve digits here; nothing is simulated.

    Parameters
    ----------
    scenario : {"base", "equal", "ces", "nps", "csat", "null"}
        Which feeling drives churn; see ``cx.synthetic.synthetic_study``.
    horizon_months : float
        AUC and incidence are for churn within this many months of the landmark.
    form : {"raw", "top_box", "categories"}
        The answer itself; satisfied or not (9-10 of NPS, 4-5 of CSAT, 5-7 of CES); or three groups
        (detractors, passives, promoters; CSAT 1-2, 3, 4-5; CES 1-3, 4, 5-7).
    nonresponse : bool
        Figures of the quarter of customers who answer, instead of everybody.
    months : sequence of float
        Times of the curve, in months after the landmark.

    Returns
    -------
    Truth

    Raises
    ------
    ArgumentError
        If a scenario or form is unknown, or a time is not above 0 (horizon) or at least 0 (months).

    Examples
    --------
    >>> known = truth(scenario="base")
    >>> {name: round(auc, 5) for name, auc in known.auc.items()}
    {'ces': 0.59257, 'nps': 0.61528, 'csat': 0.60857}
    >>> round(truth(form="categories").auc["nps"], 3)
    0.6
    """
    check_choice("form", form, _FORMS)
    horizon = check_number("horizon_months", horizon_months, above=0)
    hazards = hazards_of(check_choice("scenario", scenario, SCENARIOS))
    b = coefficients_of(scenario)
    nodes = _nodes(b, nonresponse)
    voluntary = hazards.voluntary * np.exp(-np.sqrt(b @ CORRELATION @ b) * nodes.z)
    cases, competing = _incidence(horizon, voluntary, hazards.involuntary)
    auc, with_competing, means = {}, {}, {}
    for name in LOADINGS:
        shares = _level_shares(name, nodes) * nodes.weight
        grouped = np.array([shares[group].sum(axis=0) for group in _groups(name, form)])
        auc[name] = _auc(grouped @ cases, grouped @ (1 - cases - competing))
        with_competing[name] = _auc(grouped @ cases, grouped @ (1 - cases))
        means[name] = _mean_score(name, shares.sum(axis=1))
    return Truth(
        scenario=scenario,
        form=form,
        horizon_months=horizon,
        nonresponse=nonresponse,
        coefficients=dict(zip(FEELINGS, b.tolist(), strict=True)),
        hazards=hazards._asdict(),
        auc=auc,
        auc_with_competing=with_competing,
        mean_score=means,
        curve=_curve([*months, horizon], nodes, voluntary, hazards.involuntary),
    )


def _curve(months: Sequence[float], nodes: _Nodes, voluntary: Array, involuntary: float) -> pd.DataFrame:
    import pandas as pd

    times = sorted({float(time) for time in months})
    if times[0] < 0:
        raise ArgumentError(f"months holds {times[0]}", wanted="times of at least 0 months")
    rows = []
    for time in times:
        first, second = _incidence(time, voluntary, involuntary)
        gone = float(nodes.weight @ first), float(nodes.weight @ second)
        rows.append((time, 1 - sum(gone), *gone))
    return pd.DataFrame(rows, columns=["months", "survival", "voluntary", "involuntary"])
