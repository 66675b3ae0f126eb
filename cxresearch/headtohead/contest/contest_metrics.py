"""What a contest measures: ranking, accuracy of calibrated risks, lift, net benefit and concordance."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cxresearch.headtohead.contest.weighed_rows import HorizonRows
from cxresearch.stats.prediction.concordance import concordance_of
from cxresearch.stats.prediction.follow_up import follow_up
from cxresearch.stats.prediction.integrated_brier import time_shares
from cxresearch.stats.prediction.ipcw import PredictionMetric, Sides, auc_effect, prediction_metric

if TYPE_CHECKING:
    from cxresearch.aliases import Floats, Places

    #: A value with its influence values, sorted as the rows' FollowUp.
    Estimated = tuple[float, Floats]

#: Steps of time over which the Brier score is averaged.
STEPS = 12
#: Share of customers called the riskiest, and the share at the cut over which density is averaged.
RISKIEST, NEIGHBOURS = 0.1, 0.02


def auc(at: HorizonRows) -> list[Estimated]:
    """AUC of leavers against customers followed past the horizon."""
    return _auc(at, at.followed)


def auc_all(at: HorizonRows) -> list[Estimated]:
    """AUC of leavers against everybody else."""
    return _auc(at, at.everyone)


def _auc(at: HorizonRows, sides: Sides) -> list[Estimated]:
    estimates = []
    for code in at.rows.codes:
        value, effect = auc_effect(code, sides)
        estimates.append((value, at.influence(effect)))
    return estimates


def brier(at: HorizonRows) -> list[Estimated]:
    """Brier score of calibrated risks."""
    return [weighted_mean(at, _squared_errors(at, risk)) for risk in at.risks]


def _squared_errors(at: HorizonRows, risk: Floats) -> Floats:
    """Weighted squared errors (n,), whose mean is the Brier score (Graf et al. 1999)."""
    return at.everyone.case * (1 - risk) ** 2 + at.everyone.control * risk**2


def weighted_mean(at: HorizonRows, weighted: Floats) -> Estimated:
    """Mean over all n rows of values (n,) that carry the inverse weights of leavers and stayers already."""
    value = float(weighted.mean())
    # Rows count in the mean by their own weight v: psi = w y - value v.
    return value, at.influence(weighted, direct=-value * at.rows.fit.weight)


def ipa(at: HorizonRows) -> list[Estimated]:
    """Index of prediction accuracy: ``1 - B / N``, N the Brier score of the average risk."""
    null_errors = _squared_errors(at, at.average_risk)
    null = float(null_errors.mean())
    estimates = []
    for risk in at.risks:
        errors = _squared_errors(at, risk)
        ratio = float(errors.mean()) / null
        # Delta method: d(1 - B/N) = (B/N dN - dB) / N; the means' own centring cancels.
        estimates.append((1 - ratio, at.influence((ratio * null_errors - errors) / null)))
    return estimates


def lift(at: HorizonRows) -> list[Estimated]:
    """Lift of the riskiest tenth."""
    return [lift_at(at, code) for code in at.rows.codes]


def lift_at(at: HorizonRows, code: Places, *, depth: float = RISKIEST) -> Estimated:
    """Churn among the riskiest share of customers over churn among all; ties are drawn at random.

    ``lift = captured / depth`` with ``captured = P(S > s | leaver) + f P(S = s | leaver)``, where the cut s
    and the share f of its ties are such that ``P(S > s) + f P(S = s) = depth``.

    The influence includes the estimation of the cut. Where levels are many, the density of leavers at the cut
    relative to that of all is taken over the neighbouring 2 % of customers.

    Parameters
    ----------
    code : array of int, shape (n,)
        Level of each row, sorted.
    depth : float
        The riskiest share.
    """
    fit, case = at.rows.fit, at.followed.case
    size = int(code.max()) + 1
    leavers = case.sum()
    # P(S = level), and P(S = level | leaver).
    share_all = np.bincount(code, weights=fit.weight, minlength=size) / fit.n
    share_leavers = np.bincount(code, weights=case, minlength=size) / leavers
    # The cut s is the lowest level above which fewer than `depth` of all lie; f of its ties are taken.
    above = share_all[::-1].cumsum()[::-1] - share_all
    cut = int(np.flatnonzero(above < depth)[0])
    tie_share = (depth - above[cut]) / share_all[cut]
    captured = float(share_leavers[cut + 1 :].sum() + tie_share * share_leavers[cut])
    # A row is contacted with probability 1 above the cut, f at it, 0 below.
    contacted = (code > cut).astype(np.float64)
    contacted[code == cut] = tie_share
    # A ratio of weighted sums, w the weight as a leaver: psi = w (contacted - captured) / mean(w).
    effect = case * (contacted - captured) * (fit.n / leavers)
    # The cut moves until P(contacted) = depth again. For each unit of P(contacted) too much, the captured
    # share falls by the density of leavers over that of all at the cut (Bahadur's quantile expansion).
    middle = above + share_all / 2
    near = np.abs(middle - middle[cut]) <= NEIGHBOURS / 2
    near[cut] = True
    density_ratio = share_leavers[near].sum() / share_all[near].sum()
    direct = -density_ratio * fit.weight * (contacted - depth)
    return captured / depth, at.influence(effect, direct=direct) / depth


def net_benefit(at: HorizonRows) -> list[Estimated]:
    """Net benefit of acting on risks above the average risk."""
    return [net_benefit_at(at, risk, at.prevalence) for risk in at.risks]


def net_benefit_at(at: HorizonRows, risk: Floats, threshold: float) -> Estimated:
    """Net benefit of acting on risks of at least the threshold (Vickers and Elkin 2006)."""
    act = (risk >= threshold).astype(np.float64)
    odds = threshold / (1 - threshold)
    # NB = P(leaver, acted on) - P(stayer, acted on) t / (1 - t).
    return weighted_mean(at, act * (at.everyone.case - at.everyone.control * odds))


def calibration(at: HorizonRows) -> list[Estimated]:
    """Observed minus predicted risk."""
    # Mean of w (y - p): y = 1 for leavers, 0 for everybody else.
    everyone = at.everyone
    return [weighted_mean(at, everyone.case * (1 - risk) - everyone.control * risk) for risk in at.risks]


def integrated_brier(at: HorizonRows) -> list[Estimated]:
    """Average of the Brier score up to the horizon by the trapezoid rule; 0 as long as nobody has left."""
    size = len(at.rows.names)
    value = np.zeros(size)
    influence = np.zeros((size, at.rows.fit.n))
    times = np.linspace(0, at.horizon_days, STEPS + 1)[1:]
    for time, share in zip(times, time_shares(list(times), rule="trapezoid"), strict=True):
        step = at.earlier(float(time))
        if step is None:
            continue
        for score, (brier_then, influence_then) in enumerate(brier(step)):
            value[score] += share * brier_then
            influence[score] += share * influence_then
    return [(float(value[score]), influence[score]) for score in range(size)]


def uno_c(at: HorizonRows) -> list[Estimated]:
    """Uno's C up to the horizon, involuntary leavers censored; its error includes the estimation of G."""
    return _concordance(at, time_weight="n/G2", estimated=True)


def harrell_c(at: HorizonRows) -> list[Estimated]:
    """Harrell's C up to the horizon, involuntary leavers censored."""
    return _concordance(at, time_weight="n", estimated=False)


def _concordance(at: HorizonRows, *, time_weight: str, estimated: bool) -> list[Estimated]:
    fit = at.rows.fit
    # One kind of event: whoever leaves otherwise is censored, as Uno et al. (2011) have it.
    voluntary = follow_up(fit.duration, (fit.event == 1).astype(np.int64), weights=fit.weight)
    codes = [code[voluntary.order] for code in at.rows.codes]
    result = concordance_of(
        voluntary, codes, time_weight=time_weight, horizon=at.horizon_days, estimated=estimated
    )
    return [(float(value), effect) for value, effect in zip(result.value, result.influence, strict=True)]


@dataclass(frozen=True, kw_only=True)
class ContestMetric:
    """A metric by its computation.

    Attributes
    ----------
    label : str
    compute : callable
        From the rows at a horizon to the value of each score with its influence values.
    is_auc : bool
        Between 0 and 1, 0.5 by chance, and the margin of equivalence is one of it.
    every_horizon : bool
        False where only the primary horizon is asked about.
    marginal_only : bool
        True where its weights take censoring to hang on nothing, so that a Cox model of it cannot be used.
    """

    label: str
    compute: Callable[[HorizonRows], list[Estimated]]
    is_auc: bool = False
    every_horizon: bool = True
    marginal_only: bool = False


AUC = "auc"
#: What can be asked for beside the AUC, in the order in which tables show it.
METRICS: dict[str, ContestMetric] = {
    "auc_all": ContestMetric(
        label="AUC, involuntary leavers counted as stayers", compute=auc_all, is_auc=True
    ),
    "brier": ContestMetric(label="Brier score of calibrated risks", compute=brier),
    "ibs": ContestMetric(
        label="Brier score of calibrated risks, averaged over the time up to the primary horizon",
        compute=integrated_brier,
        every_horizon=False,
    ),
    "ipa": ContestMetric(
        label="index of prediction accuracy (1 - Brier/Brier of the average risk)", compute=ipa
    ),
    "lift": ContestMetric(label="lift of the riskiest tenth", compute=lift),
    "net_benefit": ContestMetric(label="net benefit at the average risk", compute=net_benefit),
    "calibration": ContestMetric(label="observed minus predicted risk", compute=calibration),
    "uno_c": ContestMetric(
        label="Uno's C up to the primary horizon, involuntary leavers censored",
        compute=uno_c,
        every_horizon=False,
        marginal_only=True,
    ),
    "harrell_c": ContestMetric(
        label="Harrell's C up to the primary horizon, involuntary leavers censored",
        compute=harrell_c,
        every_horizon=False,
    ),
}
#: Their names in words.
METRIC_LABELS = {name: definition.label for name, definition in METRICS.items()}
AUC_METRIC = ContestMetric(label="AUC", compute=auc, is_auc=True)


def measured(contest: Sequence[HorizonRows], name: str) -> PredictionMetric:
    """Compute one metric of every score at every horizon it is asked at.

    Parameters
    ----------
    contest : sequence of HorizonRows
        The primary horizon first.
    name : str
        ``"auc"``, or one of `METRICS`.

    Returns
    -------
    Measure
        Values (scores, horizons) and their influence values in the order of the frame.
    """
    definition = definition_of(name)
    at = asked_at(contest, name)
    by_horizon = [definition.compute(horizon) for horizon in at]
    by_score = [list(estimates) for estimates in zip(*by_horizon, strict=True)]
    return prediction_metric(contest[0].rows.fit, name, [horizon.followed for horizon in at], by_score)


def definition_of(name: str) -> ContestMetric:
    """Return what a metric is."""
    if name == AUC:
        return AUC_METRIC
    return METRICS[name]


def asked_at(contest: Sequence[HorizonRows], name: str) -> Sequence[HorizonRows]:
    """Return the horizons at which a metric is asked for: all, or the primary one."""
    if definition_of(name).every_horizon:
        return contest
    return contest[:1]
