"""Cells of answers, the differences between a cell and what surrounds it, and their clustered errors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]

#: A cell's variance counts together with the variance of all answers, which counts as this many answers:
#: thirty equal answers do not have variance nought (as in Smyth 2004, doi:10.2202/1544-6115.1027).
PRIOR_ANSWERS = 30.0


@dataclass(frozen=True, kw_only=True)
class CellMoments:
    """Sums of the answers in each cell; cell 0 holds all answers.

    Attributes
    ----------
    n : array, shape (cells,)
        Answers.
    total, squares : array, shape (cells,) or (cells, draws)
        Sums of what the answers count, and of its square.
    """

    n: Floats
    total: Floats
    squares: Floats

    @property
    def mean(self) -> Floats:
        """Means, shape as ``total``; NaN for an empty cell."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray((self.total.T / self.n).T)


@dataclass(frozen=True, kw_only=True)
class Contrasts:
    """Which cell is compared with the rest of which cell that holds it.

    Attributes
    ----------
    cell, base : array of int, shape (contrasts,)
        The difference is the mean of ``cell`` less the mean of ``base`` without ``cell``.
    design : array, shape (contrasts,)
        Factor by which the answers of one customer, alike as they are, raise the variance.
    """

    cell: Indices
    base: Indices
    design: Floats


@dataclass(frozen=True, kw_only=True)
class Differences:
    """Differences with their standard errors; arrays of shape (contrasts,) or (contrasts, draws)."""

    value: Floats
    se: Floats

    @property
    def t(self) -> Floats:
        """Difference over its error; 0 where there is no error to divide by."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(self.se > 0, self.value / self.se, 0.0)


def differences(moments: CellMoments, contrasts: Contrasts) -> Differences:
    """Return each cell's mean less the mean of the rest of its base.

    Parameters
    ----------
    moments : CellMoments
        Of one set of answers, or of many draws at once.
    contrasts : Contrasts
        Cells, bases and design factors.

    Notes
    -----
    SE^2 = (v_1/n_1 + v_0/n_0) F, where v is the variance within the cell (the rest) moderated by that of all
    answers, (n s^2 + k v_all)/(n + k) with k = `PRIOR_ANSWERS`, and F the design factor.

    Examples
    --------
    >>> moments = CellMoments(
    ...     n=np.array([4.0, 2.0]), total=np.array([12.0, 3.0]), squares=np.array([46.0, 5.0])
    ... )
    >>> one = Contrasts(cell=np.array([1]), base=np.array([0]), design=np.ones(1))
    >>> differences(moments, one).value
    array([-3.])
    """
    shape = (-1, *([1] * (moments.total.ndim - 1)))
    n_cell = moments.n[contrasts.cell].reshape(shape)
    n_rest = moments.n[contrasts.base].reshape(shape) - n_cell
    total = moments.total[contrasts.cell]
    squares = moments.squares[contrasts.cell]
    rest = moments.total[contrasts.base] - total
    rest_squares = moments.squares[contrasts.base] - squares
    # v = mean of squares - square of the mean, of all answers
    overall = moments.squares[0] / moments.n[0] - (moments.total[0] / moments.n[0]) ** 2
    # D = mean of the cell - mean of the rest of its base
    value = total / n_cell - rest / n_rest
    variance = moderated_variance(n_cell, total, squares, overall) / n_cell
    variance = variance + moderated_variance(n_rest, rest, rest_squares, overall) / n_rest
    return Differences(value=value, se=np.sqrt(variance * contrasts.design.reshape(shape)))


def moderated_variance(n: Floats, total: Floats, squares: Floats, overall: Floats) -> Floats:
    """Return (n s^2 + k v)/(n + k), where n s^2 is the sum of squares about the cell's own mean.

    Parameters
    ----------
    n, total, squares : array
        Answers of the cell, and their sums.
    overall : array
        Variance v of all answers.
    """
    # n s^2 = sum y^2 - (sum y)^2 / n
    within = np.maximum(squares - total**2 / n, 0.0)
    return np.asarray((within + PRIOR_ANSWERS * overall) / (n + PRIOR_ANSWERS))


@dataclass(frozen=True, kw_only=True)
class Repeats:
    """How often the same customers answer, in each cell and beside it.

    Attributes
    ----------
    within : array, shape (cells,)
        Sum over customers of N^2, with N a customer's answers in the cell.
    shared : array, shape (contrasts,)
        Sum over customers of N times their answers in the contrast's base.
    """

    within: Floats
    shared: Floats


def design_factors(n: Floats, cell: Indices, base: Indices, repeats: Repeats, alike: float) -> Floats:
    """Return how much larger the variance of a difference is than with every answer from another customer.

    Parameters
    ----------
    n : array, shape (cells,)
        Answers.
    cell, base : array of int, shape (contrasts,)
        As in `Contrasts`.
    repeats : Repeats
        Answers of the same customers.
    alike : float
        Correlation of two answers of one customer.

    Notes
    -----
    With weights w of the answers in a contrast (1/n_1 in the cell, -1/n_0 in the rest) and correlation r
    within customers, var / (s^2 sum w^2) = 1 + r (sum_c (sum_i w_ci)^2 / sum w^2 - 1) (Kish 1965).

    Examples
    --------
    >>> once = Repeats(within=np.array([4.0, 2.0]), shared=np.array([2.0]))
    >>> design_factors(np.array([4.0, 2.0]), np.array([1]), np.array([0]), once, 0.5)
    array([1.])
    """
    n_cell = n[cell]
    n_rest = n[base] - n_cell
    both = 1 / n_cell + 1 / n_rest
    # sum over customers of (N_1 (1/n_1 + 1/n_0) - N_base / n_0)^2
    clustered = repeats.within[cell] * both**2
    clustered = clustered - 2 * both * repeats.shared / n_rest + repeats.within[base] / n_rest**2
    return np.asarray(np.maximum(1 + alike * (clustered / both - 1), 0.1))


def likeness(values: Floats, customer: Indices) -> float:
    """Return the correlation of two answers of one customer, 0 where there is none to be seen.

    Parameters
    ----------
    values : array, shape (n,)
        What the answers count.
    customer : array of int, shape (n,)
        Number of the customer, from 0.

    Notes
    -----
    Sum of the products of pairs of residuals within customers over the number of such pairs, as a share of
    the variance (the pairwise estimator of the intraclass correlation; Fisher 1925).

    Examples
    --------
    >>> round(likeness(np.array([1.0, 1.0, -1.0, -1.0]), np.array([0, 0, 1, 1])), 9)
    1.0
    """
    if not len(values):
        return 0.0
    residual = values - values.mean()
    sizes = np.bincount(customer).astype(np.float64)
    pairs = float((sizes * (sizes - 1)).sum())
    spread = float((residual**2).mean())
    if pairs == 0 or spread == 0:
        return 0.0
    sums = np.bincount(customer, weights=residual)
    # sum of e_i e_j over pairs i != j of a customer: (sum e)^2 - sum e^2
    products = float((sums**2).sum() - (residual**2).sum())
    return min(max(products / pairs / spread, 0.0), 1.0)
