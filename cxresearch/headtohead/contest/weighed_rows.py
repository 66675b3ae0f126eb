"""A contest seen from a horizon: its rows, the weights of both sides and calibrated risks, each made once."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from cxresearch.headtohead.contest.contest_rows import ContestRows
from cxresearch.headtohead.contest.covariates import covariates
from cxresearch.stats.hazards.censoring_cox import cox_censoring_of
from cxresearch.stats.models.spline import category_basis, linear_basis, spline_basis
from cxresearch.stats.prediction.censoring import Censoring, MarginalCensoring
from cxresearch.stats.prediction.cross_fitted_risk import cross_fitted
from cxresearch.stats.prediction.few_leavers import Reference
from cxresearch.stats.prediction.ipcw import Sides, codes_of, marginal_risk, sides_of, split_weights

if TYPE_CHECKING:
    from cxresearch.aliases import Floats, Places

MARGINAL = "marginal"


@dataclass(frozen=True, kw_only=True)
class HorizonRows:
    """The rows seen from one horizon, all arrays sorted by duration as ``rows.fit`` is.

    Attributes
    ----------
    rows : ContestRows
    form : str
        Form of the scores, which settles how a score is turned into a risk.
    censoring : Censoring
        Distribution of the time to censoring.
    followed : Sides
        Leavers against customers followed past the horizon: the estimand.
    everyone : Sides
        Leavers against everybody else, customers who left otherwise among them.
    """

    rows: ContestRows
    form: str
    censoring: Censoring
    followed: Sides
    everyone: Sides

    @property
    def horizon_days(self) -> float:
        """The horizon."""
        return self.followed.horizon

    def influence(self, effect: Floats, *, direct: Floats | float = 0.0) -> Floats:
        """Influence values (n,) of an estimate.

        Parameters
        ----------
        effect : array, shape (n,)
            ``n`` times the derivative of the estimate by the log of each row's inverse weight.
        direct : array, shape (n,), or 0
            What rows add otherwise than by these weights.
        """
        # Gerds and Schumacher (2006): IF = psi + cost of estimating G, beside a part free of G.
        return effect + self.censoring.term(effect, self.horizon_days) + direct

    def earlier(self, time: float) -> HorizonRows | None:
        """Return the rows seen from an earlier time; None if nobody had left by then."""
        weight = self.censoring.inverse_weights(time)
        everyone = split_weights(self.rows.fit, weight, time)
        if not everyone.case.any():
            return None
        followed = split_weights(self.rows.fit, weight, time, controls="event_free")
        return dataclasses.replace(self, followed=followed, everyone=everyone)

    @cached_property
    def risks(self) -> tuple[Floats, ...]:
        """Cross-fitted risk of leaving by the horizon under each score, m arrays of shape (n,)."""
        return cross_fitted_risks(self.rows, self.everyone, form=self.form)

    @cached_property
    def average_risk(self) -> Floats:
        """Risk of everybody in the other folds: the prediction without any score, shape (n,)."""
        fold, everyone = self.rows.folds, self.everyone
        nothing = np.zeros(len(fold), dtype=np.intp)
        known = everyone.case + everyone.control
        risk = cross_fitted(nothing, fold, everyone.case, known, np.ones((1, 1)))
        return np.asarray(risk[nothing, fold])

    @cached_property
    def prevalence(self) -> float:
        """Weighted share of leavers."""
        return marginal_risk(self.rows.fit, self.everyone)

    @cached_property
    def reference(self) -> Reference:
        """What errors are judged by: the fewest of leavers, stayers and clusters, counted in customers."""
        customer = self.rows.clusters[self.rows.fit.order]
        sides = (np.ones(len(customer)), self.followed.case, self.followed.control)
        counts = [np.count_nonzero(np.bincount(customer[weight > 0])) for weight in sides]
        return Reference(smallest=int(min(counts)))

    @cached_property
    def shares(self) -> Floats:
        """How much of the leavers, or of the stayers, a row's customer holds, shape (n,), rows as given."""
        order = self.rows.fit.order
        customer = self.rows.clusters[order]
        share = np.zeros(len(customer))
        for weight in (self.followed.case, self.followed.control):
            held = np.bincount(customer, weights=weight)[customer] / weight.sum()
            share = np.where(weight > 0, held, share)
        as_given = np.empty(len(customer))
        as_given[order] = share
        return as_given

    def reference_of(self, influence: Floats) -> Reference:
        """Return what the error of one estimate is judged by, from its influence values (n,), rows as given.

        One row of one weight a customer is judged by the fewest; otherwise customers may be unequal.
        """
        weight = self.rows.fit.weight
        if int(self.rows.clusters.max()) + 1 == len(weight) and weight.min() == weight.max():
            return self.reference
        return self.reference.by_clusters(influence, self.shares, self.rows.clusters)


def weigh(
    rows: ContestRows, horizons_days: Sequence[float], *, form: str, censoring: str | Sequence[str]
) -> tuple[HorizonRows, ...]:
    """Weigh leavers and stayers at every horizon, the primary one first.

    Parameters
    ----------
    rows : ContestRows
    horizons_days : sequence of float
    form : str
        Under ``"spline"`` scores are replaced by their cross-fitted risk at the primary horizon.
    censoring : "marginal" or sequence of str
        Columns that being followed may depend on; see :func:`cxresearch.compare`.

    Raises
    ------
    DataError
        If nobody left within a horizon, or nobody is followed past it.
    """
    fitted = _censoring(rows, censoring, until=max(horizons_days))
    both = []
    for horizon in horizons_days:
        # 1/G(T- | x) for whoever left by the horizon, 1/G(horizon | x) for whoever is followed past it.
        weight = fitted.inverse_weights(horizon)
        followed = sides_of(rows.fit, weight, horizon, controls="event_free")
        everyone = split_weights(rows.fit, weight, horizon)
        both.append((followed, everyone))
    if form == "spline":
        rows = _ranked_by_risk(rows, both[0][0])
    return tuple(
        HorizonRows(rows=rows, form=form, censoring=fitted, followed=followed, everyone=everyone)
        for followed, everyone in both
    )


def _censoring(rows: ContestRows, columns: str | Sequence[str], *, until: float) -> Censoring:
    """Fit the censoring; where nobody is censored up to the last horizon all weights are 1 either way."""
    fit = rows.fit
    marginal = MarginalCensoring(fit=fit)
    censored = (fit.event == 0) & (fit.duration <= fit.reaching(until))
    if columns == MARGINAL or not censored.any():
        return marginal
    table = covariates(rows.frame, columns)
    if table.empty:  # every column is the same for all
        return marginal
    return cox_censoring_of(fit, table, until=until)


def cross_fitted_risks(rows: ContestRows, at: Sides, *, form: str) -> tuple[Floats, ...]:
    """Cross-fitted risk of each contestant at one horizon, sorted rows.

    Five folds by customer: nobody's risk comes from a model that saw this customer. Logistic in the score,
    or in a natural cubic spline of it; each level its own risk in forms with few levels.
    """
    known = at.case + at.control
    risks = []
    for code, levels in zip(rows.codes, rows.levels, strict=True):
        basis = _basis(rows, code, levels, form=form)
        by_level = cross_fitted(code, rows.folds, at.case, known, basis)
        risks.append(by_level[code, rows.folds])
    return tuple(risks)


def _basis(rows: ContestRows, code: Places, levels: Floats, *, form: str) -> Floats:
    """Columns (levels, p) of the logistic regression that turns a score into a risk."""
    if form == "spline":
        weight = np.bincount(code, weights=rows.fit.weight).astype(np.float64)
        return spline_basis(levels, weight)
    if form in ("top_box", "categories"):
        return category_basis(levels)
    return linear_basis(levels)


def _ranked_by_risk(rows: ContestRows, at: Sides) -> ContestRows:
    """Replace scores by their cross-fitted risk on a spline, at the primary horizon."""
    risk = np.empty_like(rows.risk)
    risk[:, rows.fit.order] = np.stack(cross_fitted_risks(rows, at, form="spline"))
    coded = [codes_of(values.round(12)) for values in risk]
    return dataclasses.replace(
        rows,
        risk=risk,
        codes=tuple(code[rows.fit.order] for code, _ in coded),
        levels=tuple(levels for _, levels in coded),
    )
