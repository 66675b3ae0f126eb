"""Efron's partial likelihood, its derivatives and its maximum, and each row's part in them."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cxresearch.errors import CxWarning, DataError
from cxresearch.stats.survival.risk_sets import RiskSets, risk_sets
from cxresearch.stats.survival.risk_table import SurvivalRows

if TYPE_CHECKING:
    from cxresearch.aliases import Bools, Floats, Ints


@dataclass(frozen=True, kw_only=True)
class Likelihood:
    """Log partial likelihood at some coefficients, its gradient (p,) and negative Hessian (p, p)."""

    loglik: float
    score: Floats
    information: Floats


@dataclass(frozen=True, kw_only=True)
class TermMeans:
    """Risk of the rows (n,), its sum (e,) and the mean covariates (e, p) in each term."""

    risk: Floats
    total: Floats
    mean: Floats


def term_means(sets: RiskSets, x: Floats, beta: Floats) -> TermMeans:
    """Evaluate what every quantity below needs; the rows' weight is part of their risk."""
    # r_i = w_i exp(x_i b); S0 = sum of r over the term, xbar = sum of r x over the term / S0.
    risk = sets.weight * np.exp(_times(x, beta))
    total = sets.terms(risk)
    mean = np.empty((total.size, x.shape[1]), order="F")
    for j, column in enumerate(x.T):
        mean[:, j] = sets.terms(risk * column) / total
    return TermMeans(risk=risk, total=total, mean=mean)


def evaluate(sets: RiskSets, x: Floats, beta: Floats) -> Likelihood:
    """Efron's log partial likelihood with its derivatives.

    The second moment of the covariates in all risk sets together needs no (e, p, p) array: it is
    ``x' diag(risk a) x`` with ``a`` the sum of 1/total over the terms a row was at risk in.
    """
    means = term_means(sets, x, beta)
    tie_weight = sets.mean_weight
    case_weight = sets.weight[sets.case]
    case = x[sets.case]
    # Efron (1977): l = sum over cases of w x b - sum over terms of wbar log S0, with case weights as in R.
    loglik = float((case_weight * _times(case, beta) - tie_weight * np.log(means.total)).sum())
    # dl/db = sum over cases of w x - sum over terms of wbar xbar.
    score = _crossed(case_weight, case) - _crossed(tie_weight, means.mean)
    return Likelihood(loglik=loglik, score=score, information=information(sets, x, means, tie_weight))


def information(sets: RiskSets, x: Floats, means: TermMeans, weight: Floats) -> Floats:
    """Sum over terms of ``weight`` times the covariance of x in the term, shape (p, p)."""
    # sum_k weight_k (S2_k / S0_k - xbar_k xbar_k'), the first part regrouped by row.
    row_weight = means.risk * sets.gathered(weight / means.total)
    return moments_of(x, row_weight) - moments_of(means.mean, weight)


# Products of a long, narrow matrix by einsum rather than BLAS: BLAS wakes threads for each of these small
# products, which costs ten times the product itself where the cores have other work.
def _times(x: Floats, beta: Floats) -> Floats:
    return np.asarray(np.einsum("ij,j->i", x, beta), dtype=np.float64)


def _crossed(weight: Floats, x: Floats) -> Floats:
    return np.asarray(np.einsum("i,ij->j", weight, x), dtype=np.float64)


def moments_of(x: Floats, weight: Floats) -> Floats:
    """Return the weighted sum of products of columns, shape (p, p)."""
    return np.asarray(np.einsum("ij,ik->jk", x * weight[:, None], x), dtype=np.float64)


def score_residuals(sets: RiskSets, x: Floats, beta: Floats) -> Floats:
    """Contribution of each row to the score, times its weight, shape (n, p).

    ``w_i (x_i - mean of xbar over the terms of its tie)`` where the row has the event, less
    ``r_i sum_k (x_i - xbar_k) hazard_k`` over the terms k in which it was at risk (Lin and Wei 1989).
    """
    means = term_means(sets, x, beta)
    # Breslow's estimate of the baseline hazard gained in each of Efron's terms: wbar / S0.
    hazard = sets.mean_weight / means.total
    hazard_met = sets.gathered(hazard)
    # Mean over the d terms of a tie: each case was at risk in every one of them.
    ties = np.bincount(sets.at)[sets.at]
    residual = np.empty_like(x)
    for j, column in enumerate(x.T):
        mean = means.mean[:, j]
        mean_met = sets.gathered(hazard * mean)
        residual[:, j] = -means.risk * (column * hazard_met - mean_met)
        mean_of_tie = sets.tied(mean)[sets.at] / ties
        residual[sets.case, j] += sets.weight[sets.case] * (column[sets.case] - mean_of_tie)
    return residual


_STEPS = 30


@dataclass(frozen=True, kw_only=True)
class CoxData:
    """Checked rows with covariates, ready for a fit; also what residuals and predictions are made from.

    Attributes
    ----------
    rows : SurvivalRows
        n rows.
    sets : RiskSets
        Their risk sets.
    x : ndarray, shape (n, p)
        Covariates less ``centre``.
    centre : ndarray, shape (p,)
        Weighted means of the covariates.
    names : tuple of str, length p
        Covariates.
    """

    rows: SurvivalRows
    sets: RiskSets
    x: Floats
    centre: Floats
    names: tuple[str, ...]


def cox_data_of(
    rows: SurvivalRows, x: Floats, names: tuple[str, ...], *, strata: Ints | None = None
) -> CoxData:
    """Centre checked covariates and lay out the risk sets; see :func:`cox_data`.

    Parameters
    ----------
    rows : SurvivalRows
    x : ndarray, shape (n, p)
    names : tuple of str, length p
    strata : ndarray of int, shape (n,), optional
    """
    centre = np.average(x, axis=0, weights=rows.weight)
    return CoxData(rows=rows, sets=risk_sets(rows, strata), x=x - centre, centre=centre, names=names)


@dataclass(frozen=True, kw_only=True)
class CoxMaximum:
    """Where the partial likelihood is largest.

    Attributes
    ----------
    null, optimum : Likelihood
        At zero and at the maximum, of the covariates over their spread.
    scaled : ndarray, shape (p,)
        Coefficients of the covariates over their spread.
    scaled_inverse : ndarray, shape (p, p)
        Their inverse information.
    spread : ndarray, shape (p,)
        Standard deviations of the covariates.
    iterations : int
    separated : tuple of str
        Covariates without a finite coefficient.
    """

    null: Likelihood
    optimum: Likelihood
    scaled: Floats
    scaled_inverse: Floats
    spread: Floats
    iterations: int
    separated: tuple[str, ...]

    @property
    def unscale(self) -> Floats:
        """Products of spreads, shape (p, p)."""
        return np.outer(self.spread, self.spread)

    @property
    def coefficient(self) -> Floats:
        """Coefficients of the covariates as they are, shape (p,)."""
        return self.scaled / self.spread

    @property
    def inverse(self) -> Floats:
        """Inverse information of :attr:`coefficient`, shape (p, p)."""
        # A column divided by s has a coefficient s times as large: cov(b) = cov(scaled) / (s s').
        return self.scaled_inverse / self.unscale


def maximum_of(data: CoxData) -> CoxMaximum:
    """Maximise the partial likelihood of checked data; no tests, no robust errors."""
    spread = _spread(data)
    x = data.x / spread
    null = evaluate(data.sets, x, np.zeros(len(data.names)))
    _check_rank(null.information, data.names)
    beta, optimum, iterations = _newton(data.sets, x, null)
    inverse, undetermined = _inverse(optimum.information)
    return CoxMaximum(
        null=null,
        optimum=optimum,
        scaled=beta,
        scaled_inverse=inverse,
        spread=spread,
        iterations=iterations,
        separated=_separated(data.names, beta, inverse @ optimum.score, undetermined),
    )


def _separated(names: Sequence[str], beta: Floats, last_step: Floats, undetermined: Bools) -> tuple[str, ...]:
    """Name the covariates whose coefficient has no finite estimate, and warn of them."""
    # The rule of R's coxph: at a maximum the next Newton step is nothing beside the coefficient.
    still_moving = np.abs(last_step) > np.maximum(1e-9, np.sqrt(1e-9) * np.abs(beta))
    separated = tuple(name for name, off in zip(names, undetermined | still_moving, strict=True) if off)
    if separated:
        warnings.warn(
            f"no finite coefficient for {', '.join(separated)}: it separates those who leave from those who "
            "stay. The likelihood-ratio test holds, the ratio and its interval do not.",
            CxWarning,
            stacklevel=5,
        )
    return separated


def _inverse(matrix: Floats) -> tuple[Floats, Bools]:
    """Return the inverse information (p, p), and which coefficients (p,) it says nothing about any more."""
    values, vectors = np.linalg.eigh(matrix)
    least = 1e-15 * float(values.max())
    flat = values <= least
    if not flat.any():
        return np.asarray(np.linalg.inv(matrix), dtype=np.float64), flat
    # V diag(1/values) V' with the directions without information held at the least admitted.
    inverse = (vectors / np.maximum(values, max(least, 1e-300))) @ vectors.T
    return inverse, np.asarray((np.abs(vectors[:, flat]) > 1e-6).any(axis=1))


def _spread(data: CoxData) -> Floats:
    """Weighted standard deviation of each centred covariate, shape (p,)."""
    spread = np.asarray(np.sqrt(np.average(data.x**2, axis=0, weights=data.rows.weight)), dtype=np.float64)
    flat = spread <= 1e-12 * np.maximum(1.0, np.abs(data.centre))
    if flat.any():
        raise DataError(
            f"covariate {data.names[int(np.argmax(flat))]!r} has one value only",
            next_step="leave it out; nothing can be learnt about it",
        )
    return spread


def _check_rank(information_matrix: Floats, names: Sequence[str]) -> None:
    """Name the first covariate that is a combination of those before it, within risk sets."""
    scale = np.sqrt(np.maximum(np.diag(information_matrix), 0))
    for j, name in enumerate(names):
        if scale[j] <= 0:
            raise DataError(
                f"covariate {name!r} never differs among people at risk together", next_step="leave it out"
            )
        earlier = information_matrix[:j, :j] / np.outer(scale[:j], scale[:j])
        with_earlier = information_matrix[:j, j] / (scale[:j] * scale[j])
        # Squared multiple correlation R^2 = r' R^-1 r of a covariate with those before it.
        if j and with_earlier @ np.linalg.lstsq(earlier, with_earlier, rcond=None)[0] > 1 - 1e-9:
            raise DataError(
                f"covariate {name!r} is a combination of {', '.join(map(repr, names[:j]))}",
                next_step="leave one of them out",
            )


def _newton(sets: RiskSets, x: Floats, start: Likelihood) -> tuple[Floats, Likelihood, int]:
    """Newton's method with halved steps; stops when the likelihood no longer moves."""
    # b + I^-1 U, halved while the likelihood falls.
    beta = np.zeros(x.shape[1])
    current = start
    for iteration in range(1, _STEPS + 1):  # noqa: B007 - returned
        step, candidate = _halved(sets, x, beta, current)
        if not (np.isfinite(candidate.loglik) and np.isfinite(candidate.information).all()):
            break
        gain = candidate.loglik - current.loglik
        beta = beta + step
        current = candidate
        if abs(gain) <= 1e-12 * abs(current.loglik):
            break
        # An information this ill-conditioned is that of coefficients on their way to infinity.
        if np.linalg.cond(current.information) > 1e15:
            break
    return beta, current, iteration


def _halved(sets: RiskSets, x: Floats, beta: Floats, current: Likelihood) -> tuple[Floats, Likelihood]:
    """The Newton step, halved until the likelihood does not fall, and the likelihood where it leads."""
    step = np.linalg.solve(current.information, current.score)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        candidate = evaluate(sets, x, beta + step)
        for _ in range(_STEPS):
            if candidate.loglik >= current.loglik - 1e-12 * abs(current.loglik):
                break
            step = step / 2
            candidate = evaluate(sets, x, beta + step)
    return np.asarray(step, dtype=np.float64), candidate
