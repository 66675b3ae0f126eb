"""Columns that stand for a score in a model: straight, one a level, or a restricted cubic spline."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cxresearch.errors import DataError

if TYPE_CHECKING:
    from cxresearch.aliases import Floats

#: Harrell's customary quantiles for 3, 4 and 5 knots.
KNOT_QUANTILES = {3: (0.10, 0.50, 0.90), 4: (0.05, 0.35, 0.65, 0.95), 5: (0.05, 0.275, 0.5, 0.725, 0.95)}


def spline_knots(values: Floats, knots: int = 4) -> Floats:
    """Choose knots at customary quantiles.

    Parameters
    ----------
    values : ndarray, shape (n,)
        Observed values, none missing.
    knots : {3, 4, 5}
        Number of knots wanted. A score with few distinct answers can have fewer; three is the least.

    Raises
    ------
    DataError
        If fewer than three distinct values occur: a curve needs three points.

    Examples
    --------
    >>> spline_knots(np.arange(101.0), 3)
    array([ 9., 49., 90.])
    """
    distinct = np.unique(values)
    if distinct.size < 3:
        raise DataError(
            f"a spline needs three distinct values, there are {distinct.size}",
            next_step="use the score as it is",
        )
    chosen = np.unique(np.quantile(values, KNOT_QUANTILES[knots], method="closest_observation"))
    if chosen.size < 3:  # most answers are alike: spread the knots over the answers given
        chosen = distinct[np.unique(np.linspace(0, distinct.size - 1, 3).round().astype(int))]
    return np.asarray(chosen, dtype=np.float64)


def restricted_cubic(values: Floats, knots: Floats) -> Floats:
    """Return the columns that bend: with the value itself they span all restricted cubic splines.

    Own code, ten lines, because the straight column stays apart from the bends, so that "is it straight?" is
    one Wald test, robust where the fit is; spline bases of scikit-learn and patsy mix the two.

    Parameters
    ----------
    values : ndarray, shape (n,)
        Where to evaluate.
    knots : ndarray, shape (k,)
        At least three, rising.

    Returns
    -------
    ndarray, shape (n, k - 2)
        On the scale of the values (divided by the squared range of the knots); zero below the first knot.

    References
    ----------
    Harrell, Regression Modeling Strategies, 2015, doi:10.1007/978-3-319-19425-7, section 2.4.5.

    Examples
    --------
    >>> bend = restricted_cubic(np.array([0.0, 1.0, 2.0, 3.0, 4.0, 5.0]), np.array([1.0, 2.0, 3.0]))
    >>> bend.ravel()
    array([0.  , 0.  , 0.25, 1.5 , 3.  , 4.5 ])
    """
    last = knots[-1]
    before = knots[-2]

    def cube(knot: float) -> Floats:
        return np.asarray(np.maximum(values - knot, 0.0) ** 3)

    # Harrell (2015), section 2.4.5: beyond the last knot cubes and squares cancel, so the curve is straight.
    columns = [
        cube(knot)
        - cube(before) * (last - knot) / (last - before)
        + cube(last) * (before - knot) / (last - before)
        for knot in knots[:-2]
    ]
    if not columns:
        return np.empty((len(values), 0))
    return np.asarray(np.column_stack(columns) / (last - knots[0]) ** 2, dtype=np.float64)


def linear_basis(levels: Floats) -> Floats:
    """Intercept and level scaled to 0..1, shape (levels, 2).

    Parameters
    ----------
    levels : ndarray, shape (levels,)
        Two or more, rising.

    Examples
    --------
    >>> linear_basis(np.array([1.0, 3.0, 5.0]))[:, 1]
    array([0. , 0.5, 1. ])
    """
    scaled = (levels - levels[0]) / (levels[-1] - levels[0])
    return np.column_stack([np.ones(len(levels)), scaled])


def category_basis(levels: Floats) -> Floats:
    """Intercept and a column for every level but the first, shape (levels, levels).

    Examples
    --------
    >>> category_basis(np.array([1.0, 3.0]))
    array([[1., 0.],
           [1., 1.]])
    """
    return np.column_stack([np.ones(len(levels)), np.eye(len(levels))[:, 1:]])


def spline_basis(levels: Floats, weight: Floats, *, knots: int = 4) -> Floats:
    """Restricted cubic spline with an intercept, shape (levels, p), knots at weighted quantiles.

    Parameters
    ----------
    levels : ndarray, shape (levels,)
        Distinct, rising.
    weight : ndarray, shape (levels,)
        Of the rows at each level.
    knots : {3, 4, 5}
        With no more levels than knots every level gets its own coefficient.

    Examples
    --------
    >>> spline_basis(np.arange(11.0), np.ones(11)).shape
    (11, 4)
    """
    if len(levels) <= knots:
        return category_basis(levels)
    straight = linear_basis(levels)
    # Middle of each level's share of the weight; the quantiles lie between them.
    share = (np.cumsum(weight) - weight / 2) / weight.sum()
    places = np.unique(np.interp(KNOT_QUANTILES[knots], share, straight[:, 1]))
    # Cubes of a score from 0 to 1, whatever the range of the knots: a ridge means the same everywhere.
    bends = restricted_cubic(straight[:, 1], places) * (places[-1] - places[0]) ** 2
    return np.column_stack([straight, bends])
