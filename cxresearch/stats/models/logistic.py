"""The one logistic regression: row weights, an offset, a ridge, and a covariance robust by cluster."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from scipy.linalg import qr, solve_triangular
from scipy.special import expit, logit

from cxresearch.checks import check_number, check_same_length
from cxresearch.errors import ArgumentError, DataError
from cxresearch.stats.models.clustered_covariance import cluster_codes, cluster_sums

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from cxresearch.aliases import Bools, Floats

#: Newton steps at most; a finite maximum takes about six, one at infinity is noticed after some thirty.
MOST_STEPS = 100
#: Halvings of a step that overshoots.
MOST_HALVINGS = 60
#: A rise of the log-likelihood below this, relative to its size, counts as none.
FLAT = 1e-11
#: A step that moves no linear predictor by more than this, relative to their size, is the last one.
SETTLED = 1e-10
#: A last step that moves them by more than this shows a maximum at infinity.
STILL_MOVING = 1e-3


@dataclass(frozen=True, kw_only=True)
class LogisticFit:
    """A logistic regression by maximum likelihood.

    Attributes
    ----------
    coefficients : ndarray, shape (p,)
    covariance : ndarray, shape (p, p)
        Inverse information; with clusters the sandwich of Liang and Zeger.
    contributions : ndarray, shape (n,)
        Log-likelihood of each row times its weight, in the order of the rows given; 0 where the weight is 0.
    n, clusters : int
        Rows with positive weight, and their clusters (the rows themselves where none were given).
    """

    coefficients: Floats
    covariance: Floats
    contributions: Floats
    n: int
    clusters: int

    @property
    def se(self) -> Floats:
        """Standard errors, shape (p,)."""
        return np.sqrt(np.diag(self.covariance))

    @property
    def loglik(self) -> float:
        """Maximised log-likelihood, without the penalty of a ridge."""
        return float(self.contributions.sum())

    @property
    def aic(self) -> float:
        """Akaike's criterion; it assumes independent rows and weights that count them."""
        return 2 * len(self.coefficients) - 2 * self.loglik

    @property
    def bic(self) -> float:
        """Schwarz' criterion with the number of rows of positive weight; it assumes what :attr:`aic` does."""
        return float(np.log(self.n) * len(self.coefficients) - 2 * self.loglik)


def logistic_fit(
    design: Floats,
    outcome: ArrayLike,
    *,
    weights: Floats | None = None,
    offset: Floats | None = None,
    clusters: ArrayLike | None = None,
    ridge: float = 0.0,
) -> LogisticFit:
    """Fit ``P(y = 1) = 1 / (1 + exp(-(X b + offset)))`` by Newton's method with halved steps.

    Parameters
    ----------
    design : ndarray, shape (n, p)
        With a column of ones, the first, if an intercept is wanted. No missing values. Columns may be of any
        scale and far from zero: they are made orthogonal inside.
    outcome : array-like, shape (n,)
        True or false, or shares from 0 to 1 with the size of each row as its weight.
    weights : ndarray, shape (n,), optional
        Row weights, 0 or more; rows of weight 0 are passed over.
    offset : ndarray, shape (n,), optional
        Added to the linear predictor with coefficient 1.
    clusters : array-like, shape (n,), optional
        Labels of any kind; rows of one cluster may depend on each other in any way.
    ridge : float
        Penalty on half the squared coefficients, the first excepted; in the units of the columns given.
        Above 0, coefficients stay finite whatever the data, columns may repeat each other, and the covariance
        is that of the penalised fit.

    Returns
    -------
    LogisticFit

    Raises
    ------
    ArgumentError
        If lengths differ, a value is missing, or a weight is negative.
    DataError
        If everybody or nobody is a case, columns repeat each other, a combination of columns separates cases
        from controls so that no finite coefficients exist, or there is one cluster only.

    Notes
    -----
    The numbers are those of statsmodels ``GLM(family=Binomial())``, with ``freq_weights`` for weights and
    ``cov_type="cluster"`` with its factor ``G/(G-1) (n-1)/(n-p)`` for clusters. Own code because statsmodels
    does not support weights and clusters together, and does not say when no finite fit exists.

    References
    ----------
    Albert and Anderson (1984), doi:10.1093/biomet/71.1.1, for separation; Liang and Zeger (1986),
    doi:10.1093/biomet/73.1.13, for clusters.

    Examples
    --------
    >>> X = np.c_[np.ones(6), [0, 0, 0, 1, 1, 1]]
    >>> y = np.array([0, 0, 1, 0, 1, 1], dtype=bool)
    >>> fit = logistic_fit(X, y, clusters=np.arange(6))
    >>> bool(np.isclose(fit.coefficients[1], 2 * np.log(2)))
    True
    """
    rows = _observations(design, outcome, weights, offset, ridge)
    to_design, newton, solution = _maximum(rows, ridge)
    # Coefficients and covariance back on the columns given: b = T c and cov(b) = T cov(c) T'.
    bread = to_design @ _inverse(newton.information(solution)) @ to_design.T
    covariance = bread
    groups = rows.n
    if clusters is not None:
        codes = _positive_codes(rows, clusters)
        scores = rows.design * newton.residual(solution)[:, None]
        covariance, groups = _sandwich(bread, scores, codes)
    contributions = np.zeros(len(rows.positive))
    contributions[rows.positive] = newton.contributions(solution.linear)
    return LogisticFit(
        coefficients=to_design @ solution.c,
        covariance=covariance,
        contributions=contributions,
        n=rows.n,
        clusters=groups,
    )


def logistic_coefficients(design: Floats, outcome: Floats, *, weights: Floats, ridge: float) -> Floats:
    """Return the coefficients alone of a fit to checked arrays; see :func:`logistic_fit`."""
    positive = weights > 0
    rows = _Observations(
        design=design[positive],
        outcome=outcome[positive],
        weights=weights[positive],
        offset=np.zeros(np.count_nonzero(positive)),
        positive=positive,
    )
    to_design, _, solution = _maximum(rows, ridge)
    return to_design @ solution.c


def _maximum(rows: _Observations, ridge: float) -> tuple[Floats, _Newton, _State]:
    """Matrix T, shape (p, p), that scales the columns, and the maximum on the columns X T."""
    # A ridge counts in units of the columns given, so where there is one they are scaled, not mixed.
    to_design = _largest_one(rows)
    if ridge == 0:
        to_design = _orthogonal(rows)
    newton = _Newton(columns=rows.design @ to_design, rows=rows, penalty=_penalty(to_design, ridge))
    return to_design, newton, newton.maximum(_start(rows, to_design))


@dataclass(frozen=True, kw_only=True)
class _Observations:
    """The rows of positive weight; ``positive`` says which of all those are."""

    design: Floats
    outcome: Floats
    weights: Floats
    offset: Floats
    positive: Bools

    @property
    def n(self) -> int:
        return len(self.outcome)


def _observations(
    design: Floats, outcome: ArrayLike, weights: Floats | None, offset: Floats | None, ridge: float
) -> _Observations:
    check_number("ridge", ridge, at_least=0)
    y = np.asarray(outcome, dtype=np.float64)
    x = np.asarray(design, dtype=np.float64)
    n = check_same_length(design=x, outcome=y, weights=weights, offset=offset)
    w = _filled("weights", weights, 1.0, n)
    shift = _filled("offset", offset, 0.0, n)
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise ArgumentError(
            "design or outcome has missing or infinite values",
            wanted="a number in every cell",
            next_step="leave rows that lack a value out, and count them",
        )
    if (w < 0).any():
        raise ArgumentError("a weight is negative", wanted="weights of 0 or more")
    positive = w > 0
    cases = float(w @ y)
    if not 0 < cases < w.sum():
        raise DataError(
            "everyone is a case" if cases else "nobody is a case",
            wanted="cases and controls",
            next_step="choose a longer horizon or a wider group",
        )
    return _Observations(
        design=x[positive],
        outcome=y[positive],
        weights=w[positive],
        offset=shift[positive],
        positive=positive,
    )


def _filled(name: str, values: Floats | None, default: float, n: int) -> Floats:
    if values is None:
        return np.full(n, default)
    array = np.asarray(values, dtype=np.float64)
    if not np.isfinite(array).all():
        raise ArgumentError(f"{name} has missing or infinite values", wanted="a number for each row")
    return array


def _orthogonal(rows: _Observations) -> Floats:
    """Matrix T, shape (p, p), that makes the columns of X T orthonormal under the row weights.

    Newton's method on X T takes the same path whatever the units and origins of the columns.
    """
    weighted = rows.design * np.sqrt(rows.weights)[:, None]
    # Each column over its length first, so that pivoting and rank ignore the units.
    size = np.sqrt((weighted**2).sum(axis=0))
    p = weighted.shape[1]
    _check_rank(size > 0)
    triangle, pivot = qr(weighted / size, mode="r", pivoting=True)
    diagonal = np.abs(np.diag(triangle))
    # The rule of numpy.linalg.matrix_rank: below rounding of the largest, a column adds nothing.
    _check_rank(diagonal > max(weighted.shape) * np.finfo(np.float64).eps * diagonal[0])
    if len(diagonal) < p:
        raise _repeated()
    back = np.zeros((p, p))
    back[pivot] = solve_triangular(triangle[:p], np.eye(p))
    return np.asarray(back / size[:, None])


def _check_rank(adds: Bools) -> None:
    if not adds.all():
        raise _repeated()


def _repeated() -> DataError:
    return DataError(
        "no unique logistic fit exists: a column repeats others or is zero throughout",
        wanted="columns none of which follows from the others",
        next_step="drop the column that repeats others",
    )


def _largest_one(rows: _Observations) -> Floats:
    """Diagonal matrix T, shape (p, p), that scales each column to a largest absolute value of 1."""
    largest = np.abs(rows.design).max(axis=0)
    return np.diag(1 / np.where(largest > 0, largest, 1.0))


def _penalty(to_design: Floats, ridge: float) -> Floats:
    """Weight of each squared coefficient of the scaled columns, shape (p,)."""
    # b = T c with T diagonal wherever there is a ridge, so ridge b^2 = ridge T^2 c^2.
    penalty = ridge * np.diag(to_design) ** 2
    penalty[0] = 0.0
    return np.asarray(penalty)


@dataclass(frozen=True, kw_only=True)
class _State:
    """Where the climb stands: coefficients c, linear predictor h = Z c + offset, risk, and log-likelihood."""

    c: Floats
    linear: Floats
    risk: Floats
    value: float


@dataclass(frozen=True, kw_only=True)
class _Newton:
    """Newton's method: l(c) = sum w (y h - log(1 + exp h)) - c' P c / 2 with h = Z c + offset."""

    columns: Floats
    rows: _Observations
    penalty: Floats

    #: Log odds beyond which a risk is 0 or 1 to the last digit.
    LARGEST: ClassVar[float] = 35.0

    def state(self, c: Floats, linear: Floats) -> _State:
        value = float(self.contributions(linear).sum() - self.penalty @ c**2 / 2)
        risk = expit(np.clip(linear, -self.LARGEST, self.LARGEST))
        return _State(c=c, linear=linear, risk=risk, value=value)

    def contributions(self, linear: Floats) -> Floats:
        return np.asarray(self.rows.weights * (self.rows.outcome * linear - np.logaddexp(0, linear)))

    def residual(self, state: _State) -> Floats:
        return np.asarray(self.rows.weights * (self.rows.outcome - state.risk))

    def information(self, state: _State) -> Floats:
        # Minus the second derivative: Z' diag(w p (1 - p)) Z + P.
        spread = self.rows.weights * state.risk * (1 - state.risk)
        return np.asarray((self.columns * spread[:, None]).T @ self.columns + np.diag(self.penalty))

    def step(self, state: _State) -> Floats:
        gradient = self.columns.T @ self.residual(state) - self.penalty * state.c
        information = self.information(state)
        try:
            return np.asarray(np.linalg.solve(information, gradient))
        except np.linalg.LinAlgError:
            # On the way to infinity nothing may be left of it to the last digit.
            return np.asarray(np.linalg.lstsq(information, gradient, rcond=None)[0])

    def maximum(self, start: Floats) -> _State:
        """Climb until the predictions settle; refuse data whose likelihood rises for ever.

        Near a finite maximum each step is the square of the last. Towards one at infinity the likelihood
        stops rising while every step still moves the predictions by about one unit of the log odds. How large
        they are says nothing: one extreme covariate makes them so without separation.
        """
        state = self.state(start, self.columns @ start + self.rows.offset)
        before = np.inf
        for _ in range(MOST_STEPS):
            reached = self._climbed(state)
            moved = float(np.abs(reached.linear - state.linear).max() / (1 + np.abs(reached.linear).max()))
            flat = abs(reached.value - state.value) < FLAT * (1 + abs(reached.value))
            state = reached
            if moved < SETTLED or (flat and moved > before / 2):
                break
            before = moved
        if moved > STILL_MOVING and not self.penalty.any():
            raise DataError(
                "no finite logistic fit exists: a combination of columns separates cases from controls",
                wanted="columns that leave both outcomes possible",
                next_step="drop the column that tells the outcome, or one that few rows have, "
                "or one measured after the fact",
            )
        return state

    def _climbed(self, state: _State) -> _State:
        """Take Newton's step, halved until the likelihood does not fall; return where it leads."""
        step = self.step(state)
        shift = self.columns @ step
        for _ in range(MOST_HALVINGS):
            reached = self.state(state.c + step, state.linear + shift)
            if reached.value >= state.value - 1e-13 * abs(state.value):
                break
            step = step / 2
            shift = shift / 2
        return reached


def _inverse(information: Floats) -> Floats:
    try:
        return np.asarray(np.linalg.inv(information))
    except np.linalg.LinAlgError:
        return np.asarray(np.linalg.pinv(information, hermitian=True))


def _start(rows: _Observations, to_design: Floats) -> Floats:
    """Coefficients of the scaled columns at the average risk, where the first column is an intercept."""
    first = rows.design[:, 0]
    start = np.zeros(len(to_design))
    if first[0] == 0 or (first != first[0]).any():
        return start
    share = rows.weights @ rows.outcome / rows.weights.sum()
    start[0] = logit(share) / first[0]
    # b = T c, so c = T^-1 b.
    return np.asarray(np.linalg.solve(to_design, start))


def _positive_codes(rows: _Observations, clusters: ArrayLike) -> np.ndarray:
    labels = np.asarray(clusters)
    check_same_length(design=rows.positive, clusters=labels)
    return cluster_codes(labels[rows.positive])


def _sandwich(bread: Floats, scores: Floats, codes: np.ndarray) -> tuple[Floats, int]:
    """Covariance robust by cluster, and the number of clusters."""
    n, p = scores.shape
    summed = cluster_sums(scores.T, codes)
    groups = summed.shape[1]
    if groups < 2:
        raise DataError("there is one customer only", wanted="several, to tell how much they differ")
    if n <= p:
        raise DataError(f"{n} rows for {p} coefficients", wanted="more rows than coefficients")
    # Liang and Zeger (1986), with Stata's factor for few clusters, which statsmodels takes too.
    factor = groups / (groups - 1) * (n - 1) / (n - p)
    return np.asarray(factor * bread @ (summed @ summed.T) @ bread), groups
