"""P-values of many tests, corrected for looking at all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from cxresearch.aliases import Floats


def holm(p_values: ArrayLike) -> Floats:
    """Return p-values corrected for looking at all of them, of which any may be true nulls.

    Parameters
    ----------
    p_values : array-like of float, shape (tests,)
        Missing ones are no tests: they stay missing, and do not count in the size of the family.

    Returns
    -------
    array of float, shape (tests,)

    Notes
    -----
    By statsmodels (``multipletests``). It holds however the tests hang together.

    References
    ----------
    Holm (1979), Scandinavian Journal of Statistics 6, 65, https://www.jstor.org/stable/4615733.

    Examples
    --------
    >>> holm([0.04, 0.01, float("nan"), 0.03])
    array([0.06, 0.03,  nan, 0.06])
    """
    return corrected(p_values, method="holm")


def corrected(p_values: ArrayLike, *, method: str) -> Floats:
    """Return p-values corrected for looking at all of them by a method of statsmodels, or as they are.

    Parameters
    ----------
    p_values : array-like of float, shape (tests,)
        Missing ones are no tests.
    method : {"holm", "fdr_bh", "none"}
        The chance of any false finding, or the share of false ones among the findings (Benjamini and Hochberg
        1995, doi:10.1111/j.2517-6161.1995.tb02031.x).

    Examples
    --------
    >>> corrected([0.04, 0.01, float("nan"), 0.03], method="fdr_bh")
    array([0.04, 0.03,  nan, 0.04])
    """
    from statsmodels.stats.multitest import multipletests

    values = np.array(p_values, dtype=np.float64)
    tests = np.isfinite(values)
    # Of one test the corrected p-value is its own; multipletests takes a tenth of a second for garbage.
    if tests.sum() > 1 and method != "none":
        values[tests] = multipletests(values[tests], method=method)[1]
    return values
